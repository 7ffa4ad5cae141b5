"""On what a run was computed: code, packages, processors, graphics card."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The computer.

    Attributes:
        cores: Processor cores that this process may use.
        memory_gb: Memory that this process may use, GB.
        gpu: Names and drivers of NVIDIA cards, or None.
    """

    cpu: str
    cores: int
    memory_gb: float
    gpu: str | None
    system: str
    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The program: commit of this repository if it runs from one, and installed packages."""

    commit: str | None
    dirty: bool
    packages: dict[str, str]


def this_machine() -> Machine:
    return Machine(
        cpu=_cpu_name(),
        cores=num_cores(),
        memory_gb=round(memory_bytes() / 1e9, 1),
        gpu=_output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"),
        system=platform.platform(),
        python=platform.python_version(),
    )


def this_code() -> Code:
    here = str(Path(__file__).resolve().parent)
    return Code(
        commit=_output("git", "-C", here, "rev-parse", "HEAD"),
        dirty=bool(_output("git", "-C", here, "status", "--porcelain")),
        packages={
            package.name: package.version
            for package in sorted(metadata.distributions(), key=lambda p: p.name.lower())
        },
    )


def num_cores() -> int:
    """Processor cores that this process may use, a container's quota included."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota, _, period = _text(CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        return max(1, min(cores or 1, int(quota) // int(period)))
    return cores or 1


def memory_bytes() -> int:
    """Memory that this process may use, a container's limit included."""
    installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _text(CGROUP / "memory.max").strip()
    return min(installed, int(limit)) if limit.isdigit() else installed


def _cpu_name() -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _output(program: str, *arguments: str) -> str | None:
    """What a program prints, or None if it is absent, fails or prints nothing."""
    if shutil.which(program) is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
