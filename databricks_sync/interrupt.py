"""Ctrl-C, in one place.

While a command reads, Ctrl-C ends it at once: `ready` makes a KeyboardInterrupt of it, and nobody waits for answers.
While it writes, the first Ctrl-C asks for an orderly end (`Interruption`): what is under way is finished, and nothing
else is begun. Whoever cannot wait for that presses three times; a command that has to tidy up presses on at the second.
While it stays, the SIGTERM of a CI system or a service manager counts as Ctrl-C (`terminable`).

A handler that raises does so wherever the program happens to be. In the middle of Python's own tidying up (a finalizer,
the callback of a weak reference) the exception is printed and dropped: such a Ctrl-C is pressed once more by ourselves.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .errors import SyncError
from .exit_code import ExitCode

End = Callable[[], SyncError | None]  # what has happened that ends the writing, if something has
_ENDS_HOLD = 0.01  # seconds; fifty threads that read a file for each object would wait for each other
_LOOK = 0.1  # seconds

_pressed: list[int] = []
_before: Any = signal.SIG_DFL  # what Ctrl-C does outside of a command


# --- while reading ----------------------------------------------------------------------------------------------------


def ready() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt in the main thread; before, it ends the process without a word.

    It may do so before this returns: who calls it minds that already.
    """
    global _before
    _before = signal.getsignal(signal.SIGINT) or signal.SIG_DFL  # None: somebody's in C, which Python cannot set again
    sys.unraisablehook = _unraisable
    signal.signal(signal.SIGINT, _interrupt)


def over() -> None:
    """From here on Ctrl-C does what it did before `ready`."""
    signal.signal(signal.SIGINT, _before)


def pressed() -> bool:
    """Whether Ctrl-C was pressed while reading: code in C may have made another error of the KeyboardInterrupt."""
    return bool(_pressed)


def _interrupt(number: int, _: object) -> None:
    _pressed.append(number)
    raise KeyboardInterrupt


def _unraisable(dropped: sys.UnraisableHookArgs) -> None:
    if dropped.exc_type is KeyboardInterrupt:
        threading.Thread(target=_press_again).start()  # not here: this cannot raise either
    else:
        sys.__unraisablehook__(dropped)


def _press_again() -> None:
    """Presses as soon as the main thread is out of `_unraisable`, however long a busy machine takes to let it."""
    while _is_dropping():
        time.sleep(0.01)
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # a signal, as it ends what the main thread waits for
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _is_dropping() -> bool:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame and frame.f_code is not _unraisable.__code__:
        frame = frame.f_back
    return frame is not None


# --- while writing ----------------------------------------------------------------------------------------------------


def exit_at_third(presses: int) -> None:
    """Ends the process at the third Ctrl-C; the journal of the writes knows what was under way."""
    if presses == 3:
        os._exit(ExitCode.INTERRUPTED)


def raise_at_second(notice: Callable[[], None]) -> Callable[[int], None]:
    """Calls `notice` at the first Ctrl-C, and raises KeyboardInterrupt at each further one."""

    def press(presses: int) -> None:
        if presses > 1:
            raise KeyboardInterrupt
        with suppress(RuntimeError):  # a handler may not write into a stream in the midst of whose write it was called
            notice()

    return press


class Interruption:
    """A request to end before all is done: what is under way is finished, and nothing else is begun. True once made.

    It comes from Ctrl-C, from whoever calls `stop`, or from one of `ends`, which are asked now and then.
    """

    def __init__(self, on_press: Callable[[int], None] = exit_at_third) -> None:
        """`on_press` is called at each Ctrl-C, in the handler, with how many there were."""
        self.ends: list[End] = []
        self.reason: SyncError | None = None
        self._on_press = on_press
        self._presses = 0
        self._stopped = False  # no Event: its lock is not for handlers, which may run while the main thread holds it
        self._ask_at = 0.0

    def stop(self, reason: SyncError | None = None) -> None:
        """Makes the request; the first reason is kept."""
        self.reason = self.reason or reason
        self._stopped = True

    def due(self) -> bool:
        """Asked before anything is begun, by any thread; what `ends` answered a moment ago holds."""
        if (now := time.monotonic()) >= self._ask_at:
            self._ask_at = now + _ENDS_HOLD
            if not self and (reason := next(filter(None, (end() for end in self.ends)), None)):
                self.stop(reason)
        return bool(self)

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until the request is made; whether it is."""
        deadline = time.monotonic() + seconds
        while not self and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))
        return bool(self)

    @property
    def pressed(self) -> bool:
        """Whether a person wants the end, whatever else has happened."""
        return self._presses > 0

    def __bool__(self) -> bool:
        return self._stopped

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Meanwhile Ctrl-C makes the request and raises nothing by itself; of threads, only the main one can listen."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._press)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _press(self, *_: object) -> None:
        self._presses += 1
        self.stop()
        self._on_press(self._presses)


# --- while staying ----------------------------------------------------------------------------------------------------


@contextmanager
def terminable() -> Iterator[None]:
    """Meanwhile SIGTERM is taken for Ctrl-C, by whoever minds that at the moment."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
