"""Each sentence leads out: message -> next command -> what happens when it is typed as printed."""

from __future__ import annotations

import os

import pytest
from support.project import Person
from support.variants import thinned

from . import answers, committed, conflicts, files, restores, review, settings, setup, stops, targets
from .table import play

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
MODULES = (answers, committed, conflicts, files, restores, review, settings, setup, stops, targets)
SCENES = {name: scene for module in MODULES for name, scene in module.SCENES.items()}


@pytest.mark.parametrize("name", thinned(SCENES))
def test_what_is_done_as_printed_leads_out(request: pytest.FixtureRequest, person: Person, name: str) -> None:
    """What a hint says is done as it is printed, and brings about what was said; the message is gone."""
    scene = SCENES[name]
    play(scene, request.getfixturevalue(scene.project), person)


def test_no_scene_hides_another() -> None:
    """Every scene has a name of its own."""
    assert len(SCENES) == sum(len(module.SCENES) for module in MODULES)
