"""Stands between the server and what it runs, so that nothing outlives the server or its run.

A program of its own, with the standard library only: `guard.py EXIT_FILE COMMAND...`, started as the leader of a
new process group. Standard input is held open by the server: an `i` interrupts the command, the end of it kills the
group. When the command has ended, its exit code is written and whatever it left behind is killed.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path


def main() -> None:
    """Runs the command of this process's arguments, and ends with it."""
    exit_file, command = Path(sys.argv[1]), sys.argv[2:]
    posix = sys.platform != "win32"
    if posix:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_listening if posix else None)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        _end(exit_file, 127)
        return
    threading.Thread(target=_obey, args=(child,), daemon=True).start()
    code = child.wait()
    _end(exit_file, code if code >= 0 else 128 - code)


def _listening() -> None:
    """The command hears Ctrl-C again, which its guard does not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _obey(child: "subprocess.Popen[bytes]") -> None:
    while order := os.read(0, 1):
        if order == b"i" and sys.platform != "win32":
            child.send_signal(signal.SIGINT)
    _end_all()


def _end(exit_file: Path, code: int) -> None:
    temporary = exit_file.with_suffix(".tmp")
    temporary.write_text(str(code), encoding="ascii")
    temporary.replace(exit_file)
    _end_all()


def _end_all() -> None:
    kill_group(os.getpid())  # and so ourselves
    os._exit(1)


def kill_group(leader: int) -> None:
    """Kills the process of this number and all it started; does nothing when they are gone."""
    try:
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(leader)], capture_output=True, check=False)
        else:
            os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


if __name__ == "__main__":
    main()
