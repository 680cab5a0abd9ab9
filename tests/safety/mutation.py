"""One change of one place of the code, found by name and as syntax: code may move and be laid out anew."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

from support.sources import modules


@dataclass(frozen=True)
class Mutant:
    """In `place` of `package`, `old` becomes `new`, and the tests that match `tests` in `where` must fail.

    `place` is a function, a class or a constant by its qualified name, such as `PushWriter._guarded`, in whatever
    module it is. `old` and `new` are expressions or statements, and are looked for as syntax: layout does not matter.
    A body of `...` stands for whatever it is.
    """

    name: str
    place: str
    old: str
    new: str
    where: str
    tests: str
    package: str = "databricks_sync"

    def applied(self, folder: Path) -> tuple[Path, str]:
        """The module below `folder` that has the place, and its changed text. Raises ValueError as `changed` does."""
        file, _ = self.changed(folder)
        module = ast.parse(file.read_text(encoding="utf-8"))
        for name, node in _definitions(module.body):
            if name == self.place:
                _Replacement(self.old, self.new).visit(node)
        return file, f"{ast.unparse(module)}\n"

    def changed(self, folder: Path) -> tuple[Path, ast.stmt]:
        """The place, changed, and the module below `folder` that has it.

        Of several places of that name, the one that holds `old` is meant. Raises ValueError where no place does, or
        more than one, or where nothing changes.
        """
        changed = []
        for file, place in _places(folder).get(self.place, ()):
            copy = deepcopy(place)
            _Replacement(self.old, self.new).visit(copy)
            if ast.dump(copy) != ast.dump(place):
                changed.append((file, copy))
        if len(changed) != 1:
            raise ValueError(f"{self.name}: {len(changed)} places named {self.place} hold {self.old!r}, and not one")
        return changed[0]


@cache
def _places(folder: Path) -> Mapping[str, Sequence[tuple[Path, ast.stmt]]]:
    """What the modules below `folder` define: by its qualified name, with the module."""
    places: dict[str, list[tuple[Path, ast.stmt]]] = {}
    for file, module in modules(folder).items():
        for name, node in _definitions(module.body):
            places.setdefault(name, []).append((file, node))
    return places


def _definitions(body: Sequence[ast.stmt], around: str = "") -> Iterator[tuple[str, ast.stmt]]:
    """The functions, classes and constants of a module or a class, with their qualified names."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try)):
            yield from _definitions([*node.body, *node.orelse], around)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield f"{around}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node.body, f"{around}{node.name}.")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((f"{around}{target.id}", node) for target in targets if isinstance(target, ast.Name))


class _Replacement(ast.NodeTransformer):
    """Replaces an expression by another one, or statements in a row by others, wherever they are."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = ast.parse(dedent(old)).body, ast.parse(dedent(new)).body
        self.expressions = [node.value for node in (*self.old, *self.new) if isinstance(node, ast.Expr)]

    def visit(self, node: ast.AST) -> ast.AST:
        if len(self.old) == len(self.new) == 1 and len(self.expressions) == 2:
            return self.expressions[1] if _same(node, self.expressions[0], []) else self.generic_visit(node)
        node = self.generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(body := getattr(node, name, None), list):
                setattr(node, name, self._replaced(body))
        return node

    def _replaced(self, body: list[ast.stmt]) -> list[ast.stmt]:
        for at in range(len(body) - len(self.old) + 1):
            rest: list[ast.stmt] = []
            end = at + len(self.old)
            if _same(body[at:end], self.old, rest):
                new = [_Filling(rest).visit(node) for node in deepcopy(self.new)]
                return [*body[:at], *new, *self._replaced(body[end:])]
        return body


@dataclass
class _Filling(ast.NodeTransformer):
    """Puts what a `...` stood for in its place."""

    rest: list[ast.stmt]

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | list[ast.stmt]:
        return self.rest if _stands_for_any([node]) else node


def _stands_for_any(body: Sequence[object]) -> bool:
    return [ast.dump(node) for node in body if isinstance(node, ast.AST)] == ["Expr(value=Constant(value=Ellipsis))"]


def _same(found: object, old: object, rest: list[ast.stmt]) -> bool:
    """Whether two trees are the same. What a body of `...` in the `old` one stands for is added to `rest`."""
    if isinstance(found, list) and isinstance(old, list):
        if _stands_for_any(old):
            rest += found
            return True
        return len(found) == len(old) and all(_same(one, other, rest) for one, other in zip(found, old, strict=True))
    if isinstance(found, ast.AST) and type(found) is type(old):
        return all(_same(getattr(found, name), getattr(old, name), rest) for name in found._fields)
    return type(found) is type(old) and found == old
