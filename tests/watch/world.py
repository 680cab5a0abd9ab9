"""A watch as a program follows it, line by line, and as a person sees it, on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from support.forked import Forked
from support.project import Project, until

CSI = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


class Watching:
    """A running watch, and what it has said so far with --json."""

    def __init__(
        self,
        project: Project,
        command: str = "to_databricks",
        *options: str,
        number: int = 0,
        root: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        within: Sequence[str] = (),
        ready: bool = True,
    ) -> None:
        self.project = project
        self._out, self._err = (project.home / f"watch-{number}.{name}" for name in ("out", "err"))
        typed = (command, "--watch", "--json", *options)
        self.process: subprocess.Popen[bytes] | Forked
        with self._out.open("wb") as out, self._err.open("wb") as err:
            if within:
                self.process = project.start(*typed, cwd=root, env=env, within=within, stdout=out, stderr=err)
            else:
                self.process = project.forked(*typed, cwd=root, env=env, out=self._out, err=self._err)
                self.process.begin()
        if ready:
            self.until_state("watching")

    # --- what it says ---------------------------------------------------------------------------------------

    @property
    def events(self) -> list[dict[str, Any]]:
        text = self._out.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def all(self, event: str, **fields: object) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event and fields.items() <= one.items()]

    @property
    def states(self) -> list[str]:
        return [one["state"] for one in self.all("watch")]

    @property
    def said(self) -> str:
        """The last words about the state."""
        told = self.all("watch")[-1]
        return f"{told['message']} {told['hint']}"

    def parked(self) -> set[str]:
        """The paths that are parked by now."""
        found: set[str] = set()
        for one in self.events:
            if one["event"] == "start":
                found = set()
            elif one["event"] == "parked":
                found.add(one["path"])
            elif one["event"] == "settled":
                found.discard(one["path"])
        return found

    def until(self, true: Callable[[], object], seconds: float = 180.0) -> None:
        """Waits for what is about to happen; says what the watch has said when it does not."""
        deadline, pause = time.monotonic() + seconds, 0.01
        while not true():
            assert self.process.poll() is None, f"it ended: {self.process.returncode}\n{self._last_words()}"
            assert time.monotonic() < deadline, f"it did not happen\n{self._last_words()}"
            time.sleep(pause)
            pause = min(1.2 * pause, 0.05)  # the workspace is asked as well, and the watch needs the processor

    def look(self) -> None:
        """Has it look at both sides now and not in two seconds, as after every change of what git ignores."""
        with (self.project.root / ".git/info/exclude").open("a") as file:
            file.write("\n")

    def until_state(self, state: str, seconds: float = 180.0) -> None:
        self.until(lambda: self.states[-1:] == [state], seconds)

    def _last_words(self) -> str:
        return "\n".join([*map(str, self.events[-8:]), self.err])

    # --- its end --------------------------------------------------------------------------------------------

    def stop(self, number: int = signal.SIGINT, code: int = 130) -> None:
        """Ends it, unless it has ended; it says so, and in no other way than in sentences."""
        if self.process.returncode is None:
            self.process.send_signal(number)
            assert self.process.wait(180) == code, self.err
            assert self.states[-1] == "stopped"
        assert self.err == ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Terminal:
    """A watch on a terminal of so many columns and lines, with just enough of one to read what is on its screen."""

    def __init__(self, project: Project, *typed: str, columns: int = 100, lines: int = 30, **env: str | None) -> None:
        self.columns = columns
        self.lines: list[str] = [""]
        self.raw = ""
        self._row = self._column = 0
        self._drawn = threading.Lock()  # nobody looks while it is half done
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = project.start(
            typed[0], *typed[1:], env={"TERM": "xterm-256color", **env}, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._ours = ours
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def screen(self) -> str:
        with self._drawn:
            return "\n".join(line.rstrip() for line in self.lines)

    def until(self, *texts: str, absent: str = "", seconds: float = 180.0) -> str:
        """Waits until all of the texts are on the screen, and the other one is not; the screen as it was then."""
        seen = ""

        def shown() -> bool:
            nonlocal seen
            seen = self.screen
            return all(text in seen for text in texts) and not (absent and absent in seen)

        try:
            until(shown, seconds)
        except AssertionError:
            raise AssertionError(f"{texts} not on the screen, or {absent!r} is:\n{seen}") from None
        return seen

    def stop(self) -> int:
        """Ends it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(180)
        self._reader.join(180)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _read(self) -> None:
        waiting = b""
        while True:
            try:
                more = os.read(self._ours, 65536)
            except OSError:
                return
            if not more:
                return
            waiting += more
            text = waiting.decode("utf-8", "ignore")
            if waiting.decode("utf-8", "replace").endswith("�") or re.search(r"\x1b(\[[0-9;?]*)?$", text):
                continue  # in the middle of a character or a sequence
            waiting = b""
            self.raw += text
            with self._drawn:
                self._show(text)

    def _show(self, text: str) -> None:
        at = 0
        while at < len(text):
            if found := CSI.match(text, at):
                self._control(found[1], found[2])
                at = found.end()
                continue
            if text[at] == "\n":
                self._to(self._row + 1)
            elif text[at] == "\r":
                self._column = 0
            else:
                self._put(text[at])
            at += 1

    def _put(self, character: str) -> None:
        if self._column == self.columns:
            self._to(self._row + 1)
            self._column = 0
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
        self._column += 1

    def _control(self, number: str, name: str) -> None:
        if name == "A":
            self._row = max(self._row - int(number or 1), 0)
        elif name == "K":
            line = self.lines[self._row]
            self.lines[self._row] = "" if number == "2" else line[: self._column]

    def _to(self, row: int) -> None:
        self._row = row
        while len(self.lines) <= row:
            self.lines.append("")
