"""Whole days of a team, with real processes: nothing that anybody typed is lost, whatever happens in whatever order.

Three clones and a linked worktree of one repository push to and pull from several folders of a workspace in which two
people work. Git is used as people use it when they are in a hurry, processes are killed, clocks are wrong, records are
copied, folders are moved. What people do may take away what they know of: a `git reset`, an edit over an edit. What a
command does may take nothing away: each text that was in a work tree, in the workspace or in a backup before it is in
one of them after it. And no backup ever goes.

A day is drawn from a seed, which a failure prints with all that was done. The same day again, as far as the times of
the processes allow: `DAY_SEED=7 pytest tests/safety/test_days.py`.
"""

from __future__ import annotations

import base64
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.project import HOME, Project, rule, until

from databricks_sync.local.files import TEMPORARY

from .scenes import TORTURE
from .test_crashes import Property
from .test_state_machine import in_the_window
from .world import Server, compose, script, values

SEEDS = [int(os.environ["DAY_SEED"])] if "DAY_SEED" in os.environ else list(range(1, 7)) if TORTURE else [1]
ROUNDS = 60 if TORTURE or "DAY_SEED" in os.environ else 15
NAMES = ("a.py", "b.ipynb", "etl/c.py", "etl/d.sql", "data.csv", "lib/util.py", "new/e.py")
YEAR = 366 * 86400
# Reads the clock as if it were another time: for a program, that is what a wrong clock is.
SKEW = """
import os, time
_real, _ns, _by = time.time, time.time_ns, int(os.environ.get("CLOCK_SKEW", "0"))
time.time = lambda: _real() + _by
time.time_ns = lambda: _ns() + _by * 10**9
_gmtime, _strftime = time.gmtime, time.strftime
time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
time.strftime = lambda form, at=None: _strftime(form, time.localtime(time.time()) if at is None else at)
"""

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no signal 9"),
    pytest.mark.long,  # forty real commands; test_state_machine.py does the same in one process
]


