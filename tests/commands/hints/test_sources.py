"""No hint is printed that nobody has tried: each one in the sources is in the table, or below with a reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache

from support.sources import ROOT, modules, reads_sources

from .table import VARIES
from .test_table import SCENES

# Where one of these is made, the argument of this number is a hint; for an error of errors.py it is 1.
HINTED = {"Problem": 2, "left": 2, "postponed": 2, "failed": 2, "_refused": 2, "UsageError": 0, "BadParameter": 0}
HINTED |= {"RefusedError": 1, "TakenError": 1}  # of databricks_local
HINTED |= {"state": 2}  # of a watch
HELP = ("option", "flag", "named", "argument")
COMMAND = re.compile(r"`|\b(?:to|from)_databricks\b|(?<![\w-])--[a-z]")
ADVICE = re.compile(r"(?:[:;,] (?:create|run|uncomment|replace|remove)|(?:^|\. ) *(?:Remove|Choose)) (?:it|the|what|…)")
TRIED = [text for scene in SCENES.values() for row in scene.rows for text in (row.message, row.hint)]

# Hints that are not typed here, and why.
NOT_TYPED = {
    "Type `… lfs pull`; in CI, check out with LFS.": "git-lfs is another program, with a server of its own",
    "It stands for a file of git-annex: type `…` and `…`.": "git-annex is another program",
    "Install databricks-branch-sync outside of it, in another virtual environment, and type its command.": (
        "it asks a registry; tests/commands/test_git_drivers.py has an installation elsewhere"
    ),
    "Type `pip install nbformat`.": "it asks a registry",
    "Upgrade: pip install -U databricks-branch-sync": "it asks a registry",
    "Behind a company proxy, set REQUESTS_CA_BUNDLE to its certificates.": (
        "tests/unit/remote/test_transport.py sets it: test_a_trusted_certificate, test_a_certificate_nobody_knows"
    ),
    "Log in again as before, for example with `databricks auth login…` or `az login`.": "it opens a browser",
    "Check that branch out and run the command again.": (
        "tests/watch/test_branches.py does it: test_a_switch_in_the_middle_of_a_pull"
    ),
    "git is changing files; if it was killed, remove …": ("tests/watch/test_branches.py removes it: test_a_killed_git"),
    "The watch goes on when that run has ended.": "tests/watch/test_troubles.py waits for it: test_a_run_beside_it",
    " Run the command with the option in another terminal; then the watch goes on.": (
        "tests/watch/test_troubles.py does it: test_an_emptied_folder_halts"
    ),
    "Run the command again; add --wait SECONDS to wait for the other run.": (
        "a lock is lost only by a machine that was asleep for minutes"
    ),
    "Run the command again later; nothing is lost.": "only after five minutes of refusals",
    "Run the command again when it has finished.": "only while git checks out again and again",
    "Run the command again when that is done.": "only while another program writes to the file",
    "Nothing was written; run the command again.": "only when a branch is checked out within the look at the files",
    "Remove … or the new file; both have the same name in the workspace.": (
        "only when a file is saved within the moment in which its extension changes"
    ),
    "Make sure that it is writable and its disk not full, and run the command again: nothing is lost.": (
        "tests/safety/test_faults.py fills a disk"
    ),
    "Close the programs that use it, and run the command again.": "only Windows refuses to move an open file",
    "The workspace on this machine ends with this command, and its page too. To look at it, type "
    "`databricks_local serve` and open the address that it prints.": (
        "tests/emulator/test_command.py does it: test_serve_prints_the_settings"
    ),
    "Please report this notebook.": "nobody knows such a notebook",
    "Please report it with …, and run the command again: nothing is lost.": "nobody knows such a mistake",
}
# Texts with a command in them that tell nobody to type it.
NO_HINTS = (
    "With --merge, write both versions of such a cell into your file, between conflict markers.",
    "Delete the workspace folder of --branch, --target or --merged: what you pushed and nobody edited there.",
    "With --remove, delete the folders of all branches that are merged or gone, as far as git knows.",
    "Skipped: not deleted, because of --no-delete",
    "  … and … more (--json lists them all)",
    "  … and … more (--short lists them all)",
    "… more files contain what looks like a credential (--json lists them all).",
    "--poll was given",
    "git merge-file --marker-size=%L %A %O %B",
    "multipart/form-data; boundary=…",
)


def template(node: ast.expr | None) -> str | None:
    """A text of the sources, with `…` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else VARIES for part in node.values)  # type: ignore[misc]
    return None


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@cache
def errors() -> set[str]:
    trees = [modules(ROOT / package)[ROOT / package / "errors.py"] for package in ("databricks_sync", "mlflow_hooks")]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


