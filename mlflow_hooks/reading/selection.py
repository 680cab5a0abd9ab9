"""Which hooks a command is about: by the hook's name, or by that of its project's folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from databricks_sync.errors import printable
from databricks_sync.shell import argument
from mlflow_hooks.errors import HookError, UnknownHook
from mlflow_hooks.model import Hook

from .findings import closest
from .hook_file import HookReading


def chosen_by_name(readings: Sequence[HookReading], names: Iterable[str]) -> list[HookReading]:
    """Those with one of the names, all without any. Raises UnknownHook for a name that nothing has."""
    names = list(names)
    chosen = [reading for reading in readings if not names or _names(reading) & set(names)]
    existing = {name for reading in readings for name in _names(reading)}
    for name in names:
        if name not in existing:
            typed = sorted(map(argument, existing))
            near = closest(name, typed)
            hint = f"Give {near} instead." if near else f"There are: {', '.join(typed)}."
            raise UnknownHook(f"No project has a hook called {printable(name)}.", hint)
    return chosen


def one_by_name(readings: Sequence[HookReading], name: str) -> HookReading:
    """The one with this name. Raises UnknownHook where there are several, as where there is none."""
    matches = chosen_by_name(readings, [name])
    if len(matches) > 1:
        alone = [_alone(reading, readings) for reading in matches]
        hint = (
            f"Give {' or '.join(map(argument, alone))} instead."
            if all(alone)
            else "Give each hook a name of its own in its hook.yml."
        )
        raise UnknownHook(
            f"{' and '.join(_file(reading) for reading in matches)} are both called {printable(name)}.", hint
        )
    return matches[0]


def sound(reading: HookReading, checking: str) -> Hook:
    """The hook, if its files can be believed. Raises HookError; `checking`: the command that shows all findings."""
    if reading.hook is None or not reading.sound:
        wrong = next(finding for finding in reading.findings if finding.severity.value == "error")
        raise HookError(
            f"{wrong.file}, line {wrong.line}: {wrong.message}" if wrong.line else wrong.message,
            f"Type `{checking}` to see all findings.",
        )
    return reading.hook


def _alone(reading: HookReading, readings: Sequence[HookReading]) -> str:
    """A name that no other has."""
    others = {name for other in readings if other is not reading for name in _names(other)}
    return min(_names(reading) - others, default="")


def _file(reading: HookReading) -> str:
    return reading.hook.document.name if reading.hook is not None else reading.findings[0].file


def _names(reading: HookReading) -> set[str]:
    hook = reading.hook
    if hook is None:  # its hook.yml cannot be read, but its folder can be named
        return set(reading.findings[0].file.split("/")[-2:-1]) if reading.findings else set()
    return {hook.name, hook.project.name} - {""}
