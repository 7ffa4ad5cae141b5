"""Child processes with a pipe: started clean, killed for certain, never left behind."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # linux/prctl.h
EXIT_S = 10.0  # a simulator frees its renderer in less
TRACEBACK_S = 0.5  # time for a hung process to say where it hangs


class Child:
    """A Python process that runs `main(connection)` of one of this package's modules.

    Not `multiprocessing`: its spawned children import the parent's main module again and load
    numpy before their thread limits could be set.

    Attributes:
        log: Where the process prints.
        vanished: Never; it is on this machine.
    """

    vanished = False

    def __init__(self, module: str, *, log: Path, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        log.parent.mkdir(parents=True, exist_ok=True)
        search_path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        imports = f"from {module} import main; from {__name__} import attach"
        code = f"{imports}; main(attach({theirs.fileno()}))"
        with log.open("ab") as output, theirs:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment, "PYTHONPATH": search_path},
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C reaches the parent alone, which ends the children
            )
        self.log = log
        self.connection: Connection[Any, Any] = Connection(ours.detach())

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: object) -> None:
        """Sends a message; if the process is gone, its pipe will tell."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def receive(self) -> object:
        """The next message; waits for it.

        Raises:
            EOFError: If the process is gone and said nothing more.
        """
        try:
            message: object = self.connection.recv()
        except OSError as error:
            raise EOFError from error
        return message

    def wait(self) -> None:
        """Lets the process end by itself, but not for long."""
        self.connection.close()
        try:
            self._process.wait(timeout=EXIT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self, *, ask_where: bool = False) -> None:
        """Ends the process and whatever it started.

        Args:
            ask_where: Let it print a traceback to its log first.
        """
        self.end(ask_where=ask_where)
        self.connection.close()

    def end(self, *, ask_where: bool = False) -> None:
        """As `kill`, but what the process sent before can still be read."""
        if ask_where and self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=TRACEBACK_S)
        if self._process.returncode is None:  # else its number may name another process by now
            self._end_group()
            self._process.wait()

    def epitaph(self) -> str:
        """How the process ended, and the last line that it printed."""
        try:
            code = self._process.wait(timeout=EXIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return "closed its pipe and did not exit"
        self._end_group()
        end = f"ended with exit code {code}"
        if code < 0:
            end = f"was killed by {signal.Signals(-code).name}"
        printed = self.printed().decode(errors="replace").split("\n")
        last_line = next((line.strip() for line in reversed(printed) if line.strip()), "")
        return f"{end}: {last_line}" if last_line and code != 0 else end

    def printed(self) -> bytes:
        """What this process has printed so far."""
        return self.log.read_bytes()[self._log_start :]

    def _end_group(self) -> None:
        """Kills what the process started, and the process if it lives."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def attach(fd: int) -> Connection[Any, Any]:
    """The child's end: its pipe, and the promise not to outlive the parent."""
    os.set_inheritable(fd, False)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True, chain=False)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return Connection(fd)
