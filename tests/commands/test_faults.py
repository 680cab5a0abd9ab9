"""The workspace's bad days: a write is never sent again blindly, an edit is never lost, and the next run finishes."""

from __future__ import annotations

from typing import Any

import pytest
from support.project import (
    DELETE,
    EXPORT,
    HOME,
    IMPORT,
    LIST,
    LIST_REPO,
    MKDIRS,
    RESET,
    Person,
    Project,
    Workspace,
    answer,
    edits,
    notebook,
    rule,
    until,
)

AT = f"{HOME}/main"
THROTTLED = answer(429, "REQUEST_LIMIT_EXCEEDED", "slow down", headers={"Retry-After": "0"})
EXISTS = answer(400, "RESOURCE_ALREADY_EXISTS", "Node named 'a' already exists")


def busy(project: Project) -> Project:
    """A create, an update and a delete to push: `new`, `a` and `b`."""
    project.notebook("notebooks/new.py", "new")
    project.notebook("notebooks/a.py", "edited")
    project.remove("notebooks/b.py")
    return project


def is_done(person: Person) -> bool:
    return "b" not in person.names() and b"edited" in person.read("a") and b"new" in person.read("new")


def on_each(action: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The same mishap once for the create, the update and the delete of a busy project."""
    return [
        rule(IMPORT, action, object=f"{AT}/new", nth=1, **more),
        rule(IMPORT, action, object=f"{AT}/a", nth=1, **more),
        rule(DELETE, action, object=f"{AT}/b", nth=1, **more),
    ]


MISHAPS = {
    "reset": RESET,
    "500": answer(500, "INTERNAL_ERROR", "oops"),
    "502": {"kind": "answer", "status": 502, "body": "<html>bad gateway</html>"},
    "503": answer(503, "TEMPORARILY_UNAVAILABLE", "later"),
    "torn": {"kind": "truncate"},
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_lost_answer_is_not_sent_again(pushed: Project, person: Person, workspace: Workspace, mishap: str) -> None:
    """When a write was applied and only its answer got lost, it is found done and sent exactly once."""
    workspace.faults(*on_each(MISHAPS[mishap], phase="after"))
    ran = busy(pushed).push()
    assert is_done(person) and "1 created, 1 updated, 1 deleted" in ran.out
    assert workspace.struck() == [1, 1, 1] or mishap == "torn"
    assert (ran.imports("new"), ran.imports("a")) == (1, 1) and ran.writes.count(("delete", f"{AT}/b")) == 1
    pushed.at_rest()


@pytest.mark.parametrize("mishap", ["reset", "500", "503"])
def test_a_write_that_was_not_applied_is_tried_again(
    pushed: Project, person: Person, workspace: Workspace, mishap: str
) -> None:
    """When a write failed before it was applied, the object is looked at and the write sent once more."""
    workspace.faults(*on_each(MISHAPS[mishap]))
    ran = busy(pushed).push()
    assert is_done(person) and (ran.imports("new"), ran.imports("a")) == (2, 2)
    pushed.at_rest()


@pytest.mark.parametrize("mishap", ["reset", "503"])
def test_an_edit_during_a_lost_answer_is_kept(
    pushed: Project, person: Person, workspace: Workspace, mishap: str
) -> None:
    """When somebody edits after a write got no answer, their edit stays, and is reported."""
    theirs = edits(person.change("a", source=notebook("theirs")), person.change("new", source=notebook("theirs")))
    workspace.faults(*on_each(MISHAPS[mishap], phase="after"), rule(LIST, theirs, object=f"{AT}/a", nth=2))
    busy(pushed).push(code=(0, 1, 4))
    assert b"theirs" in person.read("a") and b"theirs" in person.read("new")


def test_a_429_waits_and_goes_on(pushed: Project, person: Person, workspace: Workspace) -> None:
    """Too many requests, whichever they are, are answered with patience."""
    workspace.faults(*on_each(THROTTLED), rule(LIST_REPO, THROTTLED, nth=1), rule(MKDIRS, THROTTLED, nth=1))
    busy(pushed).push()
    assert is_done(person)
    pushed.at_rest()


@pytest.mark.parametrize("retry_after", ["1", None, "nonsense", "-5"])
def test_a_429_is_waited_for_as_it_says(
    one: Project, person: Person, workspace: Workspace, retry_after: str | None
) -> None:
    """With Retry-After, without it and with one that is none, an update is sent again and arrives."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    workspace.faults(rule(IMPORT, answer(429, "", "slow down", headers=headers), object=f"{AT}/a", nth=1))
    one.notebook("notebooks/a.py", "edited")
    assert one.push().imports("a") == 2
    assert b"edited" in person.read("a")


def test_a_rate_limit_slows_a_push_and_nothing_else(project: Project, person: Person, workspace: Workspace) -> None:
    """Sixty updates against a limit of forty a second are all carried."""
    for number in range(60):
        project.notebook(f"notebooks/n{number}.py", f"print({number})")
    project.push()
    workspace.set(import_rate=40, export_rate=60)
    for number in range(60):
        project.notebook(f"notebooks/n{number}.py", f"print({number}, 'edited')")
    assert "60 updated" in project.push("--allow-all-changed").out


def test_already_exists_in_spite_of_overwrite_is_tried_again(
    one: Project, person: Person, workspace: Workspace
) -> None:
    """An update that is answered with "already exists" is no conflict, but looked at and sent again."""
    workspace.faults(rule(IMPORT, EXISTS, object=f"{AT}/a", nth=1))
    one.notebook("notebooks/a.py", "edited")
    one.push()
    assert b"edited" in person.read("a")


def test_a_name_that_is_taken_meanwhile_by_the_same_is_adopted(
    project: Project, person: Person, workspace: Workspace
) -> None:
    """Somebody who makes the same notebook at the same moment is a twin, and no conflict."""
    project.notebook("notebooks/a.py", "print(1)")
    workspace.faults(rule(IMPORT, edits(person.change("a", source=notebook("print(1)"))), object=f"{AT}/a", nth=1))
    project.push()
    project.at_rest()


def test_a_name_that_is_taken_meanwhile_is_left(project: Project, person: Person, workspace: Workspace) -> None:
    """Somebody who makes another notebook of that name at the same moment keeps theirs."""
    project.notebook("notebooks/a.py", "mine")
    project.notebook("notebooks/b.py", "mine")
    workspace.faults(rule(IMPORT, edits(person.change("a", source=notebook("theirs"))), object=f"{AT}/a", nth=1))
    ran = project.push(code=1)
    assert "notebooks/a.py" in ran.out and b"theirs" in person.read("a") and "b" in person.names()
    assert "1 conflict" in project.push(code=1).out


# --- edits between the plan and the write ---------------------------------------------------------------------


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("options", [(), ("--overwrite",), ("--mirror",)], ids=["push", "overwrite", "mirror"])
def test_an_edit_between_plan_and_write_is_kept(
    pushed: Project, person: Person, workspace: Workspace, options: tuple[str, ...], hashes: bool
) -> None:
    """What somebody saves between the plan and the last look is neither replaced nor deleted, and the rest goes."""
    workspace.set(hashes=hashes)
    theirs = [edits(person.change(name, source=notebook("theirs"))) for name in ("a", "b")]
    workspace.faults(*(rule(LIST, theirs[n], object=f"{AT}/{name}", nth=1) for n, name in enumerate("ab")))
    ran = busy(pushed).push(*options, code=1)
    assert workspace.struck() == [1, 1] and "new" in person.names()
    assert b"theirs" in person.read("a") and b"theirs" in person.read("b")
    assert "notebooks/a.py" in ran.out and "notebooks/b.py" in ran.out


def test_an_edit_within_the_last_moment_is_the_one_that_can_be_lost(
    one: Project, person: Person, workspace: Workspace
) -> None:
    """An edit between the last look and the write is replaced, as the manual says; the run stands, the backup too."""
    workspace.faults(rule(IMPORT, edits(person.change("a", source=notebook("theirs"))), object=f"{AT}/a", nth=1))
    one.notebook("notebooks/a.py", "mine")
    one.push()
    assert b"mine" in person.read("a") and any(b"print(1)" in raw for raw in one.backups())
    one.at_rest()


def test_an_object_that_vanishes_between_plan_and_write_is_left(
    pushed: Project, person: Person, workspace: Workspace
) -> None:
    """A notebook that somebody deletes while it is about to be updated is reported and not made anew."""
    workspace.faults(rule(LIST, edits(person.change("a", delete=True)), object=f"{AT}/a", nth=1))
    pushed.notebook("notebooks/a.py", "edited")
    pushed.push(code=1)
    assert "a" not in person.names()


def test_a_folder_that_vanishes_between_plan_and_write_is_made_again(
    pushed: Project, person: Person, workspace: Workspace
) -> None:
    """A create whose folder somebody deletes at that moment still arrives."""
    gone = edits({"path": f"{AT}/etl", "delete": True})
    workspace.faults(rule(IMPORT, gone, object=f"{AT}/etl/new", nth=1))
    pushed.notebook("notebooks/etl/new.py", "print(1)")
    pushed.push()
    assert "etl/new" in person.names()


def test_an_edit_in_the_workspace_while_pulling_is_not_lost(one: Project, person: Person, workspace: Workspace) -> None:
    """An edit that lands between the listing and the export is here now or after the next pull."""
    person.edit("a", "first")
    workspace.faults(rule(EXPORT, edits(person.change("a", source=notebook("second"))), object=f"{AT}/a", nth=1))
    one.pull()
    one.pull()
    assert "second" in one.text("notebooks/a.py")
    one.at_rest()


def test_a_notebook_that_is_back_is_not_deleted_here(pushed: Project, person: Person, workspace: Workspace) -> None:
    """A notebook that somebody makes again while its deletion is being pulled stays here."""
    person.delete("a")
    workspace.faults(rule(LIST, edits(person.change("a", source=notebook("again"))), object=f"{AT}/a", nth=1))
    pushed.pull(code=1)
    assert "a.py" in pushed.names()
    pushed.pull()
    assert "again" in pushed.text("notebooks/a.py")


def slow(project: Project, command: str, endpoint: str, meanwhile: Any, **more: Any) -> Any:
    """A run during which something is done here, while the workspace is slow to answer one request."""
    project.workspace.faults(rule(endpoint, {"kind": "latency", "ms": 600}, nth=1, **more))
    process = project.start(command)
    until(lambda: project.workspace.struck() == [1])
    meanwhile()
    return project.finish(process)


def test_an_edit_here_while_pulling_is_kept(one: Project, person: Person) -> None:
    """What somebody types here between the plan and the write of a pull stays, and is reported."""
    person.edit("a", "theirs")
    ran = slow(one, "from_databricks", EXPORT, lambda: one.notebook("notebooks/a.py", "mine"))
    assert ran.code == 1 and "mine" in one.text("notebooks/a.py")
    assert "1 conflict" in one.pull(code=1).out


def test_an_edit_here_while_a_deletion_is_pulled_is_kept(pushed: Project, person: Person) -> None:
    """A file that is edited here while the pull is about to delete it stays."""
    person.delete("a")
    ran = slow(pushed, "from_databricks", LIST, lambda: pushed.notebook("notebooks/a.py", "mine"), object=f"{AT}/a")
    assert ran.code == 1 and "mine" in pushed.text("notebooks/a.py")


def test_a_file_made_here_while_pulling_is_kept(one: Project, person: Person) -> None:
    """A file that appears here under the name of a notebook about to be created is not replaced."""
    person.edit("new", "theirs")
    ran = slow(one, "from_databricks", EXPORT, lambda: one.notebook("notebooks/new.py", "mine"))
    assert ran.code == 1 and "mine" in one.text("notebooks/new.py")


def test_an_edit_here_while_pushing_is_carried_by_the_next_push(one: Project, person: Person) -> None:
    """A file that changes between the plan and the write of a push is left for the next one."""
    one.notebook("notebooks/a.py", "first")
    ran = slow(one, "to_databricks", LIST_REPO, lambda: one.notebook("notebooks/a.py", "second"), object=AT)
    assert ran.code in (0, 1) and "second" in one.text("notebooks/a.py")
    one.push()
    assert b"second" in person.read("a")
    one.at_rest()


# --- answers that cannot be trusted ---------------------------------------------------------------------------

LISTINGS = {
    "not json": {"kind": "answer", "status": 200, "body": "<html>login</html>"},
    "an array": {"kind": "answer", "status": 200, "body": "[]"},
    "objects that are none": {"kind": "answer", "status": 200, "body": '{"objects": [1, null]}'},
    "objects without a name": {"kind": "answer", "status": 200, "body": '{"objects": [{"object_type": "NOTEBOOK"}]}'},
    "empty": {"kind": "answer", "status": 200, "body": "{}"},
    "no body": {"kind": "answer", "status": 200, "body": ""},
    "torn": {"kind": "truncate"},
    "400": answer(400, "BAD_REQUEST", "no"),
    "500": answer(500),
}


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_that_cannot_be_trusted_deletes_nothing(pushed: Project, workspace: Workspace, listing: str) -> None:
    """Whatever comes instead of a listing, a pull deletes nothing and says what is the matter."""
    before = pushed.files()
    workspace.faults(rule("*/workspace/list*", LISTINGS[listing]))
    ran = pushed.pull(code=(3, 4))
    assert pushed.files() == before and ran.err.startswith("error:")


def test_a_torn_listing_is_asked_for_again(pushed: Project, person: Person, workspace: Workspace) -> None:
    """An answer that breaks off once, or is reset, costs a request and nothing else."""
    workspace.faults(rule(LIST_REPO, {"kind": "truncate"}, nth=1), rule(EXPORT, RESET, nth=1))
    person.edit("a", "edited")
    pushed.pull()
    assert "edited" in pushed.text("notebooks/a.py")


def test_a_torn_export_is_never_stored(pushed: Project, person: Person, workspace: Workspace) -> None:
    """A notebook whose export keeps breaking off stays as it was here, and the others come."""
    person.edit("a", "edited")
    person.edit("b", "edited")
    workspace.faults(rule(EXPORT, {"kind": "truncate"}, object=f"{AT}/a"))
    before = pushed.read("notebooks/a.py")
    pushed.pull(code=4)
    assert pushed.read("notebooks/a.py") == before and "edited" in pushed.text("notebooks/b.py")


def test_an_older_export_is_not_taken_for_what_is_listed(pushed: Project, person: Person, workspace: Workspace) -> None:
    """What is sent is neither shown nor stored while it is not what is listed: a sentence says so, and what to do."""
    workspace.faults(rule(EXPORT, {"kind": "stale"}))
    person.edit("a", "edited")
    person.put("data.csv", "edited")
    before = pushed.files()
    ran = pushed.pull("--diff", code=4)
    assert "The content that the workspace sent for /Users/me@example.com/main/a does not match its listing." in ran.out
    assert "Run the command again in a minute" in ran.out and pushed.files() == before
    workspace.faults()
    pushed.pull()
    assert "edited" in pushed.text("notebooks/a.py") and pushed.text("notebooks/data.csv") == "edited"
    pushed.at_rest()


@pytest.mark.parametrize("hashes", [True, False], ids=["hashes", "no hashes"])
def test_a_workspace_that_shows_old_states_confuses_nobody(
    pushed: Project, person: Person, workspace: Workspace, hashes: bool
) -> None:
    """When the first look after a write still shows the state before it, the run waits and is content."""
    workspace.set(hashes=hashes)
    pushed.notebook("notebooks/a.py", "edited")
    workspace.faults(rule(LIST, {"kind": "stale"}, object=f"{AT}/a", nth=2))
    pushed.push()
    assert b"edited" in person.read("a")
    pushed.at_rest()


def test_a_write_that_does_not_show_is_not_believed(one: Project, person: Person, workspace: Workspace) -> None:
    """When the workspace never shows what was sent, the run says so, and the next run sees how things are."""
    one.notebook("notebooks/a.py", "edited")
    workspace.faults(rule(LIST, {"kind": "stale"}, object=f"{AT}/a"), rule(EXPORT, {"kind": "stale"}))
    one.push(code=4)
    workspace.faults()
    one.push()
    one.at_rest()


def test_a_token_that_expires_in_the_middle(project: Project, person: Person, workspace: Workspace) -> None:
    """When the token expires, the run stops with exit 2 after the objects in hand, and the next one does the rest."""
    workspace.set(source_archives=False)
    for number in range(100):
        project.notebook(f"notebooks/n{number:03}.py", f"print({number})")
    workspace.faults(rule(IMPORT, answer(401, "", "expired"), object=f"{AT}/*", nth=list(range(20, 200))))
    ran = project.push(code=2)
    done = person.names()
    assert "token" in ran.err and 0 < len(done) < 100
    assert len(ran.carried) < 100  # nobody tries the other notebooks with a token that is not accepted
    workspace.faults()
    again = project.push()
    assert len(person.names()) == 100
    assert not {f"{AT}/{name}" for name in done} & {path for verb, path in again.carried if verb == "import"}


def test_one_refused_object_does_not_stop_the_others(pushed: Project, person: Person, workspace: Workspace) -> None:
    """A write that the workspace refuses for one object is reported with its answer, and the rest is carried."""
    workspace.faults(rule(IMPORT, answer(400, "INVALID_PARAMETER_VALUE", "odd"), object=f"{AT}/a"))
    ran = busy(pushed).push(code=4)
    assert "odd" in ran.out and "notebooks/a.py" in ran.out
    assert "new" in person.names() and "b" not in person.names()
    workspace.faults()
    pushed.push()
    assert is_done(person)


def test_an_answer_is_never_obeyed_as_markup(one: Project, workspace: Workspace) -> None:
    """Control characters and markup in an error of the workspace are shown and not obeyed."""
    workspace.faults(rule(IMPORT, answer(400, "X", "\x1b[2J[bold red]boo[/] {token}"), object=f"{AT}/a"))
    one.notebook("notebooks/a.py", "edited")
    ran = one.push(code=4)
    assert "\x1b" not in ran.said and "[bold red]boo[/]" in ran.out


def test_a_folder_that_cannot_be_made_is_told(project: Project, person: Person, workspace: Workspace) -> None:
    """When one folder is refused, the notebooks in it are reported, and the others arrive."""
    workspace.faults(rule(MKDIRS, answer(400, "INVALID_PARAMETER_VALUE", "odd name"), object=f"{AT}/odd*"))
    project.notebook("notebooks/odd/a.py", "print(1)")
    project.notebook("notebooks/good/a.py", "print(1)")
    ran = project.push(code=4)
    assert "notebooks/odd/a.py" in ran.out and person.names() == {"good/a"}


def test_two_machines_pushing_at_once_lose_nothing(pushed: Project, person: Person) -> None:
    """Two clones push different edits of one notebook at the same moment: neither crashes and both texts are kept."""
    clone = pushed.clone()
    clone.push()
    pushed.notebook("notebooks/a.py", "mine")
    clone.notebook("notebooks/a.py", "theirs")
    both = [pushed.start("to_databricks"), clone.start("to_databricks")]
    first, second = sorted((pushed.finish(one) for one in both), key=lambda ran: ran.code)
    assert first.code == 0
    # Whoever wrote first may find a conflict, or read back what the other one wrote, and says so.
    assert second.code in (0, 1) or "the workspace does not show what was sent" in second.out, second.said
    assert "mine" in pushed.text("notebooks/a.py") and "theirs" in clone.text("notebooks/a.py")
    clone.pull(code=(0, 1))
    kept = [*clone.files().values(), *clone.backups(), person.read("a")]
    assert any(b"theirs" in raw for raw in kept)