class Hints(ast.NodeVisitor):
    """Collects the texts of a module that are hints, or have a command in them."""

    def __init__(self, module: ast.Module) -> None:
        self.texts: set[str] = set()
        self._named: dict[str, list[ast.expr]] = {}  # what is given the name, anywhere in the module
        for node in ast.walk(module):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(node, (ast.Assign, ast.AugAssign)) and isinstance(target, ast.Name):
                self._named.setdefault(target.id, []).append(node.value)
        self.visit(module)

    def add(self, node: ast.expr) -> None:
        """All texts that an expression may be, which is a hint."""
        if (text := template(node)) is not None:
            self.texts.add(text)
        elif isinstance(node, ast.Name):
            for value in self._named.pop(node.id, []):
                self.add(value)
        elif isinstance(node, ast.IfExp):
            self.add(node.body)
            self.add(node.orelse)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                self.add(value)
        elif isinstance(node, ast.BinOp):
            self.add(node.left)
            self.add(node.right)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # else it is a docstring
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = called(node)
        if name in HELP:
            return
        if name == "Again":
            before = next((template(keyword.value) or VARIES for keyword in node.keywords), "")
            words = "run the command again" if before and not before.endswith(". ") else "Run the command again"
            self.texts.add(before + words + (template(node.args[0]) or "." if node.args else "."))
            return
        number = HINTED.get(name, 1 if name in errors() else None)
        for argument in node.args[number : number + 1] if number is not None else ():
            self.add(argument)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:  # what to say, and what to type
            self.add(node.value.elts[1])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self._take(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._take(node)

    def _take(self, node: ast.expr) -> None:
        text = template(node) or ""
        if " " in text.strip() and (COMMAND.search(text) or ADVICE.search(text)):
            self.texts.add(text)


def in_sources(package: str, but: tuple[str, ...] = ()) -> Iterator[str]:
    """Every hint that a package may print, with `…` for what is filled in; `but`: not those of these modules."""
    folder = ROOT / package
    texts = {
        text
        for file, module in modules(folder).items()
        if not str(file.relative_to(folder)).startswith(but)
        for text in Hints(module).texts
    }
    yield from sorted(text for text in texts if re.search(r"[a-z]{3}", text))


def is_tried(text: str, rows: Sequence[str] = TRIED) -> bool:
    """Whether a row of the table has it: alone, or with what is said before and after."""
    words = re.sub(r"(\\ )+", " +", re.escape(text.strip(f"{VARIES} ")))
    return any(re.search(words.replace(re.escape(VARIES), ".*"), tried) for tried in rows)


@reads_sources
def test_every_hint_is_tried() -> None:
    """A hint that is new in the sources gets a row in the table, or a reason why it cannot have one."""
    hints = list(in_sources("databricks_sync"))
    assert len(hints) > 150
    assert [text for text in hints if not is_tried(text) and text not in NOT_TYPED and text not in NO_HINTS] == []


@reads_sources
def test_every_reason_is_about_a_hint() -> None:
    """No reason is left of a hint that is gone, or that has a row by now; and the tests that are named exist."""
    hints = set(in_sources("databricks_sync"))
    assert [text for text in (*NOT_TYPED, *NO_HINTS) if text not in hints or is_tried(text)] == []
    for reason in NOT_TYPED.values():
        for file in re.findall(r"tests/[\w/]+\.py", reason):
            text = (ROOT / file).read_text(encoding="utf-8")
            assert all(f"def {name}(" in text for name in re.findall(r"\btest_\w+\b(?!\.py)", reason))


MODULE = """
HINT = "Stand on your head."
def act(gone):
    "Not `this`."
    more = "Wait."
    more += f" Then remove {gone}."
    if gone:
        return "It went.", "Look elsewhere." if gone else "Look here."
    print("There is none: create it.", "about `that` file", option("--x", help="not `this`"))
    raise SettingsError("It is odd.", HINT) from Busy("It is old.", more)
    Again(" later.", before=f"Mend {gone}, and ")
"""


def test_hints_are_found_wherever_they_stand() -> None:
    """A hint is found beside its message, under a name, in parts, by the words `run again` and by its command."""
    assert Hints(ast.parse(MODULE)).texts == {
        "Stand on your head.",
        "Wait.",
        " Then remove ….",
        "Look elsewhere.",
        "Look here.",
        "about `that` file",
        "There is none: create it.",
        "Mend …, and run the command again later.",
    }
