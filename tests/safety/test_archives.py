"""New folders that go as archives: whatever becomes of them, and whoever is there first, nothing is lost."""

from __future__ import annotations

import base64
import subprocess
from typing import Any

import pytest
from support.project import EXPORT, IMPORT, LIST_REPO, RESET, answer, rule

from databricks_sync.system import CONNECTIONS

from .world import Clone, Run, World, compose, script, values

NAMES = ("a.py", "q.sql", "etl/b.py", "etl/deep/c.py", "etl/n.ipynb", "data/d.csv", "odd~name.py")
ARCHIVED = {"a", "q", "etl/b", "etl/deep/c"}
HASHES = pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])


def about_to_push(world: World, *names: str) -> Clone:
    """A clone whose target is yet to be made."""
    clone = world.clone("A")
    clone.few = 1
    for number, name in enumerate(names or NAMES):
        clone.write(name, compose(name, f"value{number}"))
    return clone


def imports(run: Run, world: World) -> list[str]:
    """What was imported below the target, by its key; "" is the target itself."""
    return [path[len(world.target) :].strip("/") for verb, path in run.writes if verb == "import" and "/." not in path]


def in_sync(clone: Clone, world: World) -> None:
    """All that is here is there, and the next runs find nothing to do."""
    tree = world.tree()
    here = {name: values(raw) for name, raw in clone.files().items()}
    there = {name: values(item.raw) for name, item in tree.items()}
    assert sorted(map(sorted, here.values())) == sorted(map(sorted, there.values()))
    assert not clone.intents()
    for way in ("push", "pull"):
        run = clone.sync(way)
        assert run.report and run.report.exit_code == 0 and not run.writes and clone.files().keys() == here.keys(), (
            run.said
        )
    assert world.tree() == tree


@HASHES
@pytest.mark.parametrize("threads", [False, True], ids=["one thread", "threads"])
def test_a_new_target_is_one_request_and_what_no_archive_holds(world: World, hashes: bool, threads: bool) -> None:
    """The source notebooks of all new folders arrive in one archive, and everything else after it."""
    world.server.set(hashes=hashes)
    clone = about_to_push(world)
    run = clone.sync("push", threads=threads)
    assert run.report and run.report.exit_code == 0, run.said
    first, *others = imports(run, world)
    assert first == "" and sorted(others) == ["data/d.csv", "etl/n", "odd~name"]
    assert {step.step.key for step in run.report.outcomes} == clone.base().keys() == world.tree().keys()
    in_sync(clone, world)


def test_the_request_of_an_archive_is_an_effect(world: World) -> None:
    """A run can die right before and right after it, and at no other place unseen."""
    run = about_to_push(world, "a.py", "b.py").sync("push")
    assert imports(run, world) == [""]
    at = next(number for number, effect in enumerate(run.effects) if effect == "after intents") + 1
    effects = [effect for effect in run.effects[at:] if "import" in effect]
    assert effects[-3:] == ["before import", "POST /api/2.0/workspace/import", "after import"]


def test_only_new_folders_go_as_archives(world: World) -> None:
    """What lies in a folder that stands is written by itself, whatever the folder holds."""
    clone = about_to_push(world, "a.py", "etl/b.py")
    clone.sync("push")
    for name in ("c.py", "etl/d.py", "etl/new/e.py", "etl/new/f/g.py", "etl/new/h.csv"):
        clone.write(name, compose(name, "value9"))
    run = clone.sync("push")
    assert imports(run, world)[0] == "etl/new" and sorted(imports(run, world)[1:]) == ["c", "etl/d", "etl/new/h.csv"]
    in_sync(clone, world)


@pytest.mark.parametrize(
    ("settings", "hashes"),
    [
        ({"source_archives": False}, True),
        ({"max_archive_bytes": 100}, True),
        ({"archive_sources": "dropped"}, True),
        ({"archive_sources": "dropped"}, False),
        ({"folder_exports": "around"}, False),
        ({"folder_exports": "dbc"}, False),
        ({"newlines": "legacy"}, True),
        ({"newlines": "legacy"}, False),
    ],
    ids=str,
)
def test_whatever_is_made_of_an_archive_all_arrives(world: World, settings: dict[str, Any], hashes: bool) -> None:
    """Where archives are refused, lose members or come back as something else, single writes do the rest."""
    world.server.set(hashes=hashes, **settings)
    clone = about_to_push(world)
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0, run.said
    in_sync(clone, world)


