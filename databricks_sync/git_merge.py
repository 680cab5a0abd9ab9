"""What git starts to merge two versions of a notebook: cell by cell. `to_databricks --git-drivers` sets it up.

The rules are those of `--merge`. What is no notebook on each side, or cannot be read, is merged by lines, as git does
by itself. SOURCE: gitattributes(5), "Defining a custom merge driver"; git-merge-file(1).
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from . import startup  # noqa: F401 (on Windows, it is the git of the PATH that is started)
from .errors import BrokenNotebook, printable
from .model import JUPYTER
from .notebook.cells import in_one_language
from .notebook.extras import merged_extras
from .notebook.format import identify, parse
from .notebook.merge import Markers, Merge, NotebookVersion, merge, merge_without_base

# What git calls the versions; before 2.44 it does not say, and leaves these letters as they are.
_LABELS = (("%X", "ours"), ("%S", "base"), ("%Y", "theirs"))
CONFLICT = 10  # the exit code that says so; 1 would also be that of a Python that fails
_USAGE = 129  # the exit code of a git that does not know an option


def main() -> None:
    """Merges into the file OURS, and exits with 0 or CONFLICT. With any other code it has not touched it.

    Arguments: BASE, OURS, THEIRS, the size of the markers, the path in the work tree, the names of OURS, BASE, THEIRS.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends git, and this with it
    base, ours, theirs, size, path, *labels = sys.argv[1:]
    names = [
        printable(label) if label not in ("", own) else usual
        for label, (own, usual) in zip(labels, _LABELS, strict=True)
    ]
    try:
        markers = Markers(lambda *texts: _text(texts, markers), (names[0], names[1], names[2]), int(size), _with_base())
        sys.exit(_merge(Path(path).name, (base, ours, theirs), markers))
    except OSError as error:
        sys.exit(f"error: {path} cannot be merged by cells ({error}).")


def _merge(name: str, files: tuple[str, str, str], markers: Markers) -> int:
    base, ours, theirs = files
    raws = [Path(file).read_bytes() for file in files]
    try:
        result = merged(name, raws[0], raws[1], raws[2], markers)
    except (BrokenNotebook, RecursionError):
        result = None
    if result is None or result.raw is None:
        return _by_lines((ours, base, theirs), markers)
    whole = Path(f"{ours}.new")
    whole.write_bytes(result.raw)
    whole.replace(ours)
    return CONFLICT if result.clashes else 0


def merged(name: str, base: bytes, ours: bytes, theirs: bytes, markers: Markers) -> Merge | None:
    """The merge of a notebook, with its conflicts; None for a file that is none in each version.

    `base` is empty where both sides added it. Raises BrokenNotebook, RecursionError.
    """
    formats = {identify(name, raw[:64]).format for raw in (base or ours, ours, theirs)}
    format = formats.pop()
    if format is None or formats:
        return None
    agreed, here, there = (NotebookVersion(raw, format) for raw in (base, ours, theirs))
    if format == JUPYTER:
        if not in_one_language(parse(ours), parse(theirs)):
            return merge_without_base(here, there, markers, whole=True)
        if base and _readable(base):
            return merge(agreed, here._replace(raw=merged_extras(base, ours, theirs)), there, markers)
        base = b""
    return merge(agreed, here, there, markers) if base else merge_without_base(here, there, markers)


def _readable(raw: bytes) -> bool:
    try:
        return bool(parse(raw))
    except BrokenNotebook:
        return False


def _with_base() -> bool:
    """Whether the person wants to see in a conflict what both sides come from."""
    style = subprocess.run(["git", "config", "--get", "merge.conflictStyle"], capture_output=True, check=False)
    return style.stdout.strip() in (b"diff3", b"zdiff3")


def _text(texts: tuple[str, str, str], markers: Markers) -> str:
    """The text of a cell with its conflicts; "" where git takes it for binary."""
    with TemporaryDirectory(prefix="merge-") as folder:
        files = [Path(folder, name) for name in ("base", "ours", "theirs")]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(f"{text}\n".encode("utf-8", "surrogatepass"))
        base, ours, theirs = map(str, files)
        _by_lines((ours, base, theirs), markers)
        return files[1].read_bytes().decode("utf-8", "surrogatepass").removesuffix("\n")


def _by_lines(files: tuple[str, str, str], markers: Markers) -> int:
    """Merges into the first file, as git would."""
    labels = [word for label in markers.labels for word in ("-L", label)]
    typed = ["git", "merge-file", "--quiet", *labels, f"--marker-size={markers.size}"]
    code = _USAGE
    for how in (["--diff-algorithm=histogram"], []):  # what a merge takes; git merge-file can since 2.44
        if code == _USAGE:
            code = subprocess.run([*typed, *how, *files], stderr=subprocess.DEVNULL, check=False).returncode
    return CONFLICT if code else 0
