"""Takes a YAML or JSON file apart, and notes every mistake with its line instead of stopping at the first.

Strict where YAML is lenient: a doubled key is a mistake, and a scalar is the text that was written, so that `1e-3`,
`0.10` and `no` mean what they look like.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mlflow_hooks import credentials as tokens
from mlflow_hooks.model import Document, Finding, FindingSeverity

from . import findings

LARGEST = 1_000_000
MOST_VALUES = 10_000
DEEPEST = 60  # levels; a file of Databricks or MLflow has ten at most
_LONGEST_NUMBER = 100
_MERGE = "tag:yaml.org,2002:merge"

Keys: TypeAlias = "Iterable[str | int]"


class Scalar(str):
    """A value as the text that was written. `tag` is the type YAML takes it for."""

    tag: str = ""


class _Loader(yaml.SafeLoader):
    """With aliases, but not for much: a few lines of them can stand for a billion values, or for one that holds itself.

    `sizes`: of each node with an anchor, how many values it stands for, once it is complete.
    """

    depth = 0

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.values = 0  # so far, those that aliases stand for included
        self.sizes: dict[str, int] = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        before = self.values
        self.values += 1
        if isinstance(event, AliasEvent) and event.anchor is not None:
            if event.anchor not in self.sizes:
                known = event.anchor in self.anchors
                why = f"*{event.anchor} names what it is in" if known else f"*{event.anchor} names nothing that has &"
                self._refuse(f"{why}; write a text that begins with * in quotes")
            self.values += self.sizes[event.anchor]
        if self.values > MOST_VALUES:
            self._refuse(f"it has more than {MOST_VALUES} values, those of aliases (*name) included")
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(f"it is nested deeper than {DEEPEST} levels")
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, MappingNode) and not isinstance(event, AliasEvent):
            node.value = self._with_merged(node)
        if not isinstance(event, AliasEvent) and event.anchor is not None:
            self.sizes[event.anchor] = self.values - before
        return node

    def _with_merged(self, node: MappingNode) -> list[tuple[Node, Node]]:
        """Its keys, and those of what `<<` names that it has not itself (https://yaml.org/type/merge.html)."""
        own = [(key, value) for key, value in node.value if key.tag != _MERGE]
        names = {key.value for key, _ in own if isinstance(key, ScalarNode)}
        for value in (value for key, value in node.value if key.tag == _MERGE):
            for merged in value.value if isinstance(value, SequenceNode) else [value]:
                if not isinstance(merged, MappingNode):
                    raise yaml.MarkedYAMLError(problem="its << names no mapping", problem_mark=value.start_mark)
                more = [pair for pair in merged.value if pair[0].value not in names]
                names |= {key.value for key, _ in more}
                own += more
        return own

    def _refuse(self, problem: str) -> None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


class Reader:
    """One file being read. `tree` is what it says: mappings, lists, and a Scalar or None for each value; None where
    it cannot be read. `findings` grows.

    INVARIANT: no value in the tree looks like a credential; in its place is ***, and a finding.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Reads the file at `path`, which findings call `name`. Raises nothing: what is wrong is a finding."""
        self.path = path
        self.name = name
        self.findings: list[Finding] = []
        self.text = self._read()
        root = self._compose()
        self._hide_credentials(root)
        self.document = Document(path, name, self.text, dict(_lines(root, ())))
        self.tree: Any = self._tree(root)

    def error(self, keys: Keys, message: str, remedy: str) -> None:
        """Notes a mistake in the value at `keys`."""
        self.findings.append(findings.error(self.document, map(str, keys), message, remedy))

    def warn(self, keys: Keys, message: str, remedy: str) -> None:
        """Notes a warning about the value at `keys`."""
        self.findings.append(findings.warning(self.document, map(str, keys), message, remedy))

    def _note(self, line: int, message: str, remedy: str) -> None:
        self.findings.append(Finding(self.name, line, FindingSeverity.ERROR, message, remedy))

    def _read(self) -> str:
        try:
            return read_bytes(self.path).decode("utf-8-sig")
        except FileNotFoundError:
            self._note(0, f"{self.name} does not exist.", f"Create {self.name}.")
        except (OSError, ValueError) as error:
            self._note(0, f"{self.name} cannot be read ({error}).", "Make it a readable file in UTF-8.")
        return ""

    def _compose(self) -> Node | None:
        text = self.text
        if self.path.suffix == ".json":
            # YAML refuses the tabs that JSON allows between values; inside of JSON's texts there are none.
            text = text.replace("\t", " ")
        try:
            root: Node | None = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            if getattr(error, "context", None) == "while scanning an alias":
                error.problem = "a text that begins with * must be in quotes"  # type: ignore[attr-defined]
            why = getattr(error, "problem", None) or getattr(error, "reason", "it has an unknown form")
            kind = "JSON" if self.path.suffix == ".json" else "YAML"
            self._note(mark.line + 1 if mark else 0, f"{self.name} is not {kind}: {why}.", "Correct that line.")
            return None
        return root

    def _hide_credentials(self, root: Node | None) -> None:
        self.findings += credentials(self.name, self.text)
        lines_with_finding = {finding.line for finding in self.findings}
        nodes = list(_scalars(root))
        if not any(tokens.suspicious_lines("\n".join(node.value for node in nodes))):
            return  # as nearly always; each by itself takes ten times as long
        for node in nodes:
            kinds = [kind for _, kind in tokens.suspicious_lines(node.value)]
            lines = range(node.start_mark.line + 1, node.end_mark.line + 2)
            if kinds and lines_with_finding.isdisjoint(lines):  # written with escapes
                self.findings.append(_credential(self.name, lines[0], kinds[0], FindingSeverity.ERROR))
            if kinds:
                node.value = tokens.hidden(node.value)

    def _tree(self, node: Node | None) -> Any:
        if isinstance(node, SequenceNode):
            return [self._tree(item) for item in node.value]
        if isinstance(node, ScalarNode):
            scalar = Scalar(node.value)
            scalar.tag = node.tag.rpartition(":")[2]
            return None if scalar.tag == "null" else scalar
        if not isinstance(node, MappingNode):
            return None
        tree: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else ""
            if name in tree:
                line = key.start_mark.line + 1
                self._note(line, f"{self.name} has the key {name!r} twice in one place.", "Remove one of them.")
            else:
                tree[name] = self._tree(value)
        return tree


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, or ValueError for one that is too large or no file at all."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is larger than 1 MB")
    return content