class Day:
    """The team's machines and what is done on them."""

    def __init__(self, server: Server, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.folder = folder
        self.done: list[str] = []
        self.counts: Counter[str] = Counter()
        self.forgiven: set[str] = set()  # the texts of an edit that landed in the one window of this round
        self._typed = 0
        (folder / "skew").mkdir(parents=True)
        (folder / "skew/sitecustomize.py").write_text(SKEW)
        upstream = folder / "upstream.git"
        first = self._project("A")
        first.git("init", "-q", "-b", "main")
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(upstream)], check=True, env=first.env)
        for name in NAMES[:4]:
            first.write(f"notebooks/{name}", self._text(name))
        first.commit("begin")
        first.git("remote", "add", "origin", str(upstream))
        first.git("push", "-q", "origin", "main")
        self.clones = {"A": first}
        for name in ("B", "C"):
            first.git("clone", "-q", str(upstream), str(folder / name))
            self.clones[name] = self._project(name)
        self.clones["C"].git("checkout", "-q", "-b", "feature")
        self.clones["B"].git("worktree", "add", "-q", "-b", "tree", str(folder / "W"))
        self.clones["W"] = self._project("W")

    def _project(self, name: str) -> Project:
        made = Project(self.folder / name, self.folder / "home", self.server)
        made.env["PYTHONPATH"] = os.pathsep.join((str(self.folder / "skew"), made.env.get("PYTHONPATH", "")))
        return made

    # --- what there is ----------------------------------------------------------------------------------------

    def _text(self, name: str) -> bytes:
        self._typed += 1
        value = f"value{self._typed}"
        return script(value) if name.startswith("lib/") else compose(name, value)

    def backups(self) -> set[str]:
        """What is in a backup of any clone."""
        files = (one for one in self.folder.rglob("backups/*/*") if one.is_file())
        return {value for one in files for value in values(one.read_bytes())}

    def there(self) -> dict[str, bytes]:
        """All objects of the workspace, by path."""
        found: dict[str, bytes] = {}
        for top in (HOME, "/Shared"):
            for name, held in self.server.tree(top).items():
                if ".databricks_sync" not in name:
                    found[f"{top}/{name}"] = held.raw
        return found

    def kept(self) -> set[str]:
        """Every text that is in a work tree, in the workspace or in a backup."""
        found = self.backups()
        for raw in self.there().values():
            found |= values(raw)
        for clone in self.clones.values():
            files = (one for one in clone.root.rglob("*") if one.is_file() and ".git" not in one.parts)
            for raw in (one.read_bytes() for one in files if one.suffix != TEMPORARY):
                found |= values(raw)
        return found

    def _clone(self) -> tuple[str, Project]:
        name = self.random.choice(sorted(self.clones))
        return name, self.clones[name]

    # --- people -----------------------------------------------------------------------------------------------

    def edits_here(self) -> str:
        name, clone = self._clone()
        path = self.random.choice(NAMES)
        clone.write(f"notebooks/{path}", self._text(path))
        return f"{name}: edits {path}"

    def deletes_here(self) -> str:
        name, clone = self._clone()
        files = sorted(one for one in (clone.root / "notebooks").rglob("*") if one.is_file())
        if len(files) > 1:
            self.random.choice(files).unlink()
        return f"{name}: deletes a file"

    def moves_here(self) -> str:
        name, clone = self._clone()
        old, new = (clone.root / "notebooks" / one for one in self.random.sample(NAMES, 2))
        if old.is_file() and not new.exists() and old.suffix == new.suffix:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.rename(new)
        return f"{name}: renames {old.name} to {new.name}"

    def edits_there(self) -> str:
        edit = self._edit_there()
        if edit:
            self.server.person(edit)
        return f"person {self.random.choice('12')}: {edit and edit['path']}"

    def _edit_there(self) -> dict[str, Any] | None:
        """An edit by one of the people in the workspace: of an object, or a new one in one of the folders."""
        objects, folders = self.there(), self._targets()
        if not folders:
            return None
        if self.random.random() < 0.3:
            path = f"{HOME}/{self.random.choice(folders)}/{self.random.choice(('new1', 'new2', 'etl/new3'))}"
        else:
            path = self.random.choice(sorted(objects))
        if path in objects and not objects[path].startswith((b"# Databricks", b"-- Databricks")):
            return {"path": path, "content": base64.b64encode(self._text(path)).decode()}
        if any(other.startswith(f"{path}/") for other in objects):
            return None
        sql = path in objects and objects[path].startswith(b"--")
        raw = self._text("x.sql" if sql else "x.py")
        return {"path": path, "source": raw.decode(), "language": "SQL" if sql else "PYTHON"}

    def deletes_there(self) -> str:
        if objects := sorted(self.there()):
            self.server.person({"path": self.random.choice(objects), "delete": True})
        return "a person deletes an object"

    def moves_a_target(self) -> str:
        """Somebody renames a whole branch folder in the workspace, or puts it back."""
        if folders := self._targets():
            old = self.random.choice(folders)
            new = old.removesuffix("-old") if old.endswith("-old") else f"{old}-old"
            if not self.server.stands(f"{HOME}/{new}"):
                self.server.person({"path": f"{HOME}/{old}", "move_to": f"{HOME}/{new}"})
        return f"a person moves one of {folders}"

    def _targets(self) -> list[str]:
        """The branch folders in the home."""
        return sorted({path.split("/")[3] for path in self.there() if path.startswith(f"{HOME}/")})

    # --- git --------------------------------------------------------------------------------------------------

    def uses_git(self) -> str:
        name, clone = self._clone()
        branches = clone.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        other = self.random.choice([*branches, "main"])
        new = f"branch{self.random.randrange(4)}"
        commands: tuple[tuple[str, ...], ...] = (
            ("commit", "-q", "-a", "-m", "work"),
            ("commit", "-q", "-a", "-m", "work"),
            ("checkout", "-q", other),
            ("checkout", "-q", "-b", new),
            ("branch", "-m", new),
            ("reset", "-q", "--hard", "HEAD~1"),
            ("reset", "-q", "--soft", "HEAD~1"),
            ("stash", "-q", "--include-untracked"),
            ("stash", "pop", "-q"),
            ("clean", "-q", "-f", "-d", "notebooks/new"),
            ("push", "-q", "--force", "origin", "HEAD:main"),
            ("pull", "-q", "--no-rebase", "--no-edit", "origin", "main"),
            ("merge", "--abort"),
            ("rebase", "-q", "origin/main"),
            ("rebase", "--abort"),
            ("add", "-A"),
            ("gc", "-q", "--prune=now"),
        )
        typed = self.random.choice(commands)
        clone.git(*typed, check=False)
        return f"{name}: git {' '.join(typed)}"

    # --- mishaps ----------------------------------------------------------------------------------------------

    def renames_a_clone(self) -> str:
        """The folder of a clone gets another name; the linked worktree and its clone stay: they name each other."""
        name = self.random.choice("AC")
        root = self.clones[name].root
        to = root.with_name(f"{name}{self.random.randrange(100)}")
        if not to.exists():
            root.rename(to)
            self.clones[name] = self._project(to.name)
        return f"{name} is now {to.name}"

    def copies_a_clone(self) -> str:
        """Somebody copies a whole clone with all that is in it, and goes on working in the copy."""
        name = self.random.choice("AC")
        to = self.folder / f"{name}{self.random.randrange(100, 200)}"
        if not to.exists():
            shutil.copytree(self.clones[name].root, to, symlinks=True)
            self.clones[name] = self._project(to.name)
        return f"{name} goes on in a copy, {to.name}"

    def copies_records(self) -> str:
        """The records of one clone land in another, as after a restore of the wrong disk."""
        one, other = self.random.sample("ABC", 2)
        source, destination = (self.clones[name].root / ".git/databricks_sync" for name in (one, other))
        for record in source.glob("*/state.db") if source.is_dir() else ():
            (destination / record.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy2(record, destination / record.parent.name)
        return f"records of {one} land in {other}"

    def loses_a_worktree(self) -> str:
        """A linked worktree is removed, and made anew."""
        main, tree = self.clones["B"], self.clones["W"]
        main.git("worktree", "remove", "--force", str(tree.root), check=False)
        shutil.rmtree(tree.root, ignore_errors=True)
        main.git("worktree", "prune", check=False)
        main.git("worktree", "add", "-q", "-f", "--detach", str(tree.root), check=False)
        tree.git("checkout", "-q", "-B", f"tree{self.random.randrange(3)}", check=False)
        return "the worktree is made anew"

    def sets_clocks(self) -> str:
        seconds = self.random.choice((0, -3600, 3600, -YEAR, YEAR))
        self.server.clock(mode=self.random.choice(("real", "real", "frozen")), offset_ms=seconds * 1000)
        return f"the workspace's clock is {seconds} s off"

    # --- the commands -----------------------------------------------------------------------------------------

    def runs(self) -> str:
        """One or two commands, which may be killed, in clones that may be the same."""
        count = self.random.choice((1, 1, 1, 2))
        begun = []
        edit = self._edit_there() if count == 1 and self.random.random() < 0.3 else None
        if edit:
            action = {"kind": "edit", "edits": [edit]}
            nth = self.random.randrange(1, 4)
            self.server.faults({"object": edit["path"], "nth": nth, "phase": "before", "action": action})
        self.server.forget()
        for _ in range(count):
            name, clone = self._clone()
            typed, skew = self._command(), self.random.choice((0, 0, 0, -YEAR, YEAR, 3600))
            process = clone.start(*typed, env={"CLOCK_SKEW": str(skew)})
            begun.append((clone, process, f"{name}: {' '.join(typed)} (clock {skew:+} s)"))
        how = "" if edit else self.random.choice(("", "", "", "at a request", "at a request", "kill", "interrupt"))
        if how == "at a request":
            kill = {"kind": "kill", "pid": begun[0][1].pid}
            phase = self.random.choice(("before", "after"))
            self.server.faults(rule("*", kill, nth=self.random.randrange(4, 30), phase=phase, times=1))
        elif how:
            if how == "interrupt":  # Python has a word of its own for who does so while it starts
                until(lambda: self.server.requests() or any(one.poll() is not None for _, one, _ in begun))
            time.sleep(self.random.uniform(0.0, 0.4))
            for _, process, _ in begun[: 1 if how == "interrupt" else 2]:
                process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
        said = []
        for clone, process, what in begun:
            ran = clone.finish(process)
            said.append(f"{what}, {how}: exit {ran.code}: {' | '.join(ran.said.splitlines()[-3:])}")
            assert ran.code in (0, 1, 2, 3, 4, 130, -9, -2), ran.said
            self.counts["kills" if ran.code == -9 else "runs"] += 1
            self.counts["runs that wrote"] += bool(ran.carried)
        if edit:
            self._forgive(edit)
        self.server.faults()
        return "; ".join(said)

    def _command(self) -> tuple[str, ...]:
        push = self.random.random() < 0.5
        more = self.random.choice(
            ((), (), (), ("--overwrite",), ("--mirror",) if push else ("--merge",), ("--no-delete",), ("--restore",))
        )
        valves = ("--max-delete", "100%", "--allow-all-changed") if self.random.random() < 0.7 else ()
        if self.random.random() < 0.2:
            valves += ("--allow-empty", "--take-over")
        target = ("--target", "/Shared/master") if self.random.random() < 0.15 else ()
        return ("to_databricks" if push else "from_databricks", *more, *valves, *target)

    def _forgive(self, edit: dict[str, Any]) -> None:
        """An edit that landed in the one window, between a last look and its write, may be lost: that is documented."""
        raw = edit.get("source", "").encode() or base64.b64decode(edit.get("content", ""))
        if self.server.struck()[0] and in_the_window(self.server.requests(), edit["path"], "before"):
            self.counts["edits in the window"] += 1
            self.forgiven = values(raw)

    # --- the day ----------------------------------------------------------------------------------------------

    def round(self) -> None:
        """One thing that happens; what a command does takes nothing away."""
        acts: list[Callable[[], str]] = [self.runs] * 10
        acts += [self.edits_here] * 4 + [self.edits_there] * 4 + [self.uses_git] * 5
        acts += [self.deletes_here, self.moves_here, self.deletes_there, self.moves_a_target, self.renames_a_clone]
        acts += [self.copies_a_clone, self.copies_records, self.loses_a_worktree, self.sets_clocks]
        act = self.random.choice(acts)
        kept, saved, self.forgiven = self.kept(), self.backups(), set()
        self.done.append(f"{len(self.done) + 1}. {act()}")
        assert saved <= self.backups(), f"{saved - self.backups()} are no longer in a backup"
        if act == self.runs:
            lost = kept - self.kept() - self.forgiven
            assert not lost, f"{lost} can be found nowhere"


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_a_day_brings_nothing_is_lost(
    server: Server, tmp_path: Path, seed: int, record_property: Property
) -> None:
    """After each round every text is in a tree, in the workspace or in a backup, and in the end all come to rest."""
    day = Day(server, tmp_path, seed)
    try:
        for _ in range(ROUNDS):
            day.round()
        evening(day)
    except BaseException:
        print(f"seed {seed}", *day.done, sep="\n")  # noqa: T201
        raise
    for name, count in day.counts.items():
        record_property(name, count)
    record_property("rounds", ROUNDS)


def evening(day: Day) -> None:
    """Whatever state the day left behind: with the source winning, every clone comes to rest."""
    day.server.clock(mode="real", offset_ms=0)
    insist = ("--overwrite", "--max-delete", "100%", "--allow-all-changed", "--allow-empty", "--take-over")
    for name, clone in day.clones.items():
        for abort in ("merge", "rebase"):
            clone.git(abort, "--abort", check=False)
        clone.git("checkout", "-q", "-f", "-B", f"evening-{re.sub('[^a-z]', '', name.lower())}")
        clone.git("reset", "-q")
        kept = day.kept()
        clone.run("to_databricks", *insist, code=(0, 1))
        clone.run("to_databricks", *insist, code=(0, 1))
        again = clone.run("to_databricks", code=(0, 1))
        assert not again.carried, again.said
        assert kept <= day.kept()
