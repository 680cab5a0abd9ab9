"""Somebody's desk: a repository with projects, an environment of its own, and `mlflow_hooks` as it is typed there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from emulator.client import Local
from emulator.work import Work
from support.project import called

from mlflow_hooks.cli import main

from .stage import mapped
from .work import URL


@dataclass(frozen=True)
class Ran:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def one(self, event: str) -> dict[str, Any]:
        """The last event of a kind."""
        return [told for told in self.events if told["event"] == event][-1]

    @property
    def changes(self) -> dict[str, str]:
        """What became of each file, notebook and job."""
        return {one["name"]: one["action"] for one in self.events if one["event"] in ("file", "notebook", "job")}


@dataclass
class Desk:
    root: Path
    home: Path
    api: Local
    more: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        kept = ("PATH", "SYSTEMROOT", "PYTHONPATH")
        self.env = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **mapped({URL: self.root}),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "DATABRICKS_HOST": self.api.host,
            "DATABRICKS_TOKEN": self.api.token,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **self.more,
        }

    @property
    def work(self) -> Work:
        return Work(self.api, self.root, self.root)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mlflow_hooks", *words],
            cwd=self.root, env={**self.env, **environment}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[bytes], code: int, seconds: float = 600) -> Ran:
        out, err = process.communicate(timeout=seconds)
        return self._checked(Ran(process.returncode, out.decode(), err.decode()), code)

    def _checked(self, ran: Ran, code: int) -> Ran:
        assert ran.code == code, ran.said
        assert "Traceback" not in ran.said and self.api.token not in ran.said, ran.said
        return ran

    def type(self, *words: str, code: int = 0, **environment: str) -> Ran:
        """A command from its start to its end, which is to be `code`."""
        return self.finish(self.start(*words, **environment), code)

    def quick(self, *words: str, code: int = 0, **environment: str) -> Ran:
        """The same in this process, which costs a third, and less where MLflow has been imported."""
        return self._checked(Ran(*called(main, ["mlflow_hooks", *words], self.root, {**self.env, **environment})), code)

    def browser(self) -> tuple[dict[str, str], Path]:
        """A browser that only writes down what it is to open: the variable that names it, and its file."""
        log, program = self.home / "opened", self.home / "browser.py"
        program.write_text(f"import sys\nopen({str(log)!r}, 'a').write(sys.argv[1] + '\\n')\n", encoding="utf-8")
        log.write_text("", encoding="utf-8")
        return {"BROWSER": f"{sys.executable} {program} %s"}, log

    def asked(self) -> list[str]:
        """The requests that write, since somebody last forgot them."""
        told = self.api.control("requests", method="GET")["requests"]
        return [one["endpoint"] for one in told if one["method"] not in ("GET", "HEAD")]

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        """The MLflow runs of an experiment, the newest first, with their tags as a mapping."""
        found = self.work.get("2.0/mlflow/experiments/get-by-name", experiment_name=experiment).json
        wanted = {"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 100}
        runs: list[dict[str, Any]] = self.work.post("2.0/mlflow/runs/search", wanted).json.get("runs", [])
        for run in runs:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
            run["metrics"] = {metric["key"]: metric["value"] for metric in run["data"].get("metrics", [])}
        return runs


def until_line(process: subprocess.Popen[bytes], word: str, seconds: float = 600) -> str:
    """Reads what a command says up to a line with this word, and gives that line."""
    assert process.stdout is not None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stdout.readline().decode()
        assert line, "the command ended before it said so"
        if word in line:
            return line
    raise AssertionError(f"nobody said {word}")
