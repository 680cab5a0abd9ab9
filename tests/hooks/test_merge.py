"""The settings of a job, merged from what was deployed last, what hook.yml says now, and what the workspace has."""

from __future__ import annotations

from typing import Any

import pytest

from mlflow_hooks.deploy.merge import MergedSettings, merge

Settings = dict[str, Any]
PAUSED = {"schedule": {"quartz_cron_expression": "6", "pause_status": "PAUSED"}}
AT_6 = {"schedule": {"quartz_cron_expression": "6", "pause_status": "UNPAUSED"}}
AT_7 = {"schedule": {"quartz_cron_expression": "7", "pause_status": "UNPAUSED"}}
PAUSED_AT_7 = {"schedule": {"quartz_cron_expression": "7", "pause_status": "PAUSED"}}
ONE, TWO = ({"tasks": [{"task_key": "x", "timeout_seconds": number}]} for number in (1, 2))
EXTRA = {"tasks": [*ONE["tasks"], {"task_key": "extra"}]}


def task(**more: object) -> Settings:
    return {"tasks": [{"task_key": "x", "timeout_seconds": 1, **more}]}


# What was deployed last, what hook.yml says, what is there; and what comes of it.
CASES: dict[str, tuple[Settings | None, Settings, Settings, MergedSettings]] = {
    "nothing": (AT_6, AT_6, AT_6, MergedSettings(AT_6)),
    "a change here": (AT_6, AT_7, AT_6, MergedSettings(AT_7, ("schedule.quartz_cron_expression",))),
    "a pause there": (AT_6, AT_6, PAUSED, MergedSettings(PAUSED, kept=("schedule.pause_status",))),
    "both, of different fields": (
        AT_6,
        AT_7,
        PAUSED,
        MergedSettings(PAUSED_AT_7, ("schedule.quartz_cron_expression",), ("schedule.pause_status",)),
    ),
    "both came to the same": (AT_6, AT_7, AT_7, MergedSettings(AT_7)),
    "a conflict": ({"a": 1}, {"a": 2}, {"a": 3}, MergedSettings({"a": 3}, conflicts=("a",))),
    "removed there": (AT_6, AT_6, {}, MergedSettings({}, kept=("schedule",))),
    "removed there, changed here": (AT_6, AT_7, {}, MergedSettings({}, conflicts=("schedule",))),
    "removed here": (AT_6, {}, AT_6, MergedSettings({}, ("schedule",))),
    "removed here, changed there": (AT_6, {}, PAUSED, MergedSettings(PAUSED, conflicts=("schedule",))),
    "new here": ({}, AT_6, {}, MergedSettings(AT_6, ("schedule",))),
    "added there": ({}, {}, AT_6, MergedSettings(AT_6, kept=("schedule",))),
    "added by the workspace": ({"a": {}}, {"a": {}}, {"a": {"b": 1}, "c": 2}, MergedSettings({"a": {"b": 1}, "c": 2})),
    "left out by the workspace": ({"a": 0}, {"a": 0}, {}, MergedSettings({})),
    "a setting of one task": (
        ONE,
        TWO,
        task(run_if="x"),
        MergedSettings(
            {"tasks": [{"task_key": "x", "timeout_seconds": 2, "run_if": "x"}]}, ("tasks.x.timeout_seconds",)
        ),
    ),
    "a task more there": (ONE, ONE, EXTRA, MergedSettings(EXTRA, kept=("tasks.extra",))),
    "another task": (
        ONE,
        {"tasks": [{"task_key": "y"}]},
        ONE,
        MergedSettings({"tasks": [{"task_key": "y"}]}, ("tasks.y", "tasks.x")),
    ),
    "a list without keys": ({"a": [1]}, {"a": [1]}, {"a": [1, 2]}, MergedSettings({"a": [1, 2]}, kept=("a",))),
    "tasks of the same key": (
        {"tasks": []},
        ONE,
        {"tasks": [*ONE["tasks"], *ONE["tasks"]]},
        MergedSettings({"tasks": [*ONE["tasks"], *ONE["tasks"]]}, conflicts=("tasks",)),
    ),
    "unknown": (None, AT_6, PAUSED, MergedSettings(PAUSED, conflicts=("schedule.pause_status",))),
    "unknown whose it is": (None, {}, AT_6, MergedSettings(AT_6, kept=("schedule",))),
}


@pytest.mark.parametrize("name", CASES)
def test_merge(name: str) -> None:
    """Each field has the side that changed; an edit of the workspace stays; what both changed is a conflict."""
    *sides, expected = CASES[name]
    assert merge(*sides) == expected


OVERWRITTEN: dict[str, tuple[Settings | None, Settings, Settings, Settings, tuple[str, ...]]] = {
    "a pause": (AT_6, AT_6, PAUSED, AT_6, ('schedule.pause_status (was "PAUSED")',)),
    "a conflict": ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}, ("a (was 3)",)),
    "an addition": ({}, {}, {"trigger": {"x": 1}, "format": "y"}, {"format": "y"}, ('trigger (was {"x": 1})',)),
    "what may have been ours": (None, {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, ("a.c (was 2)",)),
    "tags of others": (
        None,
        {"tags": {"x": "1"}},
        {"tags": {"x": "2", "y": "3"}},
        {"tags": {"x": "1", "y": "3"}},
        ('tags.x (was "2")',),
    ),
}


@pytest.mark.parametrize("name", OVERWRITTEN)
def test_overwrite(name: str) -> None:
    """With overwrite hook.yml wins, what it replaces is told, and what the workspace fills in by itself stays."""
    base, local, remote, settings, changed = OVERWRITTEN[name]
    assert merge(base, local, remote, overwrite=True) == MergedSettings(settings, changed)
    assert merge(local, local, settings, overwrite=True) == MergedSettings(settings)
