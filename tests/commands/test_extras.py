"""What a Jupyter notebook has beside its content: outputs, metadata, attachments, raw cells."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from support.project import EXPORT, HOME, IMPORT, RESET, Person, Project, Workspace, edits, jupyter, rule
from support.starts import Starts

Change = Callable[[dict[str, Any]], object]
SECRET = {"output_type": "stream", "name": "stdout", "text": ["the password\n"]}
RAN = {"output_type": "stream", "name": "stdout", "text": ["ran there\n"]}
IMAGE = {
    "cell_type": "markdown",
    "metadata": {},
    "source": "![](attachment:a.png)",
    "attachments": {"a.png": {"image/png": "AA=="}},
}
RAW = {"cell_type": "raw", "metadata": {}, "source": "raw text"}
KINDS = {"hashes": {}, "no hashes": {"hashes": False}}
# Without hashes each .ipynb is read to know, whatever is in it, as tests/safety has it too.
EACH_KIND = ["hashes", pytest.param("no hashes", marks=pytest.mark.long)]


def changed(raw: bytes, change: Change) -> bytes:
    document = json.loads(raw)
    change(document)
    return (json.dumps(document, indent=1) + "\n").encode()


def here(project: Project, change: Change) -> None:
    """An edit of the local file."""
    project.write("notebooks/a.ipynb", changed(project.read("notebooks/a.ipynb"), change))


def there(person: Person, change: Change) -> None:
    """An edit, or a run, in the browser."""
    content = changed(person.read("a", "JUPYTER"), change)
    person.do("a", content=base64.b64encode(content).decode(), object_type="NOTEBOOK")


def cells(document: bytes) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(document)["cells"]
    return made


def outputs(*made: dict[str, Any], cell: int = 0) -> Change:
    return lambda document: document["cells"][cell].update(outputs=list(made))


def source(text: str, cell: int = 0) -> Change:
    return lambda document: document["cells"][cell].update(source=text)


@pytest.fixture(params=EACH_KIND)
def synced(request: pytest.FixtureRequest, project: Project, workspace: Workspace, starts: Starts) -> Project:
    """A project of one .ipynb of two cells, in sync; a secret is among its outputs."""
    workspace.set(**KINDS[request.param])
    return starts.begin(f"an .ipynb, {request.param}", project, _push_outputs)


def _push_outputs(project: Project) -> None:
    project.write("notebooks/a.ipynb", jupyter("x = 1", "y = 2"))
    here(project, outputs(SECRET))
    project.push()


EDITS: dict[str, Change] = {
    "a cleared output": outputs(),
    "a new output": outputs(RAN),
    "a tag": lambda document: document["cells"][0].update(metadata={"tags": ["parameters"]}),
    "a kernel": lambda document: document["metadata"].update(kernelspec={"name": "other", "display_name": "Other"}),
    "a raw cell": lambda document: document["cells"].append({**RAW, "id": "r"}),
    "an image": lambda document: document["cells"].append({**IMAGE, "id": "i"}),
    "a title": lambda document: document["cells"][0].update(
        metadata={"application/vnd.databricks.v1+cell": {"title": "T", "showTitle": True}}
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_extras_is_pushed(synced: Project, person: Person, edit: str) -> None:
    """What is edited here beside the content is pushed, once, and a backup has what it replaced."""
    here(synced, EDITS[edit])
    before = synced.read("notebooks/a.ipynb")
    assert "nothing to do" not in synced.push("--dry-run").out
    ran = synced.push()
    assert ran.imports("a") == 1
    shown = [cell.get("outputs", []) for cell in cells(person.read("a", "JUPYTER"))]
    assert shown[:2] == [cell["outputs"] for cell in cells(before)[:2]]
    assert synced.backups()
    synced.at_rest()
    assert synced.read("notebooks/a.ipynb") == before


@pytest.mark.parametrize("option", ["--overwrite", "--mirror"])
@pytest.mark.parametrize("kind", EACH_KIND)
def test_a_clone_without_a_record_clears_outputs(
    project: Project, person: Person, workspace: Workspace, option: str, kind: str
) -> None:
    """CI has no record of the last sync: with --overwrite or --mirror what was cleared here is cleared there, once."""
    workspace.set(**KINDS[kind])
    project.write("notebooks/a.ipynb", jupyter("x = 1"))
    here(project, outputs(SECRET))
    project.commit()
    project.push()
    here(project, outputs())
    clone = project.clone()
    plain = clone.push()
    assert not plain.carried and "other outputs or metadata in the workspace: notebooks/a.ipynb" in plain.said
    for ci, writes in ((clone, 1), (project.clone("second"), 0)):
        assert ci.push(option).imports("a") == writes
        assert b"password" not in person.read("a", "JUPYTER")
        assert not ci.push(option).carried


def test_what_the_workspace_adds_is_no_edit(synced: Project, person: Person) -> None:
    """Outputs, counts and metadata of a run in the workspace come with the cells that somebody edited, only."""
    there(person, outputs(RAN))
    synced.at_rest()
    there(person, lambda document: (outputs(RAN, cell=1)(document), source("y = 3", cell=1)(document)))
    before = cells(synced.read("notebooks/a.ipynb"))
    synced.pull()
    first, second = cells(synced.read("notebooks/a.ipynb"))
    assert first == before[0]
    assert (second["source"], second["outputs"], second["id"]) == (["y = 3"], [RAN], before[1]["id"])
    synced.at_rest()


def test_outputs_are_pulled_on_request(synced: Project, person: Person) -> None:
    """With --outputs those of the workspace come too, once; what stood here is in the backup, all else stays."""
    there(person, outputs(RAN))
    before = cells(synced.read("notebooks/a.ipynb"))
    assert "outputs of cell 1 changed" in synced.pull("--outputs", "--dry-run", "--diff").out
    synced.pull("--outputs")
    after = cells(synced.read("notebooks/a.ipynb"))
    assert after == [{**before[0], "outputs": [RAN], "execution_count": 0}, before[1]]
    assert any(b"password" in raw for raw in synced.backups())
    assert "nothing to do" in synced.pull("--outputs").out
    synced.at_rest()


def test_extras_edited_here_outlive_a_pull(synced: Project, person: Person) -> None:
    """Content edited there and extras here: the push says so, the pull keeps both, and the next push carries ours."""
    here(synced, outputs())
    there(person, source("y = 3", cell=1))
    ran = synced.push(code=1)
    assert not ran.carried and "outputs or metadata edited locally, content in the workspace" in ran.out
    synced.pull()
    first, second = cells(synced.read("notebooks/a.ipynb"))
    assert first["outputs"] == [] and second["source"] == ["y = 3"]
    assert b"password" in person.read("a", "JUPYTER")
    assert synced.push().imports("a") == 1
    assert b"password" not in person.read("a", "JUPYTER")
    synced.at_rest()


@pytest.mark.parametrize("edited", [True, False], ids=["edited", "not edited"])
def test_extras_that_nobody_noted_outlive_a_pull(synced: Project, person: Person, edited: bool) -> None:
    """A clone that only found both sides equal knows no extras: a pull does not make it believe them synced."""
    shutil.rmtree(synced.root / ".git/databricks_sync")
    here(synced, outputs(RAN))
    synced.push("--take-over")  # the content is equal, and the outputs there may be anybody's
    if edited:
        here(synced, outputs())
    there(person, source("y = 3", cell=1))
    synced.pull()
    assert b"password" in person.read("a", "JUPYTER")
    assert synced.push().imports("a") == (1 if edited else 0)
    assert (b"password" in person.read("a", "JUPYTER")) is not edited
    hashes = synced.workspace.control("settings", method="GET")["hashes"]
    assert synced.push("--overwrite").imports("a") == (1 if hashes and not edited else 0)
    synced.at_rest()


def test_extras_are_no_reason_to_delete(synced: Project, person: Person) -> None:
    """A notebook that is deleted there while its outputs are edited here is a conflict, in both directions."""
    here(synced, outputs())
    person.delete("a")
    assert synced.pull("--allow-empty", code=1).out.count("Conflicts") == 1
    synced.push("--allow-empty", code=1)
    assert (synced.root / "notebooks/a.ipynb").exists()


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_lost_answer_to_a_push_of_extras(synced: Project, person: Person, workspace: Workspace, phase: str) -> None:
    """Equal content does not prove that the write arrived: what was cleared here is cleared there in the end."""
    here(synced, outputs())
    workspace.faults(rule(IMPORT, RESET, object=f"{HOME}/main/a", times=1, phase=phase))
    synced.push()
    assert b"password" not in person.read("a", "JUPYTER")
    synced.at_rest()


@pytest.mark.parametrize("kind", EACH_KIND)
def test_what_the_workspace_cannot_keep_stays_here(
    project: Project, person: Person, workspace: Workspace, kind: str
) -> None:
    """Raw cells and images are no edit of the workspace when it drops them; an edit there leaves them as they are."""
    workspace.set(**KINDS[kind])
    made = json.loads(jupyter("x = 1"))
    made["cells"] += [{**RAW, "id": "r"}, {**IMAGE, "id": "i"}]
    project.write("notebooks/a.ipynb", json.dumps(made, indent=1))
    project.commit()
    assert "Raw cells and attachments stay in your files" in project.push().said
    project.at_rest()
    clone = project.clone()
    assert "nothing to do" in clone.push().out
    there(person, source("x = 2"))
    there(person, source("raw text, edited", cell=1))
    there(person, source("edited ![](attachment:a.png)", cell=2))
    before = cells(project.read("notebooks/a.ipynb"))
    project.pull()
    edited = [["x = 2"], "raw text, edited", "edited ![](attachment:a.png)"]
    assert cells(project.read("notebooks/a.ipynb")) == [
        {**cell, "source": text} for cell, text in zip(before, edited, strict=True)
    ]
    project.at_rest()


def test_a_language_that_the_workspace_reads_otherwise(project: Project, person: Person) -> None:
    """Metadata of which this tool and the workspace read two languages is no edit: it stays, through pull and merge."""
    document = json.loads(jupyter("select 1", "select 2", "select 3"))
    document["metadata"] = {"kernelspec": {"name": "sql", "display_name": "SQL"}, "language_info": {"name": ""}}
    project.write("notebooks/a.ipynb", json.dumps(document, indent=1))
    project.push()
    there(person, source("select 7"))
    project.pull()
    document["cells"][0]["source"] = ["select 7"]
    assert json.loads(project.text("notebooks/a.ipynb")) == document
    there(person, source("select 8"))
    here(project, source("select 9", cell=2))
    project.pull("--merge")
    assert [cell["source"] for cell in cells(project.read("notebooks/a.ipynb"))] == [
        ["select 8"],
        ["select 2"],
        "select 9",
    ]
    assert json.loads(project.text("notebooks/a.ipynb"))["metadata"] == document["metadata"]
    project.push()
    project.at_rest()


def test_a_language_that_somebody_switched(project: Project, person: Person) -> None:
    """Where the language was switched in the workspace, which marks the old cells, the file takes it over."""
    project.write("notebooks/a.ipynb", jupyter("x = 1", "y = 2"))
    project.push()
    content = jupyter("%python\nx = 1", "select 1", language="sql").encode()
    person.do("a", content=base64.b64encode(content).decode(), object_type="NOTEBOOK", language="SQL")
    project.pull()
    made = json.loads(project.text("notebooks/a.ipynb"))
    assert made["metadata"]["language_info"]["name"] == "sql"
    assert [cell["source"] for cell in made["cells"]] == [["%python\n", "x = 1"], ["select 1"]]
    project.at_rest()


def test_a_restore_brings_outputs_back(synced: Project, person: Person) -> None:
    """What a push of extras replaced in the workspace can be restored there, though the content is the same."""
    there(person, outputs(RAN))
    here(synced, outputs())
    synced.push()
    assert b"ran there" not in person.read("a", "JUPYTER")
    (run,) = [
        line.split()[0] for line in synced.push("--restore").out.splitlines() if "replaced" in line or "2026" in line
    ][:1]
    synced.push("--restore", run)
    assert b"ran there" in person.read("a", "JUPYTER")


def test_a_title_of_the_workspace_is_pulled(synced: Project, person: Person) -> None:
    """A title that somebody sets in the browser comes with the next pull, and nothing else with it."""
    title = {"application/vnd.databricks.v1+cell": {"nuid": "7", "showTitle": True, "title": "Load"}}
    there(person, lambda document: document["cells"][0].update(metadata=title))
    before = cells(synced.read("notebooks/a.ipynb"))
    synced.pull()
    first, second = cells(synced.read("notebooks/a.ipynb"))
    shown = {"application/vnd.databricks.v1+cell": {"title": "Load", "showTitle": True}}
    assert first == {**before[0], "metadata": shown} and second == before[1]
    synced.at_rest()


def test_an_edit_at_the_last_moment_is_kept(synced: Project, person: Person, workspace: Workspace) -> None:
    """A push of extras looks once more, like any other: what somebody saves there meanwhile is not replaced."""
    here(synced, outputs())
    content = changed(person.read("a", "JUPYTER"), source("x = 9"))
    edit = person.change("a", content=base64.b64encode(content).decode(), object_type="NOTEBOOK")
    workspace.faults(rule(EXPORT, edits(edit), times=1))
    synced.push(code=(0, 1))
    assert b"x = 9" in person.read("a", "JUPYTER") or any(b"x = 9" in raw for raw in synced.backups())
