"""The rules of the script that an entry point runs. Pure: the text comes from elsewhere.

A `databricks_spark_job` does not run the script but a copy of it, pasted below lines of MLflow's own, from another
folder: what depends on being the file it was written as fails there, and only there.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from mlflow_hooks.model import Finding, FindingSeverity
from mlflow_hooks.reading.findings import Findings

_ALONE = "Keep the project to one file, or put what it imports into a library under python_libraries."

# What is not in the copy what it is in the script.
_OTHERWISE = {
    "__file__": (
        "__file__ is a copy of the script in another folder.",
        "Use paths relative to the current folder, which is the folder of the project.",
    ),
    "__doc__": (
        "__doc__ is None, because MLflow puts its own lines above the docstring.",
        "Write the text where it is used.",
    ),
}


def rules(name: str, source: str, modules: Collection[str], *, pasted: bool, serverless: bool) -> Findings:
    """What is wrong with the text of a script called `name`; `modules` are those that lie beside it.

    SERVER: that MLflow pastes it below lines of its own, and where it runs it, was seen with MLflow 3.17.2.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:  # the last two where it is nested deeply
        line = getattr(wrong, "lineno", 0) or 0
        reason = getattr(wrong, "msg", str(wrong) or "it is nested too deeply")
        yield Finding(name, line, FindingSeverity.ERROR, f"The script is not Python: {reason}.", "Correct that line.")
        return
    for node in ast.walk(tree):
        yield from _settled_elsewhere(name, node)
        if pasted:
            yield from _pasted(name, node, modules)
        if serverless and isinstance(node, ast.Attribute) and node.attr in ("sparkContext", "rdd"):
            message = f"Serverless compute has no {node.attr}: it has Spark Connect."
            remedy = "Use DataFrames, or run the project on a cluster."
            yield Finding(name, node.lineno, FindingSeverity.WARNING, message, remedy)


def _settled_elsewhere(name: str, node: ast.AST) -> Findings:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("set_experiment", "set_tracking_uri"):
            message = f"{node.func.attr} makes the script leave the run that was started for it."
            remedy = "Remove the call: the command that starts the project chooses where it is tracked."
            yield Finding(name, node.lineno, FindingSeverity.WARNING, message, remedy)


def _pasted(name: str, node: ast.AST, modules: Collection[str]) -> Findings:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        message = "MLflow pastes the script below its own lines, where `from __future__` is a syntax error."
        yield Finding(name, node.lineno, FindingSeverity.ERROR, message, "Remove the line.")
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for imported in sorted(_imported(node) & {*modules, ""}):
            message = f"MLflow runs a copy of the script from another folder, which does not find {imported or 'it'}."
            yield Finding(name, node.lineno, FindingSeverity.ERROR, message, _ALONE)
    elif isinstance(node, ast.Name) and node.id in _OTHERWISE:
        yield Finding(name, node.lineno, FindingSeverity.WARNING, *_OTHERWISE[node.id])


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The top-level modules; "" for a relative import, which a script has no package for."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {"" if node.level else (node.module or "").partition(".")[0]}
