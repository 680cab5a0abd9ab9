"""The one Python namespace of a running notebook: cells come in, names stay, output is kept within bounds."""

from __future__ import annotations

import ast
import io
import linecache
import os
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from .dbutils import DBUtils, RestartPython
from .displays import Display, is_rich, open_figures, rendered
from .interactive_shell import InteractiveShell
from .notebook_cells import CellStep, check_python
from .notebooks import LoadedNotebook
from .shell_lines import translated
from .spark import NAMES as SPARK_NAMES
from .spark import NoSpark

TRACE_LIMIT = 256 * 1024
DISPLAY_LIMIT = 256 * 1024
MAX_DISPLAYS = 1000
OURS = str(Path(__file__).parents[1]) + os.sep


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
    """`make_dbutils` gives a fresh one with each restart, and `given` are names that a notebook finds besides.

    `packages` is where `%pip install` puts packages, None to check only that they are there; `run_other` carries out a
    cell of `%run`; `spark` starts Spark, and gives its names; `show` is told of each thing that is displayed.
    """

    def __init__(
        self,
        make_dbutils: Callable[[], DBUtils],
        packages: Path | None,
        run_other: Callable[[str], None],
        spark: Callable[[], Mapping[str, Any]],
        given: Mapping[str, Any],
        show: Callable[[Display], None],
    ) -> None:
        self._make_dbutils = make_dbutils
        self._packages = packages
        self._run_other = run_other
        self._spark = spark
        self._given = given
        self._tell = show
        self._fresh = True
        self._at: tuple[LoadedNotebook, CellStep] | None = None
        self.names: dict[str, Any] = {}
        self.secrets: set[str] = set()
        self.displays: list[Display] = []
        self.notes: list[str] = []

    def attach(self) -> None:
        """Takes the process's output, and has plots of matplotlib shown."""
        sys.stdout = Redacted(sys.stdout, self.secrets)
        sys.stderr = Redacted(sys.stderr, self.secrets)

    def run(self, step: CellStep, notebook: LoadedNotebook) -> None:
        """One cell; whatever it raises comes out, except a restart of Python."""
        self._at = notebook, step
        if step.kind == "nothing":
            return
        if self._fresh:
            self._begin()
        try:
            self._execute(step, notebook)
        except RestartPython:
            self._fresh = True
        for figure in open_figures():
            if all(display.value is not figure for display in self.displays):
                self._display(figure)

    def location(self, error: BaseException) -> str | None:
        """The notebook, the cell and the line that an error came out of, in words; None before the first cell.

        The line is that of the file, if its lines are those of the notebook, else that of the cell.
        """
        if self._at is None:
            return None
        notebook, step = self._at
        line, trace = step.line, error.__traceback__
        if isinstance(error, SyntaxError) and error.filename == _file_name(notebook, step):
            line = error.lineno or line
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _file_name(notebook, step):
                line = trace.tb_lineno if trace.tb_frame.f_code.co_name == _code_name(step) else line
            trace = trace.tb_next
        return f"{notebook.name}, cell {step.number}, line {line}"

    def describe(self, error: BaseException) -> tuple[str, str]:
        """The error in a line, and its trace without our own frames."""
        without_ours(error)
        line = redacted(f"{type(error).__name__}: {error}", self.secrets)
        trace = redacted("".join(traceback.format_exception(error)), self.secrets)
        return bounded(line, TRACE_LIMIT)[0], bounded(trace, TRACE_LIMIT)[0]

    def _begin(self) -> None:
        """A Python in which nothing has happened yet, but for what the service puts there."""
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.names = module.__dict__
        dbutils = self._make_dbutils()
        shell = InteractiveShell(self.names, self._packages, self.notes, self._run_other)
        self.names.update(
            dbutils=dbutils,
            getArgument=dbutils.widgets.getArgument,
            get_ipython=lambda: shell,
            display=self._display,
            displayHTML=self._display_html,
            **{name: NoSpark(name) for name in SPARK_NAMES},
        )
        self.names.update(self._given)
        # Modules take their `dbutils` and `spark` from there.
        runtime = sys.modules["databricks.sdk.runtime"] = types.ModuleType("databricks.sdk.runtime")
        runtime.__getattr__ = self._runtime  # type: ignore[method-assign]
        self._fresh = False

    def _runtime(self, name: str) -> Any:
        if name.startswith("__") or name not in self.names:
            raise AttributeError(name)
        self._start_spark({name})
        return self.names[name]

    def _start_spark(self, used: set[str]) -> None:
        """Spark takes seconds to start, and so it is started where a cell uses one of its names."""
        if any(isinstance(self.names.get(name), NoSpark) for name in used):
            started = self._spark()
            self.names.update({name: started[name] for name in started if isinstance(self.names.get(name), NoSpark)})

    def _execute(self, step: CellStep, notebook: LoadedNotebook) -> None:
        """All is Python in the end, so that each error has a frame that names the notebook, the cell and the line."""
        file = _file_name(notebook, step)
        before = "\n" * (step.line - 1)
        if notebook.file is None:
            lines = (before + step.text).splitlines(keepends=True)
            linecache.cache[file] = (len(step.text), None, lines, file)
        # Not ast.parse, which would be in the trace of a syntax error.
        tree = compile(before + _as_python(step), file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, ast.Module)
        self._start_spark({"spark"} if step.kind == "sql" else _used(tree))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._evaluate(tree, "exec", step, file)
        if isinstance(last, ast.Expr):
            value = self._evaluate(ast.Expression(last.value), "eval", step, file)
            if is_rich(value):
                self._display(value)
            elif value is not None:
                print(repr(value))  # noqa: T201

    def _evaluate(self, tree: ast.Module | ast.Expression, mode: str, step: CellStep, file: str) -> Any:
        before = step.line - 1
        try:
            code = compile(ast.increment_lineno(tree, -before), file, mode, dont_inherit=True)
        except SyntaxError as error:
            error.lineno = (error.lineno or 1) + before
            error.end_lineno = (error.end_lineno or 1) + before
            error.text = linecache.getline(file, error.lineno)
            raise
        return eval(_moved(code, before).replace(co_name=_code_name(step)), self.names)

    def _display(self, *values: Any, **_: Any) -> None:
        for value in values:
            self._show(*rendered(value), value)

    def _display_html(self, html: str, **_: Any) -> None:
        self._show("html", str(html), html)

    def _show(self, kind: str, text: str, value: Any) -> None:
        if len(self.displays) < MAX_DISPLAYS:
            shown = bounded(redacted(text, self.secrets), DISPLAY_LIMIT)[0]
            self.displays.append(Display(self._at[1].number if self._at else 0, kind, shown, value))
            self._tell(self.displays[-1])


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


