"""The far end of a seat: starts a process on its node and passes its messages on.

Knows nothing of Ray, which makes an actor of it (`engine.cluster`).
"""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from threading import Event, Thread

from wamlab.engine.places import Role, environment_of
from wamlab.engine.process import EXIT_S, Child

PACKAGE = Path(__file__).parents[1]
MAX_PRINTED_BYTES = 100_000  # of the end of a log that travels to the run folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be the same wherever a run computes.

    Attributes:
        node: Name and process of the machine; may differ.
        code: Digest over all files of this package.
        python: Version.
        packages: Name -> version, of what this package is declared to use and what is installed.
    """

    node: str
    code: str
    python: str
    packages: dict[str, str]

    def differences(self, other: Facts) -> list[str]:
        """What another machine has that this one has not, in words.

        A package that only one of both has is no difference: a node without a policy needs no
        torch, and what a process cannot import it says itself.
        """
        here = {"wamlab's code": self.code, "Python": self.python, **self.packages}
        there = {"wamlab's code": other.code, "Python": other.python, **other.packages}
        return [
            f"{name}: {there[name]} there, {here[name]} here"
            for name in here
            if name in there and there[name] != here[name]
        ]


@cache
def facts_here() -> Facts:
    return Facts(
        node=f"{socket.gethostname()} (process {os.getpid()})",
        code=_code_digest(),
        python=platform.python_version(),
        packages=_packages(),
    )


def _code_digest() -> str:
    digest = sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _packages() -> dict[str, str]:
    found = {}
    with contextlib.suppress(metadata.PackageNotFoundError):
        for line in metadata.requires("wamlab") or ():
            name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
            is_tool = re.search(r"extra == .(dev|report|pdf)", line)
            if not is_tool and name != "wamlab":
                with contextlib.suppress(metadata.PackageNotFoundError):
                    found[name] = metadata.version(name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The process is gone.

    Attributes:
        epitaph: How it ended; see `Peer`.
        printed: The end of what it printed.
    """

    epitaph: str
    printed: bytes


class Host:
    """Holds one process at a time.

    Its methods are called from several threads: one waits in `receive` while another sends. Who
    calls never has two sends on their way.
    """

    def __init__(self, folder: str, search_path: Sequence[str]) -> None:
        """Goes where the caller is, if there is such a place here.

        Args:
            folder: Working folder of the caller: relative paths of a config start there.
            search_path: Where the caller finds modules; searched after this machine's own path.
        """
        if Path(folder).is_dir():
            os.chdir(folder)
        sys.path += [entry for entry in search_path if entry not in sys.path]
        self._logs = Path(tempfile.gettempdir()) / f"wamlab-{os.getuid()}"
        self._sitter: _Sitter | None = None

    def hello(self) -> Facts:
        return facts_here()

    def start(self, module: str, name: str, first: bytes) -> bytes | Ended:
        """Starts a process and waits for its first message.

        One call for both, since two could overtake each other.

        Args:
            module: The value of a `Role`.
            name: Of its log.
            first: Its first message.
        """
        self._sitter = _Sitter(Role(module), self._logs / f"{name}-{os.getpid()}.log", first)
        self._sitter.start()
        return self.receive()

    def receive(self) -> bytes | Ended:
        """The next message, or how the process ended."""
        assert self._sitter is not None
        return self._sitter.said.get()

    def send(self, message: bytes) -> None:
        assert self._sitter is not None
        self._sitter.say(message)

    def wait(self) -> Ended:
        """Lets the process end by itself, but not for long."""
        assert self._sitter is not None
        self._sitter.join(timeout=EXIT_S)
        return self.kill(ask_where=False)

    def kill(self, ask_where: bool) -> Ended:
        """Ends the process, after it has said where it is if it is asked to."""
        assert self._sitter is not None
        return self._sitter.end(ask_where)


class _Sitter(Thread):
    """Starts a process and listens to it until it is gone.

    One thread for both, since a process dies with the thread that started it (`process.attach`).

    Attributes:
        said: Messages as they came, and at last how the process ended.
    """

    def __init__(self, role: Role, log: Path, first: bytes) -> None:
        super().__init__(daemon=True)
        self._role, self._log, self._first = role, log, first
        self._begun = Event()
        self._child: Child | None = None
        self._ended: Ended | None = None
        self.said: queue.SimpleQueue[bytes | Ended] = queue.SimpleQueue()

    def run(self) -> None:
        try:
            # An actor has one processor, so a renderer has one thread.
            environment = environment_of(self._role, threads=1)
            self._child = Child(self._role.value, log=self._log, environment=environment)
        except OSError as error:
            self._ended = Ended(epitaph=f"was not started ({error})", printed=b"")
        self._begun.set()
        if self._child is not None:
            self.say(self._first)
            self._ended = self._listen(self._child)
        assert self._ended is not None
        self.said.put(self._ended)

    def say(self, message: bytes) -> None:
        self._begun.wait()
        if self._child is not None:
            with contextlib.suppress(OSError):
                self._child.connection.send_bytes(message)

    def end(self, ask_where: bool) -> Ended:
        self._begun.wait()
        if self._child is not None:
            self._child.end(ask_where=ask_where)
        self.join()
        assert self._ended is not None
        return self._ended

    def _listen(self, child: Child) -> Ended:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.said.put(child.connection.recv_bytes())
        epitaph = child.epitaph()
        printed = child.printed()[-MAX_PRINTED_BYTES:]
        child.kill()
        self._log.unlink(missing_ok=True)
        return Ended(epitaph=epitaph, printed=printed)
