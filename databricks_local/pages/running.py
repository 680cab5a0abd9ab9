"""A notebook is run from its page, and the page shows below each cell what that run has left.

A cell shows it as long as it says what it said when it ran: the run is recorded with a digest of each cell.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databricks_local.core.model import WorkspaceObject
from databricks_local.jobs import cell_log
from databricks_local.jobs.rules.jobs import check_submit
from databricks_local.jobs.runs import Output

from . import outputs, widgets
from .cells import PageCell
from .jobs import RunRow, run_row
from .links import address
from .outputs import Shown
from .page import PageRequest, Redirect, link

PREFIX = "widget "


@dataclass(frozen=True, slots=True)
class NotebookRun:
    """The last run of a notebook from its page, with its `output` as the notebook told it at its end.

    `cells` has what belongs below each cell of the notebook; None where it has changed since, or is new. `failed` is
    the index of the cell in which the run failed, `values` are those of its widgets.
    """

    row: RunRow
    task_run_id: int
    output: Output
    cells: Sequence[Sequence[Shown] | None]
    failed: int | None
    values: Mapping[str, str]


def start(request: PageRequest, entry: WorkspaceObject, cells: Sequence[PageCell]) -> Redirect:
    """Runs the notebook with what its widgets were set to, and leads back to its page. Raises ApiError (400)."""
    defaults = {widget.name: widget.default for widget in widgets.declared(cells)}
    typed = {name.removeprefix(PREFIX): value for name, value in request.form.items() if name.startswith(PREFIX)}
    # A default that is computed is not known here: a field that was left empty keeps it.
    values = {name: value for name, value in typed.items() if value != (defaults.get(name) or "")}
    task = {"notebook_path": address(entry.path), "base_parameters": values}
    body = {"run_name": entry.name, "tasks": [{"task_key": "notebook", "notebook_task": task}]}
    check_submit(body, "2.1")
    run = request.services.runs.begin_once(request.workspace, body)
    request.services.store.put_notebook_run(entry.object_id, run.run_id, [_digest(cell) for cell in cells])
    return Redirect(link("/workspace", path=address(entry.path), follow="yes"))


def last(request: PageRequest, entry: WorkspaceObject, cells: Sequence[PageCell]) -> NotebookRun | None:
    """The last run of the notebook from its page; None when there is none."""
    stored = request.services.store.notebook_run(entry.object_id)
    if stored is None:
        return None
    run, digests = stored
    task_run_id = run.tasks[0].run_id
    output = request.services.store.output(task_run_id)
    recorded = cell_log.cells(request.services.executor.log(task_run_id).cells)
    places = _places(digests, [_digest(cell) for cell in cells])
    return NotebookRun(
        row=run_row(run, request),
        task_run_id=task_run_id,
        output=output,
        cells=_shown(output, recorded, places, len(cells)),
        failed=places.get(recorded[-1].cell) if recorded and output.error is not None else None,
        values=run.tasks[0].spec["notebook_task"]["base_parameters"],
    )


def _shown(
    output: Output, recorded: Sequence[cell_log.CellOutput], places: Mapping[int, int], count: int
) -> list[list[Shown] | None]:
    shown: list[list[Shown] | None] = [None] * count
    for place in places.values():
        shown[place] = []
    ends = [*(written.displays for written in recorded[1:]), len(output.displays)]
    for written, end in zip(recorded, ends, strict=False):
        if written.cell in places:
            displays = outputs.of_displays(output.displays[written.displays : end], written.displays)
            shown[places[written.cell]] = [*outputs.printed(written.text), *displays]
    return shown


def _places(ran: Sequence[str], now: Sequence[str]) -> dict[int, int]:
    """Number of a cell that ran (from 1) -> index of the cell that says the same now (from 0).

    Those before and after all that has changed; between them those that are there once, wherever they have moved.
    """
    shorter = min(len(ran), len(now))
    first = next((index for index in range(shorter) if ran[index] != now[index]), shorter)
    last = next((index for index in range(shorter - first) if ran[-1 - index] != now[-1 - index]), shorter - first)
    places = {index + 1: index for index in range(first)}
    places |= {len(ran) - index: len(now) - 1 - index for index in range(last)}
    old, new = (Counter(digests[first : len(digests) - last]) for digests in (ran, now))
    once = {now[index]: index for index in range(first, len(now) - last) if new[now[index]] == 1}
    moved = range(first, len(ran) - last)
    return places | {index + 1: once[ran[index]] for index in moved if old[ran[index]] == 1 and ran[index] in once}


def _digest(cell: PageCell) -> str:
    return hashlib.sha256(f"{cell.language}\n{cell.text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
