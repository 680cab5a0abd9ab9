"""Azure Data Factory, as far as its documentation says how it runs a pipeline: parameters, expressions, order, output.

SERVER: https://learn.microsoft.com/azure/data-factory/ has the pages concepts-pipelines-activities (dependsOn),
control-flow-expression-language-functions, transform-data-databricks-notebook (runOutput) and
transform-data-databricks-job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .stage import Stage

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*)|(?P<number>\d+)|(?P<sign>[().,\[\]]))")


@dataclass
class Factory:
    """One run of a pipeline: what each activity came to, and what it returned."""

    stage: Stage
    parameters: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def run(self, pipeline: Mapping[str, Any], **given: str) -> None:
        """Runs a pipeline as it stands in the factory's git repository; a parameter that it has not is refused."""
        properties = pipeline["properties"]
        declared = properties.get("parameters", {})
        assert set(given) <= set(declared), f"no parameter {set(given) - set(declared)}"
        self.parameters = {name: given.get(name, one.get("defaultValue")) for name, one in declared.items()}
        assert None not in self.parameters.values(), f"a parameter without a value: {self.parameters}"
        waiting = {activity["name"]: activity for activity in properties["activities"]}
        while waiting:
            ready = [one for one in waiting.values() if all(on["activity"] in self.states for on in one["dependsOn"])]
            assert ready, f"activities that wait for each other: {list(waiting)}"
            for activity in ready:
                del waiting[activity["name"]]
                self.states[activity["name"]] = self._run(activity)

    def _run(self, activity: Mapping[str, Any]) -> str:
        for on in activity["dependsOn"]:
            state = self.states[on["activity"]]
            if state not in on["dependencyConditions"] and "Completed" not in on["dependencyConditions"]:
                return "Skipped"
        assert activity["policy"]["retry"] == 0 and re.fullmatch(r"\d\.\d\d:\d\d:\d\d", activity["policy"]["timeout"])
        settings = self.evaluated(activity["typeProperties"])
        if activity["type"] == "DatabricksNotebook":
            run = self.stage.submit(settings["notebookPath"], settings["baseParameters"])
        else:
            assert activity["type"] == "DatabricksJob"
            body = {"job_id": int(settings["jobId"]), "job_parameters": settings["jobParameters"]}
            run = self.stage.asked("2.2/jobs/run-now", body)
        ended = self.stage.ended(run)
        output = _json(ended.result or "")
        self.outputs[activity["name"]] = {"runPageUrl": ended.run["run_page_url"], "runOutput": output}
        return "Succeeded" if ended.state == ("TERMINATED", "SUCCESS") else "Failed"

    def evaluated(self, value: Any) -> Any:
        """A value with its expressions replaced by what they stand for."""
        if isinstance(value, Mapping):
            if value.get("type") == "Expression":
                return self.evaluated(value["value"])
            return {name: self.evaluated(inner) for name, inner in value.items()}
        if not isinstance(value, str) or not value.startswith("@"):
            assert not isinstance(value, str) or "@{" not in value
            return value
        return value[1:] if value.startswith("@@") else _Expression(value[1:], self).value()


class _Expression:
    def __init__(self, text: str, factory: Factory) -> None:
        self._tokens = list(_tokens(text))
        self._factory = factory

    def value(self) -> Any:
        value = self._term()
        assert not self._tokens, f"more than an expression: {self._tokens}"
        return value

    def _term(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            value: Any = text[1:-1].replace("''", "'")
        elif kind == "number":
            value = int(text)
        else:
            assert kind == "name", text
            value = self._call(text, self._arguments())
        while self._tokens and self._tokens[0][1] in (".", "["):
            _, sign = self._tokens.pop(0)
            _, key = self._tokens.pop(0)
            value = value[key.strip("'")]
            assert sign == "." or self._tokens.pop(0)[1] == "]"
        return value

    def _arguments(self) -> list[Any]:
        assert self._tokens.pop(0)[1] == "("
        arguments = []
        while self._tokens[0][1] != ")":
            arguments.append(self._term())
            if self._tokens[0][1] == ",":
                self._tokens.pop(0)
        self._tokens.pop(0)
        return arguments

    def _call(self, name: str, arguments: list[Any]) -> Any:
        functions = {
            "pipeline": lambda: {"parameters": self._factory.parameters},
            "activity": lambda name: {"output": self._factory.outputs[name]},
            "concat": lambda *parts: "".join(map(str, parts)),
            "empty": lambda value: value in ("", [], {}),
            "if": lambda holds, yes, no: yes if holds else no,
        }
        return functions[name](*arguments)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match, f"no expression: {text[at:]}"
        at = match.end()
        yield str(match.lastgroup), match[str(match.lastgroup)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
