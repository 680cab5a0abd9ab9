"""YAML that YAML 1.1, YAML 1.2 and the loader of the Databricks CLI read the same. Pure.

What has no quotes is a matter of the version: `1e-3`, `0o17` and `12345e12` are texts to PyYAML, which has YAML 1.1,
and numbers to YAML 1.2 and to Go, whose loader the CLI has; `yes` and `1:30` are texts to those, and more to 1.1. So
every text is in double quotes, but for keys that no version could take for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Without anchors; with quotes."""

    def ignore_aliases(self, _: object) -> bool:
        return True

    def represent_str(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"')

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        for key, _ in node.value:
            if _is_plain(key.value):
                key.style = None
        return node


_Dumper.add_representer(str, _Dumper.represent_str)


def yaml_text(values: Mapping[str, Any]) -> str:
    """What JSON can hold, as YAML, in the order that it has."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, width=float("inf"))


@lru_cache  # the keys of all hooks are the same few
def _is_plain(key: str) -> bool:
    """Whether a key is a word that YAML 1.1, which has the most words of its own, takes for a text."""
    return len(key) > 1 and key.isascii() and key.isidentifier() and yaml.safe_load(key) == key
