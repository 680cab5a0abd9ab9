"""Lines of a notebook that Python does not take: told from Python, and filled in."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databricks_local.runtime.shell_lines import expanded, translated

CALL = "get_ipython()."
CELLS = {
    "x = 1\n!ls -l 'a'\ny": f"x = 1\n{CALL}system(\"ls -l 'a'\")\ny",
    "%pip install a \\\n  b\n1 / 0": f"{CALL}run_line_magic('pip', 'install a    b')\n\n1 / 0",
    "if x:\n    !ls\nelse:\n\t%cd": f"if x:\n    {CALL}system('ls')\nelse:\n\t{CALL}run_line_magic('cd', '')",
    "a, b = !ls\nx = %time\t1\n!!ls": f"a, b = {CALL}getoutput('ls')\nx = 1\n{CALL}getoutput('ls')",
    "  x = 1\n  if x:\n    !ls": f"x = 1\nif x:\n  {CALL}system('ls')",
    "# it's\n!ls": f"# it's\n{CALL}system('ls')",
}
PYTHON = [
    "x = '''\n%pip install a\n!ls\n'''",
    'x = """\n\\"""\n!ls\n"""',
    "x = (3  # (\n% 2)",
    "x = 3 \\\n% 2\nx %= 2\nx != 3",
    "print('%s' % x, '(')\ny = {\n'a': '''(''', 'b':\n!x}",
]


@pytest.mark.parametrize("cell", CELLS)
def test_translated(cell: str) -> None:
    """A command or a magic becomes a call wherever a statement may stand, and lines keep their numbers."""
    assert translated(cell) == CELLS[cell]
    assert translated(cell).count("\n") == cell.count("\n")


@pytest.mark.parametrize("cell", PYTHON)
def test_python_stays(cell: str) -> None:
    """What stands in strings, comments, brackets and continued lines is no command."""
    assert translated(cell) == cell


@given(st.text(alphabet="ab=%!'\"\\#()[]{} \n\t\ud800"))
def test_any_text(text: str) -> None:
    """Python that can be parsed is never changed, and no text at all is too odd to be told."""
    after = translated(text)
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return
    assert after == text


NAMES = {"name": "pkg", "number": 1.5}
TEXTS = {
    "install {name}=={number:.2f}": "install pkg==1.50",
    "echo $name ${name!r} $$HOME {{x}}": "echo pkg $'pkg' $HOME {x}",
    "echo '$name' $name": "echo '$name' pkg",
    "echo $HOME {name}": "echo $HOME {name}",
    "awk '{print $1}' $name": "awk '{print $1}' $name",
    "echo {": "echo {",
}


@pytest.mark.parametrize("text", TEXTS)
def test_expanded(text: str) -> None:
    """Names and expressions are filled in; when one of them cannot be, the text stays as it is."""
    assert expanded(text, NAMES) == TEXTS[text]
