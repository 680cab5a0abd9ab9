"""Two clones, a person in the workspace, and everything that can go wrong, in any order: nothing is ever lost.

A *value* is a text that one human typed once. It lives until the same human replaces or deletes it; as long as it
lives it must be in a tree, in the workspace or in a backup. There is one exception, and it is the documented one:
an edit that lands between the last look at an object and the write of that very object.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, run_state_machine_as_test
from hypothesis.stateful import rule as step
from support.project import RESET, answer, rule, sources

from databricks_sync.errors import Busy
from databricks_sync.local.folder import LocalFolder
from databricks_sync.model import JUPYTER, SOURCES, Direction, Kind, Language
from databricks_sync.remote.exports import parse_export
from databricks_sync.remote.marker import from_json

from .world import ANYTHING, TARGET, WAYS, Clone, Observed, Remote, Run, World, compose, opened, script, values

SLOTS = ("a", "etl/b", "c", "data.csv")
FORMS = (".py", ".ipynb", ".sql", "script")
SECONDS = float(os.environ.get("TORTURE_SECONDS", 0))
EXAMPLES = int(os.environ.get("TORTURE_EXAMPLES", 25 if SECONDS else 6))
SHRINK = os.environ.get("TORTURE_SHRINK", "1") != "0"  # takes minutes, and tells the failure in few steps
STEPS = 30
COUNTS: dict[str, int] = defaultdict(int)

slots = st.sampled_from(SLOTS)
names = st.sampled_from(("A", "B"))
ways = st.sampled_from(("push", "pull"))
forms = st.sampled_from(FORMS)
points = st.one_of(st.integers(0, 30), st.integers(0, 60))

ENDPOINTS = ("import", "delete", "list", "list-repo", "export", "mkdirs", "get-status", "*")
MISHAPS: tuple[dict[str, Any], ...] = (
    RESET,
    {"kind": "truncate"},
    {"kind": "stale"},
    answer(400, "RESOURCE_ALREADY_EXISTS", "Path (x) already exists."),
    answer(400, "INVALID_PARAMETER_VALUE", "no"),
    answer(401),
    answer(403, "PERMISSION_DENIED", "no"),
    answer(404, "RESOURCE_DOES_NOT_EXIST", "gone"),
    answer(404, "FEATURE_DISABLED", "no"),
    answer(409, "CONFLICT", "busy"),
    answer(429, "REQUEST_LIMIT_EXCEEDED", "slow down", headers={"Retry-After": "0"}),
    answer(500, "INTERNAL_ERROR", "oops"),
    answer(503, "TEMPORARILY_UNAVAILABLE", "later"),
)
LIES = ({"kind": "answer", "status": 200, "body": "{}"}, {"kind": "answer", "status": 200, "body": "<html>"})
faults = st.builds(
    lambda endpoint, action, phase, nth, times: rule(
        f"*/workspace/{endpoint}", action, phase="before" if action["kind"] == "stale" else phase, nth=nth, times=times
    ),
    st.sampled_from(ENDPOINTS),
    st.sampled_from(MISHAPS),
    st.sampled_from(("before", "after")),
    st.sampled_from((1, 2, 3, [1, 2], [2, 3], [1, 2, 3])),
    st.integers(1, 3),
)
lies = st.builds(
    lambda endpoint, action, nth: rule(f"*/workspace/{endpoint}", action, nth=nth, times=1),
    st.sampled_from(("import", "delete", "mkdirs", "list", "list-repo")),
    st.sampled_from(LIES),
    st.integers(1, 3),
)


def plain(key: str) -> str:
    """A key as it is while one folder is carried: of several, each is a folder of its own in the workspace."""
    return key.removeprefix("notebooks/")


def file_of(name: str) -> str:
    """The slot that a name belongs to: a notebook's without its extension."""
    name = plain(name)
    stem = name.removesuffix(".py").removesuffix(".sql").removesuffix(".ipynb")
    return stem if stem in SLOTS else name


def written(slot: str, form: str, value: str) -> tuple[str, bytes]:
    """A file's name and content."""
    if slot == "data.csv":
        return slot, compose(slot, value)
    if form == "script":
        return f"{slot}.py", script(value)
    return f"{slot}{form}", compose(form, value)


def pulls(way: str) -> bool:
    return WAYS[way].direction is Direction.PULL