def without_ours(error: BaseException) -> BaseException:
    """The error, and those it came from, with no frame of this package in their traces."""
    chain: list[BaseException | None] = [error]
    seen: set[int] = set()
    for part in chain:
        if part is not None and part.__traceback__ is not None and id(part) not in seen:
            seen.add(id(part))
            part.__traceback__ = _kept(part.__traceback__)
            chain += [part.__cause__, part.__context__]
    return error


def _kept(trace: types.TracebackType) -> types.TracebackType | None:
    kept = [(trace.tb_frame, trace.tb_lasti, trace.tb_lineno)]
    while trace.tb_next is not None:
        trace = trace.tb_next
        kept.append((trace.tb_frame, trace.tb_lasti, trace.tb_lineno))
    rebuilt = None
    for frame, instruction, line in reversed(kept):
        if not frame.f_code.co_filename.startswith(OURS):
            rebuilt = types.TracebackType(rebuilt, frame, instruction, line)
    return rebuilt


def _file_name(notebook: LoadedNotebook, step: CellStep) -> str:
    """What tracebacks call it; coverage too, of a notebook whose lines are those of a file."""
    return str(notebook.file) if notebook.file else f"<{notebook.name} cell {step.number}>"


def _used(tree: ast.Module) -> set[str]:
    """The names of Spark that a cell uses, and does not take for something else."""
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in SPARK_NAMES]
    stored = {node.id for node in named if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in named} - stored


def _moved(code: types.CodeType, lines: int) -> types.CodeType:
    """The code so many lines further down, its first line too: from there on a trace shows the source."""
    constants = tuple(_moved(part, lines) if isinstance(part, types.CodeType) else part for part in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=constants)


def _code_name(step: CellStep) -> str:
    return f"cell {step.number}"


def _as_python(step: CellStep) -> str:
    if step.kind == "python":
        check_python(step.text)
        return translated(step.text)
    return f"get_ipython().run_cell_magic({step.kind!r}, '', {step.text!r})"
