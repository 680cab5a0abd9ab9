"""Takes a YAML or JSON file apart, and notes every mistake with its line instead of stopping at the first.

Strict where YAML is lenient: an unknown or doubled key is a mistake, and a scalar is the text that was written, so
that `1e-3`, `0.10` and `no` mean what they look like.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlflow_hooks import credentials as tokens
from mlflow_hooks.model import Document, Finding, Severity

LARGEST = 1_000_000
DEEPEST = 60  # levels; a file of Databricks or MLflow has ten at most
_LONGEST_NUMBER = 100


class _Loader(yaml.SafeLoader):
    """Without aliases: a few lines of them can stand for a billion values, or for one that holds itself."""

    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        if self.check_event(AliasEvent):
            self._refuse("it has an alias; write the value out")
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(f"it is nested deeper than {DEEPEST} levels")
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refuse(self, problem: str) -> None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


class Reader:
    """One file being read. `findings` grows; what cannot be read comes back as the empty value of its kind.

    INVARIANT: no value that it gives looks like a credential; in its place is ***, and a finding.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.findings: list[Finding] = []
        self.text = self._read()
        self.root = self._compose()
        self._hide_credentials()
        self.document = Document(path, name, self.text, dict(_lines(self.root, ())))

    # What is wrong

    def error(self, node: Node | None, message: str, remedy: str = "") -> None:
        self._note(node, Severity.ERROR, message, remedy)

    def warn(self, node: Node | None, message: str, remedy: str = "") -> None:
        self._note(node, Severity.WARNING, message, remedy)

    # What is there

    def mapping(
        self, node: Node | None, what: str, known: Sequence[str] = (), unknown: Severity = Severity.ERROR
    ) -> Mapping[str, Node]:
        """The entries by key; with `known`, any other key is noted with the nearest one that would do."""
        if node is None or is_null(node):
            return {}
        if not isinstance(node, MappingNode):
            self.error(node, f"{what} is not a mapping of keys to values.", f"Write {what}: with its keys below it.")
            return {}
        entries: dict[str, Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else ""
            if name in entries:
                self.error(key, f"{name} stands twice in {what}; only one of them can count.", "Remove one of them.")
            elif known and name not in known:
                self._note(key, unknown, f"{what} has no key {name!r}.", _nearest(name, known))
            else:
                entries[name] = value
        return entries

    def scalar(self, node: Node | None, what: str) -> str:
        """The text as it was written."""
        if node is None or is_null(node):
            return ""
        if isinstance(node, ScalarNode):
            return str(node.value)
        self.error(node, f"{what} is one value, not a list or a mapping.", f"Write {what}: and the value after it.")
        return ""

    def scalars(self, node: Node | None, what: str) -> tuple[str, ...]:
        """A list of texts; a single one may stand alone."""
        if node is None or is_null(node):
            return ()
        items = node.value if isinstance(node, SequenceNode) else [node]
        return tuple(text for item in items if (text := self.scalar(item, what)))

    def flag(self, node: Node | None, what: str, default: bool = False) -> bool:
        if node is None:
            return default
        text = self.scalar(node, what)
        if text not in ("true", "false"):
            self.error(node, f"{what} is true or false, not {text!r}.", f"Write {what}: true, or leave it out.")
        return text == "true"

    def _note(self, node: Node | None, severity: Severity, message: str, remedy: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 0
        self.findings.append(Finding(self.name, line, severity, message, remedy))

    def _read(self) -> str:
        try:
            return read_text(self.path)
        except FileNotFoundError:
            self.error(None, f"{self.name} does not exist.", f"Create {self.name}.")
        except (OSError, ValueError) as error:
            self.error(None, f"{self.name} cannot be read ({error}).", "Make it a readable file in UTF-8.")
        return ""

    def _hide_credentials(self) -> None:
        self.findings += credentials(self.name, self.text)
        known = {one.line for one in self.findings}
        for node in _scalars(self.root):
            kinds = [kind for _, kind in tokens.found(node.value)]
            lines = range(node.start_mark.line + 1, node.end_mark.line + 2)
            if kinds and known.isdisjoint(lines):  # written with escapes
                self.findings.append(_credential(self.name, lines[0], kinds[0], Severity.ERROR))
            if kinds:
                node.value = tokens.hidden(node.value)

    def _compose(self) -> Node | None:
        text = self.text
        if self.path.suffix == ".json":
            # YAML refuses the tabs that JSON allows between values; inside of JSON's texts there are none.
            text = text.replace("\t", " ")
        try:
            root: Node | None = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 0
            why = getattr(error, "problem", None) or getattr(error, "reason", "it is no YAML")
            kind = "JSON" if self.path.suffix == ".json" else "YAML"
            message = f"{self.name} is not {kind}: {why}."
            self.findings.append(Finding(self.name, line, Severity.ERROR, message, "Correct that line."))
            return None
        return root


def read_text(path: Path) -> str:
    """The text of a file. Raises OSError, or ValueError for one that is too large, no file at all or not UTF-8."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is larger than 1 MB")
    return content.decode("utf-8-sig")


def credentials(name: str, text: str, severity: Severity = Severity.ERROR) -> Iterator[Finding]:
    """Nothing secret belongs into a file that git keeps for ever."""
    for line, kind in tokens.found(text):
        yield _credential(name, line, kind, severity)


def _credential(name: str, line: int, kind: str, severity: Severity) -> Finding:
    message = f"This looks like {kind}, which everybody who can read the repository could use."
    remedy = "Revoke it, and name a secret instead: git: secret: {scope: ..., key: ...}."
    return Finding(name, line, severity, message, remedy)


def read_json(reader: Reader) -> Any:
    """The value of a JSON file, None for a broken one. Every client of the file reads it as JSON, not as YAML."""
    if reader.root is None and reader.findings:
        return None  # it has been said why
    try:
        return _hidden(json.loads(reader.text, parse_constant=_refuse, parse_float=_finite))
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        if reader.text and not reader.findings:
            message = f"{reader.name} is not JSON: {getattr(error, 'msg', error)}."
            reader.findings.append(Finding(reader.name, line, Severity.ERROR, message, "Correct that line."))
    return None


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return tokens.hidden(value) if any(tokens.found(value)) else value
    if isinstance(value, dict):
        return {_hidden(key): _hidden(one) for key, one in value.items()}
    return [_hidden(one) for one in value] if isinstance(value, list) else value


def _refuse(constant: str) -> None:
    raise ValueError(f"it has {constant}, which Python alone takes for JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("it has a number that is larger than any")
    return value


def plain(node: Node | None) -> Any:
    """The value as JSON would hold it: what YAML takes for a date stays text."""
    if isinstance(node, MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.value]
    if node is None or is_null(node):
        return None
    if node.tag.rpartition(":")[2] not in ("int", "float", "bool") or len(node.value) > _LONGEST_NUMBER:
        return str(node.value)
    try:
        value = yaml.safe_load(node.value)
    except (ValueError, yaml.YAMLError):  # a tag may call anything a number
        return str(node.value)
    number = isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))
    return value if number else str(node.value)


def is_null(node: Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    """All of them, keys too."""
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MappingNode):
        for pair in node.value:
            for one in pair:
                yield from _scalars(one)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _scalars(item)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"Write {near[0]!r}." if near else f"Its keys are {', '.join(sorted(known))}."


def _lines(node: Node | None, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], int]]:
    if node is None:
        return
    yield path, node.start_mark.line + 1
    if isinstance(node, MappingNode):
        for key, value in node.value:
            name = (*path, str(key.value))
            yield from _lines(value, name)
            yield name, key.start_mark.line + 1  # where a value is a block, its key is what a reader looks for
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*path, str(index)))
