"""The rules of a schedule: a Quartz expression and a time zone. Pure; reading them is the embedded scheduler's."""

from __future__ import annotations

from datetime import datetime

from databricks_local.jobs.rules import quartz
from mlflow_hooks.model import Hook
from mlflow_hooks.reading.findings import Findings, error, warning


def rules(hook: Hook, now: datetime) -> Findings:
    """What is wrong with when a hook is to run, at the time `now`.

    SERVER: Quartz has six or seven fields, seconds first, and exactly one of the two days is `?`.
    """
    if hook.schedule is None or not hook.schedule.quartz:
        return
    document, expression = hook.document, hook.schedule.quartz
    zone, name = None, hook.schedule.time_zone
    try:
        zone = quartz.zone(name)
    except ValueError as wrong:
        yield error(document, ["schedule", "time_zone"], f"Databricks refuses the time zone: {wrong}.", "Correct it.")
    if name in quartz.SHORT_NAMES:
        message = f"{name} is the time of {quartz.SHORT_NAMES[name]} in Databricks, which others call otherwise."
        yield warning(
            document, ["schedule", "time_zone"], message, f"Write {quartz.SHORT_NAMES[name]}, if you mean it."
        )
    keys = ["schedule", "quartz"]
    try:
        schedule = quartz.parse(expression)
    except ValueError as wrong:
        message = f"Databricks refuses the schedule {expression!r}: {wrong}."
        yield error(document, keys, message, f"Write {_proposal(expression)}.")
        return
    if zone is not None and quartz.next_fire(schedule, zone, now) is None:
        yield error(document, keys, f"The schedule {expression!r} never fires again.", "Write a time in the future.")
    if len(schedule.seconds) > 1:
        message = f"The schedule {expression!r} fires several times in one minute."
        yield warning(document, keys, message, f"Write {' '.join(['0', *expression.split()[1:]])}.")


def _proposal(expression: str) -> str:
    """The same as Quartz would have it, where it is an expression of Unix; else an example."""
    fields = expression.split()
    if len(fields) == 5:
        minute, hour, day, month, weekday = fields
        days = f"? {month} {_weekday(weekday)}" if day == "*" and weekday != "*" else f"{day} {month} ?"
        return f'"0 {minute} {hour} {days}"'
    return '"0 0 6 * * ?", daily at six'


def _weekday(field: str) -> str:
    """Unix counts Sunday as 0 or 7, Quartz as 1: a name is right in both."""
    names = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
    return "".join(names[int(sign)] if sign.isdigit() and int(sign) < 8 else sign for sign in field)