@pytest.mark.parametrize("settings", [{"source_archives": False}, {"archive_sources": "dropped"}], ids=str)
def test_a_workspace_that_takes_no_archives_is_asked_once(world: World, settings: dict[str, Any]) -> None:
    """What was learnt of it is remembered with the target."""
    world.server.set(**settings)
    clone = about_to_push(world)
    clone.sync("push")
    for name in ("new/x.py", "new/y.py"):
        clone.write(name, compose(name, "value9"))
    assert sorted(imports(clone.sync("push"), world)) == ["new/x", "new/y"]


def test_the_first_few_archives_tell_whether_to_send_more(world: World) -> None:
    """Where something is missing of those that are sent at once, all others go notebook by notebook."""
    world.server.set(archive_sources="dropped")
    world.person("theirs", source=compose("a.py", "value77").decode())
    clone = about_to_push(world, *(f"{folder:02}/{name}.py" for folder in range(CONNECTIONS + 1) for name in "ab"))
    run = clone.sync("push")
    archives = [name for name in imports(run, world) if "/" not in name]
    assert len(archives) == CONNECTIONS and len(clone.base()) == 2 * CONNECTIONS + 2, run.said


@HASHES
def test_what_was_altered_is_not_replaced(world: World, hashes: bool) -> None:
    """What stands there is not what was sent: nobody knows whose edit that is, so it is told and left."""
    world.server.set(hashes=hashes, archive_sources="altered")
    clone = about_to_push(world)
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 1 and len(run.report.problems) == 2, run.said
    assert sum(item.raw.endswith(b"\naltered") for item in world.tree().values()) == 2
    assert clone.base().keys() < world.tree().keys() and not clone.intents()


def test_notebooks_that_arrive_as_files_are_written_as_notebooks(world: World) -> None:
    """Of a workspace that takes them for files, nothing is believed, and no further archive is sent there."""
    world.server.set(archive_sources="files")
    clone = about_to_push(world)
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0, run.said
    assert {name for name, item in world.tree().items() if item.kind == "NOTEBOOK"} >= ARCHIVED


@HASHES
def test_a_folder_that_somebody_makes_at_the_last_moment_is_theirs(world: World, hashes: bool) -> None:
    """The archive is refused as a whole, and each notebook goes by itself: nothing of theirs is replaced."""
    world.server.set(hashes=hashes)
    clone = about_to_push(world)
    theirs = world.change("etl/b", source=compose("b.py", "value77").decode())
    world.server.faults(rule(IMPORT, {"kind": "edit", "edits": [theirs]}, object=world.target))
    run = clone.sync("push")
    assert run.report and run.conflicts == [] and [one.path for one in run.report.problems] == ["notebooks/etl/b.py"]
    assert values(world.tree()["etl/b"].raw) == {"value77"} and world.tree().keys() >= ARCHIVED
    assert "etl/b" not in clone.base() and clone.sync("push").conflicts == ["etl/b"]


@HASHES
@pytest.mark.parametrize("where", ["import", "list"])
def test_an_edit_of_what_just_arrived_stays(world: World, hashes: bool, where: str) -> None:
    """Whoever edits a notebook right after its archive, before or while it is read back, is not replaced."""
    world.server.set(hashes=hashes)
    clone = about_to_push(world)
    edit = {"kind": "edit", "edits": [world.change("a", source=compose("a.py", "value77").decode())]}
    rules = {
        "import": rule(IMPORT, edit, object=world.target, phase="after"),
        "list": rule(EXPORT if not hashes else LIST_REPO, edit, object=world.target, nth=1 if not hashes else 2),
    }
    world.server.faults(rules[where])
    clone.sync("push")
    assert world.server.struck() == [1]
    world.server.faults()
    clone.sync("push")
    assert values(world.tree()["a"].raw) == {"value77"}


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    ("action", "hashes"),
    [(RESET, True), (answer(503, "TEMPORARILY_UNAVAILABLE", "later"), False)],
    ids=["reset", "503"],
)
def test_an_archive_without_an_answer_is_looked_for(world: World, hashes: bool, phase: str, action: Any) -> None:
    """Whether it was applied is seen by a look: what arrived is not sent again, and what did not is."""
    world.server.set(hashes=hashes)
    clone = about_to_push(world)
    world.server.faults(rule(IMPORT, action, object=world.target, phase=phase, times=1))
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0, run.said
    assert imports(run, world).count("") == 1 and ({*imports(run, world)} >= ARCHIVED) == (phase == "before")
    world.server.faults()
    in_sync(clone, world)
    clone.write("new/x.py", compose("x.py", "value8"))
    clone.write("new/y.py", compose("y.py", "value9"))
    assert imports(clone.sync("push"), world) == ["new"], "it is no reason to send no archives"


