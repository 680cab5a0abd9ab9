"""`dbutils.jobs.taskValues`: what a task of a job leaves for those after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LIMIT = 48 * 1024  # bytes of a value as JSON [DOCS]


class TaskValues:
    """`earlier` are the values of the tasks before this one by name, None outside of a job; `own` are this one's."""

    def __init__(self, earlier: Mapping[str, Mapping[str, Any]] | None, own: dict[str, Any]) -> None:
        self._earlier = earlier
        self._own = own

    def set(self, key: str, value: Any) -> None:
        """Leaves a value; outside of a job it is forgotten [DOCS]. Raises ValueError for what JSON does not hold."""
        try:
            text = json.dumps(value)
        except TypeError:
            raise ValueError(f"The value of {key} cannot be stored: it is not JSON") from None
        if len(text.encode()) > LIMIT:
            raise ValueError(f"The value of {key} has more than 48 KiB as JSON")
        self._own[key] = json.loads(text)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:  # noqa: N803
        """The value of a task before this one; outside of a job `debugValue`, without which it is a TypeError [DOCS].

        Raises ValueError for a task or a value that is not there, unless there is a default.
        """
        if self._earlier is None:
            if debugValue is None:
                raise TypeError("Must pass debugValue when calling get outside of a job context.")
            return debugValue
        if taskKey not in self._earlier:
            raise ValueError(f"There is no task {taskKey} before this one")
        if key in self._earlier[taskKey]:
            return self._earlier[taskKey][key]
        if default is None:
            raise ValueError(f"Task {taskKey} has set no value {key}")
        return default
