"""Every call of git. Git decides where the project's state lives, which branch this is, what is carried.

Git is never left to find a repository by itself, for it takes any folder with the right names in it for one, and its
configuration for the person's: whoever writes into a folder that is carried would choose what git runs. Which
repository is meant is found from the project upwards by `.git` alone, and named in every call.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from databricks_sync import shell
from databricks_sync.errors import SettingsError, ValveError, printable
from databricks_sync.rules.finished_branches import Branch

# Set by git around hooks; they would make our git look at another repository or index than the project's.
_HOOK_VARIABLES = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)
# What a configuration may have git run, and no call of ours needs. An empty core.fsmonitor is none for every git:
# before 2.36 `false` was the name of a program. There is no pager where the output is no terminal.
_CONFIGURATION = (
    *("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"),
    *("-c", "submodule.recurse=false", "-c", "protocol.ext.allow=never", "-c", "safe.bareRepository=explicit"),
)
# SOURCE: git's setup.c, die_upon_dubious_ownership(); the second is git 2.35.2 to 2.37.
_DUBIOUS = re.compile(r"dubious ownership in repository at '(.+)'|unsafe repository \('(.+)' is owned by")
_ORIGIN, _IGNORES_CASE = "remote.origin.url", "core.ignorecase"
_YES = ("true", "yes", "on", "1")  # of a setting, as `git config --type=bool` reads it
_OFF = {"required": "false"}  # a filter is off where what it runs is empty, and then it must not be needed
# Files and folders of the git directory -> the operation that is in progress while they are there.
OPERATIONS = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}


# SOURCE: git-for-each-ref(1). The path of a work tree may hold anything, so only whether there is one is asked for.
_BRANCH = "%(refname)%00%(symref)%00%(upstream:track)%00%(if)%(worktreepath)%(then)+%(end)"
_USUAL = ("main", "master")  # names of default branches, where git was told no other one
_RENAMES = 400  # files that are compared with as many others to find out where they were; equal ones always are
# SOURCE: git-status(1), porcelain format version 2: so many fields stand before the path of what was changed, of what
# is in conflict, and of what git does not know.
_FIELDS = {"1": 8, "u": 10, "?": 1}
UNTRACK = "rm --cached -f"  # by force also what was staged and then edited; the file itself stays


class Entry(NamedTuple):
    """A path git knows of, relative to the folder asked about.

    `sparse`: tracked, but kept off the disk. `unmerged`: a merge, stash or cherry-pick left it in conflict, which need
    not show in any other way.
    """

    path: str
    tracked: bool
    sparse: bool = False
    unmerged: bool = False


class Status(NamedTuple):
    """Which commit is checked out ("" before the first one), and what is not as it was committed, or not known to git
    and not ignored; None where git cannot be asked.
    """

    commit: str
    changed: list[str] | None


class Difference(NamedTuple):
    """A file that is not the same in two commits, by its path from the top. Its hash is "" where it is not.

    `mode` is that of git, such as `100644`; `old_path` is another one where it was renamed.
    """

    path: str
    old_path: str
    mode: str
    old_mode: str
    hash: str
    old_hash: str


class GitState(NamedTuple):
    """What git was about at one instant. Between two equal ones there was no checkout.

    `index_stat` is the state of the index's file: a checkout writes the files first, then the index, and HEAD last.
    """

    branch: str | None
    operation: str | None
    locked: bool  # git is at work, or was killed at it
    index_stat: tuple[int, int, int] | None


class _GitFailed(SettingsError):
    """`stderr`: what git says in English (LC_ALL=C), which is all it tells of why."""

    def __init__(self, folder: Path, command: str, stderr: str) -> None:
        reason = stderr.splitlines()[0] if stderr else "no reason given"
        super().__init__(f"git {command} failed in {folder}: {reason}.")
        self.stderr = stderr


class Repository:
    """The git work tree that holds the project folder. Raises SettingsError where there is none."""

    def __init__(self, project: Path) -> None:
        self.project = project
        work_tree = _work_tree(project)
        queries = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--git-path", "databricks_sync")
        # Asked there, and nowhere above: it is git that knows whether the person may trust the owner of this folder.
        answer = _git(work_tree, "rev-parse", *queries, ceiling=work_tree.parent)
        top, own, common, state = answer.decode("utf-8", "surrogateescape").splitlines()
        self.top = Path(top)
        self.git_dir = Path(own)
        # A project in the git directory is one in `.git`, or in a folder that only looks like a git directory.
        real, git_dir = (Path(os.path.realpath(folder)) for folder in (project, self.git_dir))
        if not self.top.samefile(work_tree) or real.is_relative_to(git_dir):
            raise _no_repository(project)
        self._head = self.git_dir / "HEAD"
        self.common_dir = Path(os.path.abspath(work_tree / common))
        self.state = Path(os.path.abspath(work_tree / state))
        # What does not change while a branch is checked out is asked once: a watch holds on to its repository.
        self._configured = cache(self._read_configured)
        self.origin = cache(self._origin)
        self.first_commits = cache(self._first_commits)
        self.ignores_case = cache(self._ignores_case)

    def branch(self) -> str | None:
        """The branch that is checked out, also when it has no commit yet; None for a detached HEAD."""
        reference = self.head().strip().decode("utf-8", "surrogateescape")
        if reference.startswith("ref: refs/heads/") and not reference.endswith("/.invalid"):  # with reftables it is
            return reference.removeprefix("ref: refs/heads/")
        # Not --short: that says `heads/name` as soon as there is a tag of the same name.
        answer = self._git(self.project, "symbolic-ref", "--quiet", "HEAD", accept=(0, 1))
        return answer.decode("utf-8", "surrogateescape").strip().removeprefix("refs/heads/") or None

    def operation(self) -> str | None:
        """The operation in progress (a rebase, a merge ...), during which files are in no state of anybody's."""
        return next((name for mark, name in OPERATIONS.items() if (self.git_dir / mark).exists()), None)

    def head(self) -> bytes:
        """What git's own file says of the branch that is checked out: quick to ask, and the same while it stays."""
        return _held(self._head)

    def git_state(self) -> GitState:
        """What git is about now."""
        try:
            status = (self.git_dir / "index").stat()
            index = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            index = None
        return GitState(self.branch(), self.operation(), (self.git_dir / "index.lock").exists(), index)

    @property
    def shallow(self) -> bool:
        """Whether its history was cut off, so that its first commits are not known."""
        return (self.common_dir / "shallow").exists()

    def _origin(self) -> frozenset[str]:
        """The address this repository was cloned from, if any: it identifies it wherever it is cloned."""
        return frozenset({f"origin {_plain(self.address())}"} if self.address() else ())

    def name(self) -> str:
        """What people call it: the last part of the address that it was cloned from, or else its folder's name."""
        match = re.search(r"([^/:@\\?#]+?)(?:\.git)?[/\\]*$", self.address())
        return match[1] if match else self.top.name

    def address(self) -> str:
        """The address this repository was cloned from, as git has it: a path and a credential may be in it."""
        return self._configured().get(_ORIGIN, "").strip()

    def _first_commits(self) -> frozenset[str]:
        """The commits without a parent, which identify it too. Walks the whole history; a shallow clone has none."""
        if self.shallow:
            return frozenset()
        roots = self._git(self.project, "rev-list", "--max-parents=0", "HEAD", accept=(0, 128))
        return frozenset(f"commit {root}" for root in roots.decode().split())

    def is_of(self, url: str) -> bool:
        """Whether `url` is an address of this repository, as far as its origin tells."""
        return f"origin {_plain(url)}" in self.origin()

    def commit(self, ref: str = "HEAD") -> str:
        """The hash of the commit that is checked out, or that a ref names; "" where there is none."""
        answer = self._git(self.project, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accept=(0, 1))
        return answer.decode().strip()

    def apart(self, commit: str) -> tuple[int, int] | None:
        """How many commits `commit` (a hash) has and the one checked out has not, and the other way round.

        None where this clone does not have it.
        """
        both = ("--left-right", "--count", f"{commit}...HEAD")
        counts = self._git(self.project, "rev-list", *both, "--", accept=(0, 128))
        ahead, _, behind = counts.decode().strip().partition("\t")
        return (int(ahead), int(behind)) if behind else None

    def at(self, ref: str, path: str) -> bytes | None:
        """A file as it was at a commit, by its path from the top; None where there was none."""
        listed = self._git(self.top, "ls-tree", "--name-only", ref, "--", path)
        return self._git(self.top, "cat-file", "blob", f"{ref}:{path}") if listed.strip() else None

    def blobs(self, ref: str, path: str) -> dict[str, str]:
        """The files below `path` ("" for all) at a commit, by their paths from the top, with git's hashes of them."""
        below = ("--", f"{path}/") if path else ()
        listed = self._git(self.top, "ls-tree", "-r", "-z", ref, *below).decode("utf-8", "replace")
        entries = (entry.partition("\t") for entry in listed.split("\0") if entry.startswith("100"))
        return {name: fields.split()[2] for fields, _, name in entries}

    def differences(self, old: str, new: str, paths: Sequence[str]) -> Iterator[Difference]:
        """What is not the same in two commits (hashes), at or below these paths from the top, in their order."""
        how = ("-r", "-z", "--raw", "--no-abbrev", "--find-renames", f"-l{_RENAMES}")
        answer = self._git(self.top, "diff-tree", *how, old, new, "--", *paths, options=("--literal-pathspecs",))
        words = iter(answer.decode("utf-8", "surrogateescape").split("\0"))
        for facts in filter(None, words):
            old_mode, mode, old_hash, hash_, status = facts.removeprefix(":").split(" ")
            old_path = next(words)
            path = next(words) if status[0] in "RC" else old_path
            yield Difference(
                path, old_path, mode, old_mode, hash_.strip("0") and hash_, old_hash.strip("0") and old_hash
            )

    def sizes(self, hashes: Sequence[str]) -> dict[str, int]:
        """How many bytes each of these blobs has; those that this clone does not have are left out."""
        stdin = "".join(f"{blob}\n" for blob in hashes).encode()
        told = self._git(self.top, "cat-file", "--batch-check", stdin=stdin).decode()
        facts = (line.split(" ") for line in told.splitlines())
        return {fact[0]: int(fact[-1]) for fact in facts if fact[-1].isdigit()}

    def contents(self, hashes: Sequence[str]) -> dict[str, bytes]:
        """These blobs, all of which this clone has."""
        stdin = "".join(f"{blob}\n" for blob in hashes).encode()
        answer = self._git(self.top, "cat-file", "--batch", stdin=stdin)
        contents, start = {}, 0
        for blob in hashes:
            end = answer.index(b"\n", start)
            size = int(answer[start:end].rsplit(b" ", 1)[1])
            contents[blob] = answer[end + 1 : end + 1 + size]
            start = end + size + 2
        return contents

    def fork_point(self, commit: str, others: Sequence[str]) -> str:
        """The last commit that `commit` has in common with any of the others; "" where this clone knows of none."""
        answer = self._git(self.top, "merge-base", commit, *others, accept=(0, 1)) if others else b""
        return answer.decode().partition("\n")[0]

    def merged_into(self) -> list[str] | None:
        """The refs of the default branch, here and at the remotes, but for the branch that is checked out.

        None where no branch is known to be the default one.
        """
        defaults = self._default_branches()
        return [ref for ref in defaults if ref != f"refs/heads/{self.branch()}"] if defaults else None

    def branches(self) -> list[str]:
        """The names of all local branches."""
        listed = self._git(self.top, "for-each-ref", "--format=%(refname)", "refs/heads")
        return [name.removeprefix("refs/heads/") for name in listed.decode("utf-8", "surrogateescape").splitlines()]

    def known_branches(self) -> dict[str, Branch]:
        """All branches by name; the local one where a remote has one of its name too.

        Raises SettingsError where no branch is known to be the default one.
        """
        defaults = self._default_branches()
        if not defaults:
            raise SettingsError(
                "It is unknown which branch is the default one, so also which branches are merged.",
                "Type `git remote set-head origin --auto`; or name each branch with --branch, without --merged.",
            )
        merged = {name: _short(into) for into in defaults for name in self._refs("%(refname)", f"--merged={into}")}
        known: dict[str, Branch] = {}
        for line in self._refs(_BRANCH):
            ref, symbolic, track, checked_out = line.split("\0")
            name = _short(ref)
            if not symbolic and name not in known:  # the local ones come first
                gone = track == "[gone]"
                known[name] = Branch(name, name in map(_short, defaults), bool(checked_out), gone, merged.get(ref, ""))
        return known

    def _default_branches(self) -> list[str]:
        """The refs of the default branch, here and at the remotes; none where it is unknown which one that is."""
        heads = [line.split("\0") for line in self._refs("%(refname)%00%(symref)")]
        names = {_short(symbolic) for ref, symbolic in heads if symbolic and ref.endswith("/HEAD")}
        if not names:
            setting = self._git(self.project, "config", "--get", "init.defaultBranch", accept=(0, 1))
            local = self.branches()
            usual = (setting.decode("utf-8", "surrogateescape").strip(), *_USUAL)
            names = set([name for name in usual if name in local][:1])
        return [ref for ref in self._refs("%(refname)") if _short(ref) in names and not ref.endswith("/HEAD")]

    def _refs(self, format: str, *options: str) -> list[str]:
        """A line for each branch, the local ones first."""
        listed = self._git(self.top, "for-each-ref", f"--format={format}", *options, "refs/heads", "refs/remotes")
        return listed.decode("utf-8", "surrogateescape").splitlines()

    def tracks(self, file: Path) -> bool:
        """Whether git tracks this very file, under whatever case of its name."""
        names = self._names(file.parent, "ls-files", "-z", "--", f":(icase,literal){file.name}")
        return any(os.path.lexists(file.parent / name) and _same(file.parent / name, file) for name in names)

    def dirty(self, folder: Path) -> bool:
        """Whether something below `folder` is not as it was committed, or may not be."""
        return self.status(folder).changed != []

    def status(self, folder: Path) -> Status:
        """The commit, and what below `folder` differs from it, by its path from the top: of one and the same moment.

        A submodule is asked for its commit alone: to look into it, git would go by the submodule's configuration.
        """
        filters = self._filters()
        if any("=" in name for name in filters):  # no honest name, and none that `-c` can switch off
            return Status(self.commit(), None)
        off = [word for name in filters for word in ("-c", f"{name}={_OFF.get(name.rpartition('.')[2], '')}")]
        how = ("--porcelain=v2", "--branch", "--no-ahead-behind", "-z", "--no-renames", "--untracked-files=all")
        records = self._names(folder, "status", *how, "--ignore-submodules=dirty", "--", ".", options=off)
        told = dict(record[2:].split(" ", 1) for record in records if record.startswith("# "))
        paths = [record.split(" ", _FIELDS[record[0]])[-1] for record in records if record[0] in _FIELDS]
        return Status(told["branch.oid"].replace("(initial)", ""), paths)

    def _filters(self) -> list[str]:
        """What this repository itself would filter files with. Those of the person (git-lfs) are not among them."""
        # Of what came with the repository, or may have.
        own = {"--local": self.common_dir / "config", "--worktree": self.git_dir / "config.worktree"}
        # Git takes milliseconds to say that there are none, and a section has its name in plain letters.
        scopes = [scope for scope, file in own.items() if re.search(rb"(?i)filter|include", _held(file))]
        query = ("--includes", "--name-only", "-z", "--get-regexp", r"^filter\.")
        answers = (self._names(self.top, "config", scope, *query, accept=(0, 1, 128)) for scope in scopes)
        return sorted({name for names in answers for name in names})

    def _ignores_case(self) -> bool:
        """Whether git found the file system to take `A` and `a` for the same name."""
        return self._configured().get(_IGNORES_CASE, "").lower() in _YES

    def _read_configured(self) -> dict[str, str]:
        """What every run asks git's configuration for, at once: name -> value, the last one where there are several."""
        names = f"^({_ORIGIN}|{_IGNORES_CASE})$".replace(".", r"\.")
        answer = self._git(self.project, "config", "-z", "--get-regexp", names, accept=(0, 1))
        settings = (setting.partition("\n") for setting in answer.decode("utf-8", "replace").split("\0") if setting)
        return {name: value if equals else "true" for name, equals, value in settings}  # a name alone is a yes

    def entries(self, folder: Path) -> Iterator[Entry]:
        """What git tracks below `folder`, and what it neither tracks nor ignores."""
        answer = self._git(folder, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard", "--", ".")
        last = ""
        for record in re.finditer(r"[^\0]+", answer.decode("utf-8", "surrogateescape")):
            tag, path = record[0][0], record[0][2:].rstrip("/")  # a repository of its own is told with a slash
            if path != last:  # a file in conflict is told once for each side
                yield Entry(path, tracked=tag != "?", sparse=tag == "S", unmerged=tag == "M")
            last = path

    def filtered(self, name: str) -> list[str]:
        """The files that git keeps as what the filter `name` makes of them, by their paths from the top.

        Of all: asked about a folder, git 2.39 does not see the attributes in it.
        """
        return self._names(self.top, "ls-files", "-z", "--", f":(top,attr:filter={name})")

    def ignored_files(self, folder: Path) -> Iterator[Entry]:
        """What git ignores below `folder`."""
        for path in self._names(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", "."):
            yield Entry(path.rstrip("/"), tracked=False)

    def is_submodule(self, folder: Path) -> bool:
        """Whether a folder that git lists as tracked is a submodule, fetched or not; else a file had its name."""
        if os.path.lexists(folder / ".git"):
            return True
        listed = self._git(folder.parent, "ls-files", "-s", "--", f":(literal){folder.name}")
        return listed.startswith(b"160000 ")

    def ignored(self, paths: list[str]) -> set[str]:
        """Those of `paths` (relative to the project folder) that git would ignore if they stood there.

        A path that git refuses to judge, behind a symbolic link or in a submodule, is not git's to carry either.
        """
        if not paths:
            return set()
        stdin = "\0".join(paths).encode("utf-8", "surrogateescape")
        try:
            return set(self._names(self.project, "check-ignore", "-z", "--stdin", accept=(0, 1), stdin=stdin))
        except _GitFailed as error:  # one such path fails them all
            if "beyond a symbolic link" not in error.stderr and "in submodule" not in error.stderr:
                raise
            if len(paths) == 1:
                return set(paths)
            half = len(paths) // 2
            return self.ignored(paths[:half]) | self.ignored(paths[half:])

    @property
    def attributes(self) -> Path:
        """The file of attributes that is of this clone alone. SOURCE: gitattributes(5)."""
        return self.common_dir / "info" / "attributes"

    def setting(self, name: str) -> str | None:
        """What the repository's own configuration says; None where it says nothing."""
        answer = self._git(self.project, "config", "--local", "-z", "--get", name, accept=(0, 1))
        return answer.decode("utf-8", "surrogateescape").removesuffix("\0") if answer else None

    def configure(self, name: str, value: str | None) -> None:
        """Writes a setting into the repository's own configuration; None removes it."""
        typed = [name, value] if value is not None else ["--unset-all", name]
        self._git(self.project, "config", "--local", *typed, accept=(0,) if value is not None else (0, 5))

    def work_trees(self) -> list[Path]:
        """The folders of all work trees of the repository."""
        listed = self._git(self.top, "worktree", "list", "--porcelain").decode("utf-8", "surrogateescape")
        return [Path(line.removeprefix("worktree ")) for line in listed.splitlines() if line.startswith("worktree ")]

    def merged_text(self, base: str, ours: str, theirs: str, labels: tuple[str, str, str]) -> str:
        """Both texts in one, with markers where they changed the same lines. Raises SettingsError for binary ones."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="merge-") as folder:
            files = [Path(folder, name) for name in ("here", "base", "there")]
            for file, text in zip(files, (ours, base, theirs), strict=True):
                file.write_bytes(f"{text}\n".encode("utf-8", "surrogatepass"))
            typed = [word for label in labels for word in ("-L", label)]
            arguments = ("merge-file", "--stdout", "--diff3", *typed, *(str(file) for file in files))
            answer = self._git(self.project, *arguments, accept=tuple(range(128)))  # as many as there are conflicts
        return answer.decode("utf-8", "surrogatepass").removesuffix("\n")

    def _names(self, folder: Path, *arguments: str, **how: Any) -> list[str]:
        """What a call of git lists, each item with a NUL behind it; `how` is that of `_git`."""
        listed = self._git(folder, *arguments, **how).decode("utf-8", "surrogateescape")
        return [name for name in listed.split("\0") if name]

    def _git(
        self,
        folder: Path,
        *arguments: str,
        accept: tuple[int, ...] = (0,),
        stdin: bytes | None = None,
        options: Sequence[str] = (),
    ) -> bytes:
        """What a call of git says that is made in `folder`, about this repository whatever `folder` looks like."""
        named = (f"--git-dir={self.git_dir}", f"--work-tree={self.top}", *options)
        return _git(folder, *arguments, accept=accept, stdin=stdin, options=named)


def _short(ref: str) -> str:
    """The name of a branch, without that of its remote: `refs/remotes/origin/feature/x` is `feature/x`."""
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ref.split("/", 3)[-1]


def work_tree(folder: Path) -> Path | None:
    """The work tree that a folder is in: the nearest folder upwards, itself or above it, that has a `.git`."""
    return next((parent for parent in (folder, *folder.parents) if _has_git(f"{parent}/.git")), None)


def program(folder: Path) -> str:
    """How git is called in the current folder for the repository that `folder` is in."""
    top = work_tree(Path(os.path.realpath(folder)))
    return "git" if top is None or top == work_tree(Path.cwd()) else f"git -C {shell.path(top.as_posix())}"


def typed(command: str, folder: Path, path: str) -> str:
    """A command of git about `path` in `folder`, as it is typed in the current folder."""
    folder = Path(os.path.realpath(folder))
    called = program(folder)
    start = Path.cwd() if called == "git" else work_tree(folder) or folder
    return f"{called} {command} {shell.pathspec(Path(os.path.relpath(folder / path, start)).as_posix())}"


def _has_git(mark: str) -> bool:
    return os.path.isfile(mark) or os.path.lexists(f"{mark}/HEAD")  # noqa: PTH113 (what may not be looked at is none)


def _work_tree(project: Path) -> Path:
    """That of the project. Raises SettingsError where there is none."""
    start = Path(os.path.realpath(project))
    if not start.is_dir():
        raise SettingsError(f"{project} is not a folder.", "Correct PROJECT_FOLDER.")
    if (top := work_tree(start)) is None:
        raise _no_repository(project)
    return top


def _no_repository(folder: Path) -> SettingsError:
    command = "git init" if folder == Path.cwd() else f"git init {shell.path(folder.as_posix())}"
    return SettingsError(
        f"{folder} is not in a git repository, and git decides which files are synced.",
        f"Type `{command}`, or set PROJECT_FOLDER to a folder in a git repository.",
    )


def _untrusted(folder: str) -> SettingsError:
    """`folder`: as git names it, for it goes by that very name. A container may have no home to write a setting to."""
    typed = shell.path(folder)
    return SettingsError(
        f"{printable(folder)} belongs to another user of this machine, so git does not read it.",
        f"If you trust what is in it, type `git config --global --add safe.directory {typed}`; where that cannot be "
        f"written, set GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0={shell.word(folder)}.",
    )


def _held(file: Path) -> bytes:
    """What is in a file of git's own; nothing where there is none."""
    try:
        return file.read_bytes()
    except OSError:  # what may not be read stops git as well, which says so
        return b""


def _same(first: Path, second: Path) -> bool:
    """Whether both names are of one file, which may be a link."""
    return os.path.samestat(first.lstat(), second.lstat())


def _plain(url: str) -> str:
    """One spelling for the address of a repository, whether it is cloned over https or ssh; never a credential."""
    match = re.fullmatch(r"(?:[a-z+]+://)?(?:[^/]*@)?([^:/]+)(?::\d+)?[:/]+(.+?)(?:\.git)?/*", url)
    if not match:
        return sha256(url.encode()).hexdigest()[:16]
    host, path = match[1].lower(), match[2]
    # Azure DevOps: ssh.dev.azure.com/v3/org/project/repository is dev.azure.com/org/project/_git/repository.
    if host == "ssh.dev.azure.com":
        host, path = "dev.azure.com", re.sub(r"^v3/([^/]+)/([^/]+)/", r"\1/\2/_git/", path)
    return f"{host}/{path}"


def _git(
    folder: Path,
    *arguments: str,
    accept: tuple[int, ...] = (0,),
    stdin: bytes | None = None,
    options: Sequence[str] = (),
    ceiling: Path | None = None,
) -> bytes:
    """`ceiling`: where git ends when it looks for a repository from `folder` upwards."""
    environ = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
    environ |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    if ceiling is not None:
        environ["GIT_CEILING_DIRECTORIES"] = str(ceiling)
    typed = ["git", "-C", str(folder), *options, *_CONFIGURATION, *arguments]
    try:
        done = subprocess.run(typed, input=stdin, capture_output=True, env=environ, check=False)
    except FileNotFoundError:
        raise SettingsError("git is not installed, or not on the PATH.", "Install git and try again.") from None
    if b"could not open directory" in done.stderr:  # git only warns, and leaves out what is in it
        about = done.stderr.decode("utf-8", "replace").strip().splitlines()[0]
        raise ValveError(
            f"A local folder cannot be read, so its contents are unknown ({about}).",
            "Nothing was written; make the folder readable, or add it to .gitignore.",
        )
    if done.returncode in accept:
        return done.stdout
    stderr = done.stderr.decode("utf-8", "replace").strip()
    if match := _DUBIOUS.search(stderr):
        raise _untrusted(next(filter(None, match.groups())))
    no_work_tree = ("not a git repository", "must be run in a work tree", "cannot use bare repository")
    if any(reason in stderr for reason in no_work_tree):
        raise _no_repository(folder)
    raise _GitFailed(folder, arguments[0], stderr)