def test_an_archive_that_is_one_request_too_many_is_sent_again(world: World) -> None:
    """429 says that it was not applied: the archive waits for its turn."""
    clone = about_to_push(world)
    often = answer(429, "REQUEST_LIMIT_EXCEEDED", "slow")
    world.server.faults(rule(IMPORT, often, object=world.target, nth=[1, 2, 3]))
    run = clone.sync("push")
    assert imports(run, world)[:4] == [""] * 4 and not ARCHIVED & {*imports(run, world)}
    in_sync(clone, world)


@pytest.mark.parametrize(
    "refusal",
    [answer(403, "PERMISSION_DENIED", "no"), answer(404, "RESOURCE_DOES_NOT_EXIST", "gone"), answer(409, "CONFLICT")],
    ids=lambda action: action["status"],
)
def test_a_refusal_that_is_not_about_archives_is_not_remembered(world: World, refusal: Any) -> None:
    """What is refused as an archive goes by itself, and the next new folder is tried again."""
    clone = about_to_push(world)
    world.server.faults(rule(IMPORT, refusal, object=world.target))
    clone.sync("push")
    world.server.faults()
    in_sync(clone, world)
    for name in ("new/x.py", "new/y.py"):
        clone.write(name, compose(name, "value9"))
    assert imports(clone.sync("push"), world) == ["new"]


@HASHES
def test_two_first_pushes_that_meet_lose_nothing(world: World, hashes: bool) -> None:
    """The whole first push of one clone happens at the archive of another: one of them finds the target made."""
    world.server.set(hashes=hashes)
    clone, other = about_to_push(world), world.clone("B")
    other.few = 0
    for name in ("a.py", "etl/b.py", "mine.py"):
        other.write(name, compose(name, "value77"))
    ran: list[Run] = []
    run = clone.sync("push", upon=("POST /api/2.0/workspace/import", 2), act=lambda: ran.append(other.sync("push")))
    assert run.report and ran and ran[0].report, run.said
    assert {f"value{number}" for number in range(len(NAMES))} | {"value77"} <= world.kept()
    there = {name: values(item.raw) for name, item in world.tree().items()}
    assert all(there[name] == {"value77"} for name in ("a", "etl/b", "mine"))


def test_a_notebook_of_another_language_is_not_ours(world: World) -> None:
    """Python and R share a header: where somebody has made the other of what arrived, equal bytes are no proof."""
    clone = about_to_push(world)
    content = base64.b64encode(clone.files()["a.py"]).decode()
    edit = world.change("a", content=content, object_type="NOTEBOOK", export_format="SOURCE", language="R")
    world.server.faults(rule(IMPORT, {"kind": "edit", "edits": [edit]}, object=world.target, phase="after"))
    run = clone.sync("push")
    assert world.tree()["a"].language == "R" and "a" not in clone.base(), run.said


def test_a_file_that_changes_under_way_is_left(world: World) -> None:
    """What is no longer what was planned with is not sent, in no archive and not by itself."""
    clone = about_to_push(world)
    run = clone.sync("push", upon=("after intents", 1), act=lambda: clone.write("a.py", script("value88")))
    assert run.report and [one.path for one in run.report.problems] == ["notebooks/a.py"], run.said
    assert imports(run, world)[0] == "" and "a" not in world.tree()