def credentials(name: str, text: str, severity: FindingSeverity = FindingSeverity.ERROR) -> Iterator[Finding]:
    """A finding for each line of the file `name` with something like a credential, which git would keep for ever."""
    for line, kind in tokens.suspicious_lines(text):
        yield _credential(name, line, kind, severity)


def _credential(name: str, line: int, kind: str, severity: FindingSeverity) -> Finding:
    message = f"This looks like {kind}. Everybody who can read the repository could use it."
    remedy = "Revoke it, and name a secret instead: git: secret: {scope: ..., key: ...}."
    return Finding(name, line, severity, message, remedy)


def read_json(reader: Reader) -> Any:
    """The value of a JSON file, None for a broken one. Every client of the file reads it as JSON, not as YAML."""
    if reader.tree is None and reader.findings:
        return None  # there is a finding that says why
    try:
        value = json.loads(reader.text, parse_constant=_finite, parse_float=_finite)
        return tokens.each_text(value, _without_credentials)
    except ValueError as error:
        if reader.text and not reader.findings:
            message = f"{reader.name} is not JSON: {getattr(error, 'msg', error)}."
            line = getattr(error, "lineno", 0)
            reader.findings.append(Finding(reader.name, line, FindingSeverity.ERROR, message, "Correct that line."))
    return None


def _without_credentials(text: str) -> str:
    return tokens.hidden(text) if any(tokens.suspicious_lines(text)) else text


def _finite(text: str) -> float:
    value = float(text)  # of a number, or of NaN and the like, which JSON does not know
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no number that JSON has")
    return value


def plain(tree: Any) -> Any:
    """A part of a Reader's tree as JSON would hold it: numbers are numbers, what YAML takes for a date stays text."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    if not isinstance(tree, Scalar):
        return tree
    if tree.tag not in ("int", "float", "bool") or len(tree) > _LONGEST_NUMBER:
        return str(tree)
    try:
        value = yaml.safe_load(tree)
    except (ValueError, yaml.YAMLError):  # a tag may call anything a number
        return str(tree)
    number = isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))
    return value if number else str(tree)


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    """All of them, keys too."""
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _scalars(item)


def _lines(node: Node | None, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
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