def with_cell(raw: bytes, value: str) -> bytes:
    """A notebook's source with one more cell."""
    comment, cell = (b"--", f"select '{value}'") if raw.startswith(b"--") else (b"#", f"print('{value}')")
    return raw + b"\n" + comment + b" COMMAND ----------\n\n" + cell.encode() + b"\n"


def with_output(raw: bytes, text: str) -> bytes:
    """A Jupyter notebook whose first cell has printed a text, if it is one of code."""
    document = json.loads(raw)
    for cell in document["cells"][:1]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [f"{text}\n"]}]
    return json.dumps(document, indent=1).encode()


class Edited:
    """An edit of a file that is yet to happen, in the form the file has."""

    def __init__(self, clone: Clone, path: str, value: str) -> None:
        self.clone, self.path = clone, path
        self.before: bytes | None = None  # what stood there when it happened
        is_script = path.endswith(".py") and not clone.files()[path].startswith(b"# Databricks")
        self.raw = script(value) if is_script else compose(path, value)

    def edit(self) -> None:
        self.before = self.clone.files().get(self.path, b"")
        self.clone.write(self.path, self.raw)


class Machine(RuleBasedStateMachine):
    make: ClassVar[Callable[[], World]]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make()
        self.server = self.world.server
        self.alive: dict[str, set[str]] = defaultdict(set)  # value -> the humans who wrote and did not replace it
        self.count = 0
        self.now = 1_800_000_000_000
        self.mode: dict[str, Any] = {"mode": "frozen"}
        self.held_here: dict[tuple[str, str], set[str]] = defaultdict(set)  # clone, key -> digests
        self.held_there: dict[str, set[str]] = defaultdict(set)  # key -> digests
        self.told: dict[tuple[str, Remote], set[str]] = {}  # what an object was found to hold, as it was
        self.copies: dict[str, dict[Any, bytes]] = {}
        self.earlier: dict[str, list[bytes]] = defaultdict(list)
        COUNTS["examples"] += 1

    @initialize()
    def begin(self) -> None:
        """Both clones start in sync with the workspace."""
        self.tick(0)
        one, other = self.world.clone("A"), self.world.clone("B")
        one.few, one.in_json = 0, 600  # whatever it can send or read as an archive goes as one
        for slot in SLOTS:
            name, raw = written(slot, ".ipynb" if slot == "c" else ".py", self.value())
            one.write(name, raw)
            other.write(name, raw)
            self.typed("A", b"", raw)
        self.run("A", "push")
        self.tick(10_000)
        self.run("B", "pull")

    # --- humans -----------------------------------------------------------------------------------------------

    def value(self) -> str:
        self.count += 1
        return f"value{self.count}"

    def typed(self, human: str, before: bytes, after: bytes) -> None:
        """A human has knowingly replaced `before` by `after`."""
        for value in values(before) - values(after):
            self.alive[value].discard(human)
        for value in values(after):
            self.alive[value].add(human)

    def tick(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.server.clock(**{**self.mode, "at_ms": self.now})

    def here(self, clone: Clone, slot: str) -> str | None:
        """The file of a slot, if there is exactly one."""
        found = [name for name in clone.files() if file_of(name) == slot]
        return found[0] if len(found) == 1 else None

    def folder_there(self, slot: str) -> bool:
        return any(plain(name).startswith(f"{slot}/") for name in self.world.tree())

    def there(self, slot: str) -> tuple[str, Remote] | None:
        return next(((name, found) for name, found in self.world.tree().items() if file_of(name) == slot), None)

    @step(name=names, slot=slots, form=forms)
    def edit_here(self, name: str, slot: str, form: str) -> None:
        clone = self.world.clone(name)
        path, before = self.here(clone, slot), b""
        new, raw = written(slot, form, self.value())
        if path is not None:
            before = clone.files()[path]
            was_script = path.endswith(".py") and not before.startswith(b"# Databricks")
            new, raw = path, written(slot, "script" if was_script else path[len(slot) :], f"value{self.count}")[1]
        elif new in clone.files() or (clone.notebooks / slot).is_dir():
            return
        clone.write(new, raw)
        self.earlier[new].append(raw)
        self.typed(name, before, raw)

    @step(name=names, slot=slots)
    def run_here(self, name: str, slot: str) -> None:
        """Somebody runs a Jupyter notebook on their machine: it has new outputs, and the same content."""
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path and path.endswith(".ipynb"):
            before = clone.files()[path]
            raw = with_output(before, self.value())
            clone.write(path, raw)
            self.typed(name, before, raw)

    @step(slot=slots)
    def run_there(self, slot: str) -> None:
        """Somebody runs a notebook in the workspace, which shows outputs from then on."""
        found = self.there(slot)
        if found and found[1].kind == "NOTEBOOK":
            raw = with_output(self.server.export(f"{TARGET}/{found[0]}", "JUPYTER"), f"run {self.count}")
            content = base64.b64encode(raw).decode()
            self.world.person(found[0], content=content, object_type="NOTEBOOK", export_format="JUPYTER")

    @step(name=names, slot=slots)
    def put_back_here(self, name: str, slot: str) -> None:
        """Somebody goes back to an earlier version."""
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path and self.earlier[path]:
            before, raw = clone.files()[path], self.earlier[path][0]
            clone.write(path, raw)
            self.typed(name, before, raw)

    @step(name=names, slot=slots)
    def delete_here(self, name: str, slot: str) -> None:
        clone = self.world.clone(name)
        if path := self.here(clone, slot):
            self.typed(name, clone.files()[path], b"")
            clone.remove(path)

    @step(name=names, slot=slots, to=slots)
    def rename_here(self, name: str, slot: str, to: str) -> None:
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path and "data.csv" not in (slot, to) and not [one for one in clone.files() if file_of(one) == to]:
            new = clone.notebooks / (to + path[len(slot) :])
            new.parent.mkdir(parents=True, exist_ok=True)
            if not new.is_dir():
                (clone.notebooks / path).rename(new)

    @step(name=names, slot=slots, form=forms)
    def convert_here(self, name: str, slot: str, form: str) -> None:
        """A notebook becomes a script, speaks another language, changes its form, or the other way round."""
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path and slot != "data.csv":
            before = clone.files()[path]
            new, raw = written(slot, form, " ".join(sorted(values(before))) or self.value())
            clone.remove(path)
            clone.write(new, raw)
            self.typed(name, before, raw)

    @step(name=names, slot=slots)
    def ignore_here(self, name: str, slot: str) -> None:
        """Git begins to ignore a file, or no longer does."""
        clone = self.world.clone(name)
        rules = clone.root / ".gitignore"
        known = set(rules.read_text().split()) if rules.exists() else set()
        rules.write_text("\n".join(sorted(known ^ {f"/notebooks/{slot}*"})) + "\n")

    def edit_of(self, slot: str, raw: bytes) -> dict[str, Any]:
        """What a person does in the workspace to put `raw` there, in the kind of object that is there."""
        found = self.there(slot)
        if found and found[1].kind == "FILE":
            return self.world.change(found[0], text=raw.decode())
        if found:
            return self.world.change(found[0], source=raw.decode(), language=found[1].language)
        if slot == "data.csv":
            return self.world.change(slot, text=raw.decode())
        return self.world.change(slot, source=raw.decode(), language="PYTHON")

    def text_of(self, slot: str, value: str) -> bytes:
        found = self.there(slot)
        if found and found[1].kind == "FILE":
            return compose("x.csv", value)
        return compose("x.sql" if found and found[1].language == "SQL" else "x.py", value)

    @step(slot=slots)
    def edit_there(self, slot: str) -> None:
        found, raw = self.there(slot), self.text_of(slot, self.value())
        if self.folder_there(slot):
            return
        if slot == "data.csv" and not found:
            raw = compose(slot, f"value{self.count}")
        self.server.person(self.edit_of(slot, raw))
        self.typed("person", found[1].raw if found else b"", raw)

    @step(name=names, slot=slots)
    def add_a_cell_here(self, name: str, slot: str) -> None:
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path and clone.files()[path].startswith((b"# Databricks", b"-- Databricks")):
            before = clone.files()[path]
            raw = with_cell(before, self.value())
            clone.write(path, raw)
            self.typed(name, before, raw)

    @step(slot=slots)
    def add_a_cell_there(self, slot: str) -> None:
        found = self.there(slot)
        if found and found[1].kind == "NOTEBOOK":
            raw = with_cell(found[1].raw, self.value())
            self.server.person(self.edit_of(slot, raw))
            self.typed("person", found[1].raw, raw)

    @step(slot=slots)
    def delete_there(self, slot: str) -> None:
        if found := self.there(slot):
            self.world.person(found[0], delete=True)
            self.typed("person", found[1].raw, b"")

    @step(slot=slots, to=slots)
    def rename_there(self, slot: str, to: str) -> None:
        found = self.there(slot)
        if found and "data.csv" not in (slot, to) and not (self.there(to) or self.server.stands(f"{TARGET}/{to}")):
            self.world.person(found[0], move_to=f"{TARGET}/{to}{found[0][len(slot) :]}")

    @step(slot=slots, kind=st.sampled_from(("FILE", "NOTEBOOK", "SQL", "JUPYTER", "folder", "DASHBOARD")))
    def replace_there(self, slot: str, kind: str) -> None:
        """An object becomes one of another type, another language, or a folder."""
        found = self.there(slot)
        if not found or slot == "data.csv" or self.folder_there(slot):  # beside `a.py`, a folder `a`
            return
        value = self.value()
        name, raw = found[0], compose("x.py", value)
        self.world.person(name, delete=True)
        if kind == "FILE":
            self.world.person(name, text=raw.decode())
        elif kind == "folder":
            self.world.person(f"{name}/inner", source=raw.decode())
        elif kind == "DASHBOARD":
            raw = b""
            self.world.person(name, text="{}", object_type="DASHBOARD")
        else:
            raw = compose("x.sql", value) if kind == "SQL" else raw
            form = "JUPYTER" if kind == "JUPYTER" else "SOURCE"
            language = "SQL" if kind == "SQL" else "PYTHON"
            self.world.person(slot, source=raw.decode(), language=language, export_format=form)
        self.typed("person", found[1].raw, raw)

    @step(name=names, slot=slots)
    def same_edit(self, name: str, slot: str) -> None:
        """The same is typed on both sides."""
        clone = self.world.clone(name)
        path, found = self.here(clone, slot), self.there(slot)
        if path == f"{slot}.py" and found and found[1].kind == "NOTEBOOK" and found[1].language == "PYTHON":
            before, raw = clone.files()[path], compose(path, self.value())
            clone.write(path, raw)
            self.server.person(self.edit_of(slot, raw))
            self.typed(name, before, raw)
            self.typed("person", found[1].raw, raw)

    @precondition(lambda self: self.count > 8)
    @step(chance=st.integers(0, 7))
    def delete_everything_there(self, chance: int) -> None:
        if chance == 0:
            for found in self.world.tree().values():
                self.typed("person", found.raw, b"")
            self.server.person({"path": TARGET, "delete": True})

    # --- the weather ------------------------------------------------------------------------------------------

    @step(hashes=st.booleans(), newlines=st.sampled_from(("preserve", "legacy")), bump=st.booleans())
    def change_server(self, hashes: bool, newlines: str, bump: bool) -> None:
        self.server.set(hashes=hashes, newlines=newlines, bump_on_equal=bump)

    @step(
        taken=st.booleans(),
        posted=st.booleans(),
        sources=st.sampled_from(("notebooks", "altered", "dropped")),
        exports=st.sampled_from(("inside", "around", "dbc")),
    )
    def change_archives(self, taken: bool, posted: bool, sources: str, exports: str) -> None:
        """The workspace makes something else of archives."""
        self.server.set(source_archives=taken, posted_archives=posted, archive_sources=sources, folder_exports=exports)

    @step(mode=st.sampled_from(("frozen", "frozen", "backwards", "absent")))
    def change_clock(self, mode: str) -> None:
        self.mode = {"mode": mode}
        self.tick(0)

    @step(seconds=st.sampled_from((0, 1, 10, 1000)))
    def wait(self, seconds: int) -> None:
        self.tick(seconds * 1000)

    @step(name=names)
    def lose_state(self, name: str) -> None:
        self.world.clone(name).forget()

    @step(name=names)
    def copy_state(self, name: str) -> None:
        self.copies[name] = self.world.clone(name).copy_state()

    @step(name=names)
    def roll_back_state(self, name: str) -> None:
        if name in self.copies:
            self.world.clone(name).restore_state(self.copies[name])

    @step(name=names, way=ways, number=st.integers(0, 3), at=st.none() | points)
    def restore_a_backup(self, name: str, way: str, number: int, at: int | None) -> None:
        """Somebody brings back what an earlier run has replaced, and perhaps that dies."""
        self.look()
        here, there = self.world.clone(name).files(), self.world.tree()
        restored = self.world.clone(name).restore(way, number, at=at)
        COUNTS["restores"] += 1
        if way == "push":
            assert self.world.clone(name).files() == here, "a restore of the workspace wrote into the folder"
        else:
            assert not restored.writes and self.world.tree() == there, "a restore of files wrote into the workspace"

    @step(name=names, slot=slots, number=st.integers(0, 3), nth=st.integers(1, 4), way=ways)
    def restore_while_somebody_edits_there(self, name: str, slot: str, number: int, nth: int, way: str) -> None:
        """An edit lands at a request of a restore about that very object."""
        if self.folder_there(slot):
            return
        found, raw = self.there(slot), self.text_of(slot, self.value())
        if slot == "data.csv" and not found:
            raw = compose(slot, f"value{self.count}")
        edit = self.edit_of(slot, raw)
        self.look()
        self.server.faults({"object": edit["path"], "nth": nth, "action": {"kind": "edit", "edits": [edit]}})
        restored = self.world.clone(name).restore(way, number)
        struck = self.server.struck()[0]
        self.server.faults()
        COUNTS["restores"] += 1
        if struck:
            COUNTS["edits in a run"] += 1
            self.typed("person", found[1].raw if found else b"", raw)
            self.forgive(in_the_window(restored.requests, edit["path"], "before"), raw, "person")

    @step(name=names, slot=slots, number=st.integers(0, 3), at=points)
    def restore_while_somebody_edits_here(self, name: str, slot: str, number: int, at: int) -> None:
        """An edit of a file lands at an effect of a restore."""
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path is None:
            return
        edited = Edited(clone, path, self.value())
        self.look()
        restored = clone.restore("pull", number, at=at, act=edited.edit)
        COUNTS["restores"] += 1
        if edited.before is not None:
            COUNTS["edits in a run"] += 1
            self.typed(name, edited.before, edited.raw)
            self.forgive(replaced_at_once(restored, path), edited.raw, name)

    def forgive(self, in_the_window: bool, raw: bytes, human: str) -> None:
        """An edit that landed in the one window may be lost."""
        if in_the_window:
            COUNTS["edits in the window"] += 1
            for lost in values(raw) - self.world.kept():
                self.alive[lost].discard(human)

    # --- runs -------------------------------------------------------------------------------------------------

    def run(
        self, name: str, way: str, *, disturbed: bool = False, fault: dict[str, Any] | None = None, **how: Any
    ) -> Run:
        """One run, with what always holds of it. `disturbed`: somebody else acts during it."""
        clone = self.world.clone(name)
        here, there = clone.files(), self.world.tree()
        self.look()
        pending = set(clone.intents())
        tracked = set(clone.base()) | pending
        if fault:
            self.server.faults(fault)
        run = clone.sync(way, **how)
        COUNTS["runs"] += 1
        self.server.faults()
        self.tick(200_000 if run.died and how.get("lock") else 1)
        note(f"{name} {run.said} {'died' if run.died else ''}")
        # Without times nobody can tell that whoever held the lock is dead.
        assert "Another run" not in str(run.error) or self.mode["mode"] == "absent", run.said
        now_here, now_there = clone.files(), self.world.tree()
        if not disturbed:
            if pulls(way):
                assert now_there == there and not run.writes, "a pull wrote into the workspace"
            else:
                # But for finishing what a dead pull had begun: its old file goes, and is in a backup.
                gone = {name: raw for name, raw in here.items() if pending and name not in now_here}
                assert {**gone, **now_here} == here, "a push wrote into the folder"
                assert {v for raw in gone.values() for v in values(raw)} <= self.world.kept()
        if not disturbed or pulls(way):
            kept = {value for raw in clone.backups() for value in values(raw)}
            side, now = (here, now_here) if pulls(way) else (
                {key: item.raw for key, item in there.items()},
                {key: item.raw for key, item in now_there.items()},
            )  # fmt: skip
            everywhere = {value for raw in now.values() for value in values(raw)} if pulls(way) else set()
            for key, raw in side.items():
                gone = values(raw) - values(now.get(key, b"")) - everywhere
                assert disturbed or gone <= kept, f"{key} was replaced without a backup"
        if way in ("push", "push over", "removal") and not disturbed:
            for key in there.keys() - now_there.keys():
                assert key in tracked, f"{key} was never carried, and is deleted"
        if run.report and not how.get("at"):
            assert not clone.litter()
        self.observe(run, name)
        if disturbed:  # what was written may have been replaced at once
            keys = {*self.held_there, *(key for one, key in self.held_here if one == name)}
            for key in keys:
                here, there = self.held_here[name, key], self.held_there[key]
                (here if pulls(way) else there).update({*here, *there})
        return run

    @step(
        name=names,
        way=st.sampled_from(sorted(WAYS)),
        delete=st.booleans(),
        lock=st.booleans(),
        markers=st.booleans(),
    )
    def sync(self, name: str, way: str, delete: bool, lock: bool, markers: bool) -> None:
        run = self.run(name, way, delete=delete, lock=lock, markers=markers)
        # Where no times are told, the lock of a dead run of a living process never shows to be stale.
        ageless = self.mode["mode"] in ("absent", "backwards") and isinstance(run.error, Busy)
        stopped = "nothing was pushed there yet" in str(run.error) or "is now synced from" in str(run.error)
        assert not run.error or ageless or stopped, run.said
        if run.report and run.report.exit_code != 4:
            assert not self.world.clone(name).intents()

    @step(name=names, way=st.sampled_from(sorted(WAYS)), lock=st.booleans(), at=points)
    def sync_and_die(self, name: str, way: str, lock: bool, at: int) -> None:
        COUNTS["deaths"] += self.run(name, way, lock=lock, at=at).died

    @step(name=names, way=st.sampled_from(sorted(WAYS)), fault=st.one_of(faults, lies))
    def sync_on_a_bad_day(self, name: str, way: str, fault: dict[str, Any]) -> None:
        self.run(name, way, fault=fault)
        COUNTS["faults"] += 1

    @step(name=names, way=st.sampled_from(sorted(WAYS)), fault=faults, at=points)
    def sync_on_a_bad_day_and_die(self, name: str, way: str, fault: dict[str, Any], at: int) -> None:
        self.run(name, way, fault=fault, at=at)
        COUNTS["faults"] += 1

    @step(
        name=names,
        way=st.sampled_from(sorted(WAYS)),
        slot=slots,
        nth=st.integers(1, 5),
        phase=st.sampled_from(("before", "after")),
        gone=st.integers(0, 3),
        root=st.booleans(),
    )
    def sync_while_somebody_edits_there(
        self, name: str, way: str, slot: str, nth: int, phase: str, gone: int, root: bool
    ) -> None:
        """An edit of an object lands at a request about that object, or about the whole folder."""
        found, value = self.there(slot), self.value()
        if self.folder_there(slot):
            return
        raw = compose(slot, value) if slot == "data.csv" and not found else self.text_of(slot, value)
        edit = self.edit_of(slot, raw)
        if gone == 0:
            raw, edit = b"", self.world.change(found[0] if found else slot, delete=True)
        where = TARGET if root else edit["path"]
        action = {"kind": "edit", "edits": [edit]}
        before = found[1].raw if found else b""
        self.look()
        self.server.faults({"object": where, "nth": nth, "phase": phase, "action": action})
        run = self.world.clone(name).sync(way)
        struck = self.server.struck()[0]
        self.server.faults()
        COUNTS["runs"] += 1
        note(f"{name} {run.said}, struck {struck}")
        self.tick(1)
        self.observe(run, name)
        if struck:
            COUNTS["edits in a run"] += 1
            self.typed("person", before, raw)
            self.forgive(in_the_window(run.requests, edit["path"], phase), raw, "person")

    @step(name=names, way=st.sampled_from(sorted(WAYS)), slot=slots, at=points)
    def sync_while_somebody_edits_here(self, name: str, way: str, slot: str, at: int) -> None:
        """An edit of a file lands at an effect of a run."""
        clone = self.world.clone(name)
        path = self.here(clone, slot)
        if path is None:
            return
        edited = Edited(clone, path, self.value())
        run = self.run(name, way, at=at, act=edited.edit, disturbed=True)
        if edited.before is not None:
            COUNTS["edits in a run"] += 1
            self.typed(name, edited.before, edited.raw)
            self.forgive(replaced_at_once(run, path), edited.raw, name)

    @step(
        name=names,
        way=st.sampled_from(sorted(WAYS)),
        other=st.sampled_from(sorted(WAYS)),
        at=points,
        dies=st.one_of(st.none(), points),
    )
    def sync_while_the_other_clone_does(self, name: str, way: str, other: str, at: int, dies: int | None) -> None:
        """The whole run of another clone happens at an effect of a run."""
        second = "B" if name == "A" else "A"
        requests: list[Run] = []

        def also() -> None:
            requests.append(self.world.clone(second).sync(other, at=dies))

        self.run(name, way, at=at, act=also, disturbed=True)
        COUNTS["runs within runs"] += len(requests)
        for run in requests:
            self.observe(run, second)
            for key in list(self.held_there):
                self.held_there[key] |= self.held_here[second, key]

    # --- what always holds ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Remembers what each side holds: only what both have held may ever be in a base."""
        for one in self.world.clones.values():
            known, repository = opened(one.root, self.server.host, self.server.token, one.folders)
            for item in LocalFolder(one.root, known.folders, repository).scan({}).claims:
                self.held_here[one.root.name, plain(item.key)].add(item.digest)
        for key, found in self.world.tree().items():
            if (key, found) not in self.told:
                self.told[key, found] = self.digests(key, found)
            self.held_there[plain(key)] |= self.told[key, found]

    def observe(self, run: Run, name: str) -> None:
        self.look()
        if run.way == "merge":  # its base is what the workspace holds, and was never here on its own
            for key, digests in self.held_there.items():
                self.held_here[name, key] |= digests
        for path in [path for verb, path in run.writes if verb == "import"]:
            written = plain(path[len(TARGET) + 1 :])
            for key in [key for human, key in self.held_here if human == name]:
                if written in ("", key) or key.startswith(f"{written}/"):  # an archive holds several
                    self.held_there[key] |= self.held_here[name, key]

    def digests(self, key: str, found: Remote) -> set[str]:
        """What an object may be told by: a notebook by its digest in either form."""
        path = f"{TARGET}/{key}"
        if found.kind == "FILE":
            return {parse_export(found.raw, Kind.FILE, None, path).digest}
        if found.kind != "NOTEBOOK":
            return set()
        jupyter = self.server.export(path, "JUPYTER")
        language = Language[found.language]
        return {
            parse_export(found.raw, Kind.NOTEBOOK, SOURCES[language], path).digest,
            parse_export(jupyter, Kind.NOTEBOOK, JUPYTER, path).digest,
        }

    @invariant()
    def nothing_is_lost(self) -> None:
        COUNTS["steps"] += 1
        lost = {value for value, humans in self.alive.items() if humans} - self.world.kept()
        assert not lost, f"{lost} by {[self.alive[value] for value in lost]} can be found nowhere"

    @invariant()
    def a_base_is_what_both_sides_held(self) -> None:
        for name, clone in self.world.clones.items():
            for key, digest in ((plain(key), digest) for key, digest in clone.base().items()):
                assert digest in self.held_here[name, key], f"{name} never held {key} as its base says"
                assert digest in self.held_there[key], f"the workspace never held {key} as the base of {name} says"

    def teardown(self) -> None:
        if not hasattr(self, "world") or not self.world.clones:
            return
        self.mode = {"mode": "frozen"}
        self.tick(300_000)
        for name in self.world.clones:
            for way in ("push", "pull"):
                self._rests(name, way)
        self._converges()
        self.nothing_is_lost()
        for clone in self.world.clones.values():
            assert not clone.litter()
        self._unlocked()

    def _unlocked(self) -> None:
        """A lock that a dead run has left is in nobody's way, and gone after the next run that writes."""
        for name, clone in self.world.clones.items():
            (clone.root / ".gitignore").unlink(missing_ok=True)
            clone.write(f"last{name}.txt", "the end")
            run = self.run(name, "push", lock=True)
            assert run.report and "import" in dict(run.writes), run.said
        notes = self.server.tree(f"{TARGET.rpartition('/')[0]}/.databricks_sync")
        assert not [name for name in notes if name.endswith(".lock")]

    def _rests(self, name: str, way: str) -> None:
        """The same command, given again, writes nothing."""
        clone = self.world.clone(name)

        def everything() -> tuple[object, ...]:
            return clone.files(), clone.base(), self.world.tree()

        for _ in range(4):
            before = everything()
            run = self.run(name, way)
            refused = run.report and run.report.exit_code  # and is tried again every time
            if (refused or not run.writes) and everything() == before:
                return
            clean = run.report and run.report.exit_code == 0
            again = self.run(name, way)
            assert not (clean and again.writes), f"{run.said}; again: {again.writes}"
        raise AssertionError(f"{way} does not come to rest")

    def _converges(self) -> None:
        """With the source winning, both commands make all sides equal but for what was refused."""
        for _ in range(6):
            moved, refused = False, set()
            for name, clone in self.world.clones.items():
                for way in ("pull over", "push over"):
                    before = clone.files(), self.world.tree()
                    run = self.run(name, way)
                    refused |= {one.step.key for one in run.report.outcomes if one.problem} if run.report else set()
                    moved = moved or (clone.files(), self.world.tree()) != before
            if not moved:
                break
        else:
            raise AssertionError("the sides never come to rest")
        there = self.world.tree()
        for name, clone in self.world.clones.items():
            run = self.run(name, "pull over", dry_run=True)
            # A file and a notebook that want one local path are refused together, and told at one of them.
            paths = {one.problem.path for one in run.steps if one.problem}
            for one in run.steps:
                if one.problem is not None or one.key in refused or one.path in paths:
                    continue
                assert one.action.value in ("nothing", "forget"), (
                    f"{name}: {one.key} {one.action}, {there.get(one.key)}"
                )
                if one.local and one.remote:
                    raw = clone.files()[one.local.path.removeprefix("notebooks/")]
                    text = "\n".join(sources(raw)).encode() if one.local.format == JUPYTER else raw
                    assert values(text) == values(there[one.key].raw), one.key


class Moving(Machine):
    """The same while the clones carry one folder, and then two, and each may choose anew at any time."""

    @step(name=names, take_over=st.booleans(), way=st.none() | ways, at=st.none() | points)
    def choose_other_folders(self, name: str, take_over: bool, way: str | None, at: int | None) -> None:
        clone = self.world.clone(name)
        clone.folders = "notebooks,src" if clone.folders == "notebooks" else "notebooks"
        (clone.root / "src").mkdir(exist_ok=True)
        COUNTS["choices of folders"] += 1
        if way:
            self.run(name, way, at=at, allowed=ANYTHING._replace(take_over=take_over))

    def teardown(self) -> None:
        if hasattr(self, "world") and self.world.clones:
            note = self.server.tree(f"{TARGET.rpartition('/')[0]}/.databricks_sync").get("main.json")
            folders = (
                from_json(note.raw, TARGET).folders if note else ("notebooks",)
            )  # a removal takes the note with it
            for clone in self.world.clones.values():
                clone.folders = ",".join(folders)
                (clone.root / "src").mkdir(exist_ok=True)
        super().teardown()


def in_the_window(requests: list[dict[str, Any]], path: str, phase: str) -> bool:
    """Whether an edit of `path` landed after the last look at it, and before the write that followed that look."""
    about = [one for one in requests if one["object"] == path]
    edited = next((n for n, one in enumerate(about) if "edit" in one["faults"]), None)
    if edited is None:
        return False  # it landed at a request about the whole folder, before anything was looked at
    for number, one in enumerate(about):
        if one["endpoint"].rpartition("/")[2] in ("import", "delete") and number >= edited + (phase == "after"):
            reads = [n for n in range(number) if about[n]["method"] == "GET"]
            looked = any(about[n]["endpoint"].endswith("/list") for n in reads)
            return looked and (edited > reads[-1] or (edited == reads[-1] and phase == "after"))
    return False


def replaced_at_once(run: Observed, path: str) -> bool:
    """Whether an edit here landed after the file was last compared: at its rename or removal, or right before."""
    assert run.process.at is not None
    doomed = {f"os.rename notebooks/{path}", f"os.remove notebooks/{path}"}
    here, *following = run.effects[run.process.at : run.process.at + 2]
    return here in doomed or (here in ("before local replace", "before local remove") and set(following) <= doomed)


def torture(machine: type[Machine], number: int, examples: int) -> None:
    print(f"seed {number}, {examples} examples; again with TORTURE_SEED={number}")  # noqa: T201
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        print_blob=True,
        phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(seed(number)(machine), settings=chosen)


@pytest.mark.parametrize(("part", "kind"), [(1, Machine), (2, Machine), (3, Moving)])
def test_nothing_is_ever_lost(
    worlds: Callable[[], World], part: int, kind: type[Machine], record_property: Callable[[str, object], None]
) -> None:
    """Whatever two clones, a person, crashes, faults and lost state do in whatever order, every edit is somewhere."""
    machine = type("Machine", (kind,), {"make": staticmethod(worlds)})
    COUNTS.clear()
    until = time.monotonic() + SECONDS
    given = os.environ.get("TORTURE_SEED")
    number = int(given) if given else part
    torture(machine, number, EXAMPLES)
    while time.monotonic() < until and not given:
        torture(machine, random.randrange(2**32), EXAMPLES)
    for name, count in COUNTS.items():
        record_property(name, count)