def test_nothing_is_sent_once_another_branch_is_checked_out(world: World) -> None:
    """A checkout ends a run before its archives as it does before its single writes."""
    clone = about_to_push(world)
    typed = ["git", "-C", str(clone.root), "checkout", "-q", "-b", "other"]
    run = clone.sync("push", head="main", upon=("after intents", 1), act=lambda: subprocess.run(typed, check=True))
    assert not imports(run, world) and not clone.intents() and not world.tree(), run.said


def test_a_login_that_ends_sends_no_further_archive(world: World) -> None:
    """Nothing is tried any more with a login that was refused; what was sent before is read back and recorded."""
    clone = about_to_push(world, *(f"{folder}/{name}.py" for folder in ("x", "y", "z") for name in ("a", "b")))
    world.person("theirs", source=compose("a.py", "value77").decode())
    world.server.faults(rule(IMPORT, answer(401), object=f"{world.target}/[yz]*"))
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 2, run.said
    assert imports(run, world) == ["x", "y"] and clone.base().keys() == {"x/a", "x/b"} and not clone.intents()
    world.server.faults()
    assert clone.sync("push").report and world.tree().keys() >= {"x/a", "x/b", "y/a", "y/b"}


def test_a_listing_that_lags_behind_is_looked_at_again(world: World) -> None:
    """A workspace that does not show at once what it made is given a second: nothing is sent twice."""
    clone = about_to_push(world, "a.py", "b.py")
    world.server.faults(rule(LIST_REPO, {"kind": "stale"}, object=world.target, nth=[1, 2]))
    run = clone.sync("push")
    assert imports(run, world) == [""] and run.report and run.report.exit_code == 0, run.said


def test_what_cannot_be_looked_at_is_looked_at_singly(world: World) -> None:
    """Without a listing nothing is known of an archive: not what arrived, nor that something did not."""
    clone = about_to_push(world, "a.py", "b.py")
    down = answer(503, "TEMPORARILY_UNAVAILABLE", "later")
    world.server.faults(rule(LIST_REPO, down, object=world.target, nth=list(range(2, 40))))
    run = clone.sync("push")
    assert imports(run, world) == ["", "a", "b"] and run.report and run.report.exit_code == 0, run.said
    world.server.faults()
    in_sync(clone, world)
    for name in ("new/x.py", "new/y.py"):
        clone.write(name, compose(name, "value9"))
    assert imports(clone.sync("push"), world) == ["new"]


# --- large ones ---------------------------------------------------------------------------------------------------

SMALLER, SINGLY = "x/in", {"x/a", "x/b", "x/c"}


def about_to_push_much(world: World, folder: str = "x") -> Clone:
    """A clone with a new large folder, and one in it that is not large, whose target stands."""
    clone = world.clone("A")
    clone.few, clone.in_json = 1, 450
    if not clone.base():
        clone.write("first.py", compose("first.py", "value9"))
        clone.sync("push")
    for number, name in enumerate(("a.py", "b.py", "c.py", "in/a.py", "in/b.py")):
        clone.write(f"{folder}/{name}", compose(name, f"value{number}"))
    return clone


@HASHES
def test_a_large_folder_is_one_request_too(world: World, hashes: bool) -> None:
    """What JSON may not hold is a posted file, where its notebooks would else go one by one."""
    world.server.set(hashes=hashes, max_json_bytes=450)
    clone = about_to_push_much(world)
    run = clone.sync("push")
    assert imports(run, world) == ["x"] and len(clone.base()) == 5 + 1, run.said
    in_sync(clone, world)


def test_what_becomes_small_goes_in_json(world: World) -> None:
    """The zip counts, not what is in it: a workspace that takes no posted archives takes this one."""
    world.server.set(posted_archives=False)
    clone = about_to_push_much(world)
    clone.in_json = 1200
    for name in ("a.py", "b.py", "c.py"):
        clone.write(f"x/{name}", compose(name, "value9") + b"# again and again\n" * 100)
    assert imports(clone.sync("push"), world) == ["x"]


TOO_LARGE = answer(
    400, "MAX_NOTEBOOK_SIZE_EXCEEDED", "File size imported is (500 bytes), exceeded max size (450 bytes)"
)


