"""What a person or a program sees of a command: lines of text, or one JSON object per line with stable keys."""

from __future__ import annotations

import json
import sys

from databricks_sync.errors import SyncError, printable
from databricks_sync.output.text import Screen

from .credentials import each_text, hidden


class _HidingScreen(Screen):
    def line(self, text: str = "", style: str = "", link: tuple[str, str] = ("", "")) -> None:
        super().line(hidden(text), style, link)


class Reporter:
    """Says each event once: as its text to a person, as its fields to a program.

    INVARIANT: nothing it says looks like a credential, wherever that came from.
    """

    def __init__(self, as_json: bool) -> None:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        self.as_json = as_json
        self.out = _HidingScreen(sys.stdout)
        self.err = _HidingScreen(sys.stderr)

    def event(self, event: str, text: str = "", style: str = "", **fields: object) -> None:
        """An event; without a text it is for programs alone."""
        if self.as_json:
            told = each_text({"event": event, **fields}, hidden)  # before escapes change where a word begins
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
        else:
            self.line(text, style)

    def line(self, text: str, style: str = "", link: tuple[str, str] = ("", "")) -> None:
        """Says something to a person alone, if there is a text. `link`: a part of it, and where that leads to."""
        if not text or self.as_json:
            return
        for line in hidden(text).splitlines():  # as a whole: a key has many lines
            self.out.line(printable(line), style, link)
        sys.stdout.flush()

    def address(self, label: str, address: str) -> None:
        """Where a person finds something in the browser, if anywhere; a program has it in an event."""
        if address:
            self.line(f"{label}{address}", link=(address, address))

    def notice(self, text: str) -> None:
        """Says something on standard error that is no result; to a program, an event `note`."""
        if self.as_json:
            self.event("note", message=text)
        else:
            self.err.line(f"note: {printable(text)}", "yellow")

    def error(self, error: SyncError) -> None:
        """Says why the command failed, and what to type next; to a program, an event `error`."""
        if self.as_json:
            self.event("error", message=error.message, hint=error.hint, exit_code=error.exit_code)
            return
        self.err.line(f"error: {printable(error.message)}", "bold red")
        if error.hint:
            self.err.line(f"  {printable(error.hint)}")
