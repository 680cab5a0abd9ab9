"""The one Python namespace of a running notebook: cells come in, names stay, output is kept within bounds."""

from __future__ import annotations

import ast
import io
import linecache
import os
import subprocess
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from .dbutils import DBUtils, RestartPython
from .interactive_shell import InteractiveShell
from .notebook_cells import NO_SPARK, CellStep, MagicError, check_python, refuse
from .shell_lines import translated

TRACE_LIMIT = 256 * 1024
DISPLAY_LIMIT = 256 * 1024
MAX_DISPLAYS = 1000


class NoSpark:
    """Stands where the service puts Spark."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, attribute: str) -> Any:
        name = self.__dict__["_name"]
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise RuntimeError(NO_SPARK.format(f"{name}.{attribute}"))

    def __call__(self, *_: object, **__: object) -> Any:
        """Raises RuntimeError: there is no Spark here."""
        raise RuntimeError(NO_SPARK.format(f"{self.__dict__['_name']}()"))


class Redacted(io.TextIOBase):
    """Standard output without the secrets the notebook has read, as the service shows it."""

    def __init__(self, out: TextIO, secrets: set[str]) -> None:
        self._out = out
        self._secrets = secrets

    def write(self, text: str) -> int:
        """Writes it without secrets; gives the length of `text` as it came."""
        self._out.write(redacted(text, self._secrets))
        return len(text)

    def flush(self) -> None:
        """As a file does."""
        self._out.flush()

    def fileno(self) -> int:
        """That of the real output: what programs write there is not redacted."""
        return self._out.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the real output."""
        return self._out.encoding

    @property
    def buffer(self) -> Any:
        """That of the real output: bytes are not redacted."""
        return self._out.buffer


class Namespace:
    """`make_dbutils` gives a fresh one with each restart; `packages` is where `%pip install` puts packages."""

    def __init__(self, make_dbutils: Callable[[], DBUtils], pip_install: bool, packages: str) -> None:
        self._make_dbutils = make_dbutils
        self._packages = packages if pip_install else None
        self._names: dict[str, Any] = {}
        self._fresh = True
        self._number = 0
        self.secrets: set[str] = set()
        self.displays: list[dict[str, Any]] = []
        self.notes: list[str] = []
        sys.stdout = Redacted(sys.stdout, self.secrets)
        sys.stderr = Redacted(sys.stderr, self.secrets)

    def run(self, step: CellStep, path: str, language: str) -> None:
        """One cell; whatever it raises comes out, except a restart of Python."""
        self._number = step.number
        if step.kind == "nothing":
            return
        if step.kind == "code" and language != "PYTHON":
            raise MagicError(NO_SPARK.format(f"{language} cells"))
        if self._fresh:
            self._begin()
        try:
            if step.kind in ("code", "python"):
                self._python(step, path)
            elif step.kind == "sh":
                _shell(step.text)
            else:
                raise refuse(step.text)
        except RestartPython:
            self._fresh = True

    def describe(self, error: BaseException) -> tuple[str, str]:
        """The error in a line, and the trace without our own frames."""
        frames = traceback.TracebackException.from_exception(error, capture_locals=False)
        ours = str(Path(__file__).parent)
        chained: list[traceback.TracebackException | None] = [frames]
        while chained:
            part = chained.pop()
            if part is not None:
                kept = [frame for frame in part.stack if not frame.filename.startswith(ours)]
                part.stack = traceback.StackSummary.from_list(kept)
                chained += [part.__cause__, part.__context__]
        line = redacted(f"{type(error).__name__}: {error}", self.secrets)
        trace = redacted("".join(frames.format()), self.secrets)
        return bounded(line, TRACE_LIMIT)[0], bounded(trace, TRACE_LIMIT)[0]

    def _begin(self) -> None:
        """A Python in which nothing has happened yet, but for what the service puts there."""
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self._names = module.__dict__
        dbutils = self._make_dbutils()
        shell = InteractiveShell(self._names, self._packages, self.notes)
        self._names.update(
            dbutils=dbutils,
            getArgument=dbutils.widgets.getArgument,
            get_ipython=lambda: shell,
            display=self._display,
            displayHTML=self._display_html,
            **{name: NoSpark(name) for name in ("spark", "sc", "sqlContext", "table", "sql")},
        )
        self._fresh = False

    def _python(self, step: CellStep, path: str) -> None:
        check_python(step.text)
        name = f"<{path} cell {step.number}>"
        linecache.cache[name] = (len(step.text), None, step.text.splitlines(keepends=True), name)
        tree = ast.parse(translated(step.text), name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), self._names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), self._names)
            if value is not None:
                print(repr(value))  # noqa: T201

    def _display(self, *values: Any, **_: Any) -> None:
        for value in values:
            as_html = getattr(value, "_repr_html_", None)
            if callable(as_html):
                self._show("html", str(as_html()))
            else:
                self._show("text", repr(value))

    def _display_html(self, html: str, **_: Any) -> None:
        self._show("html", str(html))

    def _show(self, kind: str, text: str) -> None:
        if len(self.displays) < MAX_DISPLAYS:
            shown = bounded(redacted(text, self.secrets), DISPLAY_LIMIT)[0]
            self.displays.append({"cell": self._number, "kind": kind, "text": shown})


def bounded(text: str, limit: int) -> tuple[str, bool]:
    """The beginning of a text that is too long in UTF-8, and whether it was."""
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) <= limit:
        return text, False
    return encoded[:limit].decode("utf-8", "ignore"), True


def redacted(text: str, secrets: set[str]) -> str:
    """The text with each secret replaced."""
    for secret in secrets:
        text = text.replace(secret, "[REDACTED]")
    return text


def _shell(text: str) -> None:
    """`%sh` fails only with -e, as on the service [DOCS]."""
    strict = text.startswith("-e")
    sys.stdout.flush()
    done = subprocess.run(["bash", "-c", text.removeprefix("-e").strip()], env=dict(os.environ), check=False)
    if done.returncode and strict:
        raise MagicError(f"%sh -e ended with exit code {done.returncode}")