@pytest.mark.parametrize(
    ("refusal", "hashes"),
    [
        ({"posted_archives": False}, True),
        ({"max_archive_bytes": 450}, False),
        ({"max_unpacked_bytes": 200}, True),
        (answer(413, "", ""), False),
        (TOO_LARGE, True),
    ],
    ids=str,
)
def test_a_large_archive_that_is_refused_goes_in_parts(world: World, refusal: dict[str, Any], hashes: bool) -> None:
    """Its folders that are not large go as archives, the rest singly, and the next large folder does so at once."""
    clone = about_to_push_much(world)
    if "kind" in refusal:
        world.server.faults(rule(IMPORT, refusal, object=f"{world.target}/x"))
        world.server.set(hashes=hashes)
    else:
        world.server.set(hashes=hashes, **refusal)
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0, run.said
    first, second, *others = imports(run, world)
    assert (first, second) == ("x", SMALLER) and sorted(others) == sorted(SINGLY)
    in_sync(clone, world)
    about_to_push_much(world, "z")
    first, *others = imports(clone.sync("push"), world)
    assert first == "z/in" and sorted(others) == ["z/a", "z/b", "z/c"]


def test_one_refusal_of_a_large_archive_is_enough(world: World) -> None:
    """No other large one is sent after it, in the same run either."""
    world.server.set(posted_archives=False)
    about_to_push_much(world, "y")
    assert {"x", "y"} & {*imports(about_to_push_much(world).sync("push"), world)} == {"x"}


@pytest.mark.parametrize(
    "refusal",
    [answer(403, "PERMISSION_DENIED", "no"), answer(409, "CONFLICT"), RESET],
    ids=str,
)
def test_what_is_not_about_its_size_is_not_remembered(world: World, refusal: Any) -> None:
    """A large archive that was refused for another reason, or got no answer, goes in parts, and the next is tried."""
    clone = about_to_push_much(world)
    world.server.faults(rule(IMPORT, refusal, object=f"{world.target}/x"))
    run = clone.sync("push")
    assert run.report and run.report.exit_code == 0 and imports(run, world)[:2] == ["x", SMALLER], run.said
    world.server.faults()
    in_sync(clone, world)
    about_to_push_much(world, "z")
    assert imports(clone.sync("push"), world) == ["z"]


@HASHES
def test_a_large_archive_that_arrived_without_an_answer_is_found(world: World, hashes: bool) -> None:
    """A look says that it was applied, and nothing is sent again."""
    world.server.set(hashes=hashes)
    clone = about_to_push_much(world)
    world.server.faults(rule(IMPORT, RESET, object=f"{world.target}/x", phase="after"))
    run = clone.sync("push")
    assert imports(run, world) == ["x"] and run.report and run.report.exit_code == 0, run.said
    in_sync(clone, world)


def test_what_becomes_of_a_large_archive_says_nothing_about_others(world: World) -> None:
    """Where a large one loses members, smaller ones are still sent, until one of them does."""
    world.server.set(archive_sources="dropped")
    clone = about_to_push_much(world)
    run = clone.sync("push")
    assert imports(run, world)[0] == "x" and run.report and run.report.exit_code == 0, run.said
    in_sync(clone, world)
    for name in ("v/a.py", "v/b.py", "w/a.py", "w/b.py"):
        clone.write(name, compose(name, "value9"))
        if name.endswith("b.py"):
            run = clone.sync("push")
            assert ("v" in imports(run, world)) == (name < "w") and ("w" in imports(run, world)) is False


@HASHES
def test_a_large_folder_that_somebody_makes_at_the_last_moment_is_theirs(world: World, hashes: bool) -> None:
    """What is in it goes in parts, which replace nothing either."""
    world.server.set(hashes=hashes)
    clone = about_to_push_much(world)
    edits = [world.change(name, source=compose("b.py", "value88").decode()) for name in ("x/b", "x/in/a")]
    world.server.faults(rule(IMPORT, {"kind": "edit", "edits": edits}, object=f"{world.target}/x"))
    run = clone.sync("push")
    assert run.report and {one.path for one in run.report.problems} == {"notebooks/x/b.py", "notebooks/x/in/a.py"}
    assert all(values(world.tree()[name].raw) == {"value88"} for name in ("x/b", "x/in/a"))
    assert world.tree().keys() >= SINGLY | {"x/in/b"} and not {"x/b", "x/in/a"} & clone.base().keys()


