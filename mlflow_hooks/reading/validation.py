"""A file held against a pydantic model: a finding for each thing that does not fit, in words of our own.

Whatever is wrong, a value comes back, so that the rest of it can be checked in the same pass: a wrong value counts as
left out, and where there must be one, the example of its field stands in for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mlflow_hooks.schema import Section

from .document import Reader
from .findings import nearest

S = TypeVar("S", bound=Section)


def validated(reader: Reader, model: type[S]) -> S:
    """The file as a value of `model`; what does not fit is added to the findings of `reader`, and replaced."""
    tree = reader.tree if isinstance(reader.tree, dict) else {}
    if reader.tree is not None and tree is not reader.tree:
        reader.error((), f"{reader.path.name} must be a mapping of keys to values.", "Write key: value on each line.")
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            section, field = _section_and_field(model, problem["loc"])
            harmless = problem["type"] == "extra_forbidden" and not section.unknown_keys_are_errors
            note = reader.warn if harmless else reader.error
            note(problem["loc"], *_sentence(problem, section, field, reader.path.name))
            _replace(tree, problem["loc"], field)
    return model.model_validate(tree)


def _sentence(problem: ErrorDetails, section: type[Section], field: FieldInfo | None, file: str) -> tuple[str, str]:
    """The message and the remedy, in our words: those of pydantic are for people who know its types."""
    kind, value = problem["type"], problem["input"]
    *around, key = [part for part in problem["loc"] if isinstance(part, str)]
    outer = ".".join(around) or file
    place = ".".join([*around, key])
    if isinstance(problem["loc"][-1], int):
        place = f"Each item of {place}"
    remedy = f"Write {key}: {_example(field)}."
    if kind == "missing":
        return f"{outer} has no {key}.", remedy
    if kind == "extra_forbidden":
        keys = f"Its keys are {', '.join(sorted(section.by_key()))}."
        return f"{outer} has no key {key!r}.", nearest(key, section.by_key(), keys)
    if value in (None, ""):
        return f"{place} has no value.", remedy
    if kind == "string_pattern_mismatch" and field is not None and isinstance(field.json_schema_extra, dict):
        return f"{place} {field.json_schema_extra['patternErrorMessage']}.", remedy
    if kind in ("enum", "literal_error") and isinstance(value, str):
        return f"{place} must be {problem['ctx']['expected']}, not {value!r}.", remedy
    if kind == "value_error":
        return f"{place} {problem['ctx']['error']}.", remedy
    if kind in ("model_type", "dict_type"):
        return f"{place} must be a mapping of keys to values.", f"Write {key}: with its keys below it."
    if kind in ("tuple_type", "list_type"):
        return f"{place} must be a list.", f"Write {key}: and below it a line for each item, beginning with -."
    return f"{place} must be one value, not a list or a mapping.", remedy


def _example(field: FieldInfo | None) -> str:
    if field is None or not field.examples:
        return "and the value after it"
    return json.dumps(field.examples[0]).replace('"', "") + ", for example"


def _section_and_field(model: type[Section], loc: Sequence[str | int]) -> tuple[type[Section], FieldInfo | None]:
    """The innermost section around a place in the file, and the field of it that the place is in."""
    section, field = model, None
    parts = iter(loc)
    for part in parts:
        if isinstance(part, int):  # an item of a list of sections
            continue
        if part not in section.by_key():
            return section, None
        field = section.by_key()[part]
        inner = next(_sections(field.annotation), None)
        if inner is None:
            break
        if get_origin(field.annotation) is dict and next(parts, None) is None:
            break
        section = inner
    return section, field


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def _replace(tree: Any, loc: Sequence[str | int], field: FieldInfo | None) -> None:
    """Takes what is wrong out of the tree, or puts an example in its place."""
    *around, key = loc
    for part in around:
        if not isinstance(tree.get(part), dict):  # a list, of which one item is wrong; or what stands for a section
            tree.pop(part, None)
            return
        tree = tree[part]
    if field is not None and field.is_required() and field.examples:
        tree[key] = field.examples[0]
    else:
        tree.pop(key, None)
