"""Each sentence leads out: message -> next command -> what happens when it is typed as printed."""

from __future__ import annotations

import os

import pytest
from support.project import Person

from . import answers, conflicts, files, restores, settings, setup, stops, targets
from .table import Scene, play

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
SCENES = {
    **answers.SCENES,
    **conflicts.SCENES,
    **files.SCENES,
    **settings.SCENES,
    **setup.SCENES,
    **stops.SCENES,
    **targets.SCENES,
    **restores.SCENES,
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_what_is_done_as_printed_leads_out(request: pytest.FixtureRequest, person: Person, scene: Scene) -> None:
    """What a hint says is done as it is printed, and brings about what was said; the message is gone."""
    play(scene, request.getfixturevalue(scene.project), person)