def test_a_death_at_a_large_archive_is_made_up_for(world: World) -> None:
    """The request is an effect like that of any other archive, and what it left behind is found."""
    for folder, effect in (("x", "before import"), ("y", "POST /api/2.0/workspace/import"), ("z", "after import")):
        clone = about_to_push_much(world, folder)
        run = clone.sync("push", upon=(effect, 2))  # the first is for the note beside the target
        assert run.died and len(clone.intents()) == 5 and imports(run, world) == ["z"] * (effect == "after import")
        assert imports(clone.sync("push"), world) == [folder] * (effect != "after import")
    in_sync(clone, world)


# --- pulls --------------------------------------------------------------------------------------------------------


def about_to_pull(world: World) -> Clone:
    """A clone that has nothing of what is in the workspace."""
    for number, name in enumerate(NAMES):
        key, language = name.rpartition(".")[0], "SQL" if name.endswith(".sql") else "PYTHON"
        source = compose("x.sql" if language == "SQL" else "x.py", f"value{number}").decode()
        if name.endswith(".csv"):
            world.person(name, text=f"value{number}")
        else:
            world.person(key, source=source, language=language, export_format=form_of(name))
    world.person("r", source=compose("x.py", "value9").decode(), language="R")
    clone = world.clone("A")
    clone.few = 1
    return clone


def form_of(name: str) -> str:
    return "JUPYTER" if name.endswith(".ipynb") else "SOURCE"


def exported(run: Run, world: World) -> list[str]:
    """What was exported, by its key; "" is the whole target."""
    paths = [one["object"] for one in run.requests if one["endpoint"].endswith("/export")]
    return [path[len(world.target) :].strip("/") for path in paths if "/." not in path]


@HASHES
@pytest.mark.parametrize("threads", [False, True], ids=["one thread", "threads"])
def test_a_first_pull_is_one_request_and_what_no_archive_holds(world: World, hashes: bool, threads: bool) -> None:
    """The source notebooks come in one archive, the others and the files after it, each in its form and language."""
    world.server.set(hashes=hashes)
    clone = about_to_pull(world)
    run = clone.sync("pull", threads=threads)
    assert run.report and run.report.exit_code == 0, run.said
    assert {*exported(run, world)} == {"", "data/d.csv", "etl/n"}
    assert clone.files().keys() == {*NAMES, "r.r"}
    in_sync(clone, world)


def test_a_folder_of_which_little_is_wanted_is_not_read_as_a_whole(world: World) -> None:
    """An archive that would bring more than twice of what is wanted is not asked for."""
    clone = about_to_pull(world)
    clone.sync("pull")
    edit = {"source": compose("x.py", "value88").decode()}
    world.server.person(world.change("a", **edit), world.change("etl/b", **edit), world.change("etl/deep/c", **edit))
    run = clone.sync("pull")
    assert exported(run, world)[0] == "etl" and {*exported(run, world)[1:]} - {"etl/n"} == {"a"}
    assert sum(values(raw) == {"value88"} for raw in clone.files().values()) == 3


@pytest.mark.parametrize("threads", [False, True], ids=["one thread", "threads"])
def test_a_large_tree_is_not_in_memory_as_a_whole(world: World, threads: bool) -> None:
    """No more archives than there are connections are read ahead of what is written."""
    text, folders = compose("x.py", "value1").decode(), [f"{number:02}" for number in range(CONNECTIONS + 9)]
    world.server.person(*(world.change(f"old{number}", source=text) for number in range(3 * len(folders))))
    clone = world.clone("A")
    clone.sync("pull")
    world.server.person(*(world.change(f"{folder}/{name}", source=text) for folder in folders for name in "ab"))
    clone.few = 1
    run = clone.sync("pull", threads=threads)
    assert sorted(exported(run, world)) == folders and len(clone.files()) == 5 * len(folders), run.said
    if not threads:
        ahead = run.effects[: run.effects.index("after local create")]
        assert ahead.count("GET /api/2.0/workspace/export") == CONNECTIONS


