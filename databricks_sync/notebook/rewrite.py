"""A notebook as it is written into the local folder. Pure.

A file that is replaced stays as it is, down to the byte, but for what somebody edited; that is written in the style
around it. A new file begins as an empty one in the usual style. A Jupyter notebook of a format before 4 has no place
for what comes from the workspace: it stays, too, until there is an edit to write, and is then converted.
"""

from __future__ import annotations

from collections.abc import Sequence

from databricks_sync.errors import BrokenNotebook
from databricks_sync.model import Form, Format

from .cells import Piece, Placed, in_one_language, jupyter_pieces, pieces
from .format import BOM, has_header, in_format_4, parse, spoken_in, text_of
from .jupyter_text import new_jupyter, rewritten_jupyter
from .source_text import rewritten_source
from .trace import traced


def materialise(exported: bytes, format: Format | None, like: bytes | None, *, outputs: bool = False) -> bytes:
    """The bytes to store locally for what the workspace `exported`, where the file `like` is (None: a new one).

    Of a file (no `format`) they are its own. Those of a notebook have the canonical text of `exported`, and of `like`
    all that is not content; with `outputs` the outputs are those of `exported`. Raises BrokenNotebook.
    """
    if format is None:
        return exported
    if format.form is Form.SOURCE and not like:  # all of it is new, so the way below would only lead to the same
        return (text_of(exported).rstrip("\n") + "\n").encode()
    try:
        raw, old, new = (_jupyter if format.form is Form.JUPYTER else _source)(exported, format, like or b"")
    except RecursionError:
        raise BrokenNotebook("it is nested too deeply") from None
    origins = {after: before for before, after in traced(old, new).items()}
    placed = [Placed(piece, origins.get(number)) for number, piece in enumerate(new)]
    return rewrite(raw, format, placed, outputs=outputs)


def rewrite(raw: bytes, format: Format, cells: Sequence[Placed], *, outputs: bool = False) -> bytes:
    """The file `raw` with these cells in place of its own; `outputs`: also theirs. Raises BrokenNotebook."""
    mark, before = BOM if raw.startswith(BOM) else b"", raw.removeprefix(BOM)
    jupyter = format.form is Form.JUPYTER
    if jupyter:
        before = in_format_4(before)
    text = before.decode("utf-8")
    try:
        if jupyter:
            text = rewritten_jupyter(text, cells, outputs=outputs)
        else:
            text = rewritten_source(text, format.language, cells)
    except RecursionError:
        raise BrokenNotebook("it is nested too deeply") from None
    after = text.encode("utf-8")
    return raw if after == before else mark + after


_Versions = tuple[bytes, Sequence[Piece], Sequence[Piece]]  # the file to start from, its cells, and the new ones


def _jupyter(exported: bytes, _: Format, like: bytes) -> _Versions:
    document = parse(exported)
    new = jupyter_pieces(document)
    try:
        own = parse(like)
        if in_one_language(own, document):
            return like, jupyter_pieces(own), new
    except BrokenNotebook:
        pass
    return new_jupyter(document).encode("utf-8"), (), new


def _source(exported: bytes, format: Format, like: bytes) -> _Versions:
    header = text_of(exported).partition("\n")[0]
    new = pieces(exported, format)
    try:
        if has_header(like, spoken_in(header, format.language)):
            return like, pieces(like, format), new
    except BrokenNotebook:
        pass
    return f"{header}\n".encode(), (), new
