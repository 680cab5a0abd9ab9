"""Writes mlflow_hooks/hook.schema.json, from which editors complete hook.yml: `python docs/hook_schema.py`.

With `--print` to the screen; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlflow_hooks.schema import json_schema

FILE = Path(__file__).resolve().parent.parent / "mlflow_hooks" / "hook.schema.json"

if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(json_schema())
    else:
        FILE.write_text(json_schema(), encoding="utf-8", newline="\n")