@HASHES
@pytest.mark.parametrize(
    "settings", [{"folder_exports": "dbc"}, {"folder_exports": "around"}, {"newlines": "legacy"}], ids=str
)
def test_whatever_an_archive_holds_all_comes(world: World, hashes: bool, settings: dict[str, Any]) -> None:
    """What an archive does not hold as it was listed is read by itself; names count only where there are no hashes."""
    world.server.set(hashes=hashes, **settings)
    clone = about_to_pull(world)
    run = clone.sync("pull")
    assert run.report and run.report.exit_code == 0, run.said
    layout = settings.get("folder_exports")
    assert ("a" in exported(run, world)) == (layout == "dbc" or (layout == "around" and not hashes))
    in_sync(clone, world)


@pytest.mark.parametrize(("layout", "language", "suffix"), [("around", "PYTHON", ".py"), ("dbc", "SQL", ".sql")])
def test_a_name_that_fits_by_chance_proves_nothing(world: World, layout: str, language: str, suffix: str) -> None:
    """Without hashes, a folder named like the target seems to hold what lies beside it, and a DBC to hold SQL."""
    world.server.set(hashes=False, folder_exports=layout)
    keys = ("a", f"{world.target.rpartition('/')[2]}/a")
    texts = {f"{key}{suffix}": compose(suffix, f"value{number}") for number, key in enumerate(keys)}
    for key, text in zip(keys, texts.values(), strict=True):
        world.person(key, source=text.decode(), language=language)
    clone = world.clone("A")
    clone.few = 1
    run = clone.sync("pull")
    assert "" in exported(run, world) and clone.files() == texts, run.said


def test_a_clone_without_a_record_compares_with_one_archive(world: World) -> None:
    """Where neither hashes nor a record tell what is equal, as on a CI machine, one request does for all of source."""
    world.server.set(hashes=False)
    clone = about_to_push(world)
    clone.sync("push")
    fresh = world.clone("B")
    fresh.few = 1
    for name, raw in clone.files().items():
        fresh.write(name, raw)
    run = fresh.sync("push")
    assert not run.writes and {*exported(run, world)} == {"", "data/d.csv", "etl/n"}, run.said
    assert fresh.base().keys() == clone.base().keys()


@pytest.mark.parametrize(
    ("action", "hashes"),
    [
        (answer(400, "INVALID_PARAMETER_VALUE", "no"), True),
        (answer(403, "PERMISSION_DENIED", "no"), False),
        (answer(404, "RESOURCE_DOES_NOT_EXIST", "gone"), True),
        ({"kind": "answer", "status": 200, "body": "PK"}, False),
        ({"kind": "answer", "status": 200, "body": "<html>"}, True),
        ({"kind": "truncate"}, False),
        (RESET, True),
    ],
    ids=str,
)
def test_an_archive_that_does_not_come_costs_nothing(world: World, action: Any, hashes: bool) -> None:
    """Whatever comes in its place, everything is read by itself."""
    world.server.set(hashes=hashes)
    clone = about_to_pull(world)
    world.server.faults(rule(EXPORT, action, object=world.target))
    run = clone.sync("pull")
    assert run.report and run.report.exit_code == 0 and {*exported(run, world)} >= ARCHIVED, run.said
    world.server.faults()
    in_sync(clone, world)


@HASHES
def test_what_changes_before_the_archive_is_read_is_not_taken_for_what_was_listed(world: World, hashes: bool) -> None:
    """Without the listed hash a notebook is read by itself, as it is by then; without hashes the next run looks."""
    world.server.set(hashes=hashes)
    clone = about_to_pull(world)
    edit = {"kind": "edit", "edits": [world.change("a", source=compose("x.py", "value88").decode())]}
    world.server.faults(rule(EXPORT, edit, object=world.target))
    run = clone.sync("pull")
    assert values(clone.files()["a.py"]) == {"value88"} and ("a" in exported(run, world)) == hashes, run.said
    in_sync(clone, world)
