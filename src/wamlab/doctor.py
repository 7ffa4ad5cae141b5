"""Is this machine, with this simulator, fit to measure with? Collects the checks that tell."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from wamlab.core.errors import ConfigError
from wamlab.core.health import Check, Depth, Examinable, Level
from wamlab.core.protocols import Benchmark
from wamlab.records.machine import memory_bytes, num_cores, this_machine
from wamlab.records.video import encoder_problem

SUBJECT = "machine"
WORKER_BYTES = 2.5e9  # one LIBERO simulator with its renderer, measured 1.3 to 2.4 GB, and some air
# Actions and states take 60 bytes a control step, 40 MB for 2000 episodes; films come on top.
LOW_DISK_BYTES, MIN_DISK_BYTES = 2e9, 0.1e9
EARLIEST_TIME_S = 1_735_689_600  # 2025-01-01; this package is younger
MAX_CLOCK_STEP_S = 1e-3
NUM_CLOCK_READINGS = 1000
MEMORY_INFO = Path("/proc/meminfo")


def examine(
    benchmark: Benchmark,
    folder: Path,
    depth: Depth,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Check]:
    """Everything that can be wrong before a run, each result as soon as it is known.

    Args:
        folder: Where runs are written; need not exist.
        say: Takes a line about what is examined next.
    """
    simulates = isinstance(benchmark, Examinable)
    yield disk_check(folder)
    yield clock_check()
    if simulates:
        yield memory_check()
    if depth is not Depth.START:
        yield processor_check()
        yield graphics_check()
        yield film_check()
    if isinstance(benchmark, Examinable):
        yield from benchmark.checks(depth, say)


def quick_check(benchmark: Benchmark, folder: Path) -> tuple[Check, ...]:
    """What each run asks first: under two seconds, no simulator.

    Raises:
        ConfigError: If a run would fail or measure something else; with every remedy.
    """
    checks = tuple(examine(benchmark, folder, Depth.START))
    refuse_red(checks)
    return checks


def refuse_red(checks: Sequence[Check]) -> None:
    """Raises the red checks as one error.

    Raises:
        ConfigError: If there is one.
    """
    red = [check for check in checks if check.level is Level.RED]
    if red:
        lines = [
            f"{check.name}: {check.found}"
            + (f", expected {check.expected}" if check.expected else "")
            + f"; {check.remedy}"
            for check in red
        ]
        raise ConfigError(
            "this machine is not fit for the run (wamlab doctor says more):\n  "
            + "\n  ".join(lines)
        )


def recommended_workers() -> int:
    """One simulator a core, as far as memory goes."""
    return max(1, min(num_cores(), int(memory_bytes() / WORKER_BYTES)))


def disk_check(folder: Path) -> Check:
    """Whether the run folder can be written and has room."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    level, remedy = Level.GREEN, ""
    if not os.access(place, os.W_OK):
        level, remedy = Level.RED, f"{place} cannot be written; name another folder with --out"
    elif free < MIN_DISK_BYTES:
        level, remedy = Level.RED, "free space, or name a folder on another disk with --out"
    elif free < LOW_DISK_BYTES:
        level, remedy = Level.AMBER, "enough for short runs; free space before long ones"
    return Check(
        subject=SUBJECT,
        name="disk",
        level=level,
        found=f"{free / 1e9:.1f} GB free for {folder}",
        expected=f"{LOW_DISK_BYTES / 1e9:g} GB",
        remedy=remedy,
    )


def clock_check() -> Check:
    """Whether times and durations can be trusted."""
    readings = [time.monotonic() for _ in range(NUM_CLOCK_READINGS)]
    backwards = any(b < a for a, b in pairwise(readings))
    resolution_s = time.get_clock_info("monotonic").resolution
    now_s = time.time()
    problem = ""
    if backwards:
        problem = "the monotonic clock runs backwards"
    elif resolution_s > MAX_CLOCK_STEP_S:
        problem = f"the monotonic clock has steps of {1e3 * resolution_s:.1f} ms"
    elif now_s < EARLIEST_TIME_S:
        problem = "the system time is before 2025"
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now_s))
    return Check(
        subject=SUBJECT,
        name="clock",
        level=Level.AMBER if problem else Level.GREEN,
        found=problem or f"{day}, monotonic to {1e9 * resolution_s:.0f} ns",
        expected="monotonic to 1 ms, and of this year",
        remedy="set the system time, e.g. with an NTP service" if problem else "",
    )


def memory_check() -> Check:
    """For how many simulators at once the memory is enough."""
    total, free = memory_bytes(), _free_bytes()
    workers, fit_now = recommended_workers(), int(free / WORKER_BYTES)
    level, remedy = Level.GREEN, ""
    if total < WORKER_BYTES:
        level, remedy = Level.RED, "use a machine, or a container limit, with more memory"
    elif fit_now < workers:
        level = Level.AMBER
        remedy = f"end other programs, or run wamlab eval --workers {max(1, fit_now)}"
    return Check(
        subject=SUBJECT,
        name="memory",
        level=level,
        found=f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free; --workers {workers} is recommended",
        expected=f"{WORKER_BYTES / 1e9:g} GB a worker",
        remedy=remedy,
    )


def processor_check() -> Check:
    machine = this_machine()
    few = machine.cores < 2
    return Check(
        subject=SUBJECT,
        name="processor",
        level=Level.AMBER if few else Level.GREEN,
        found=f"{machine.cores} cores, {machine.cpu}",
        expected="2 cores",
        remedy="it works, slowly: policy and simulator take turns" if few else "",
    )


def graphics_check() -> Check:
    """Which graphics card there is; none is fine."""
    gpu = this_machine().gpu
    return Check(
        subject=SUBJECT,
        name="graphics card",
        level=Level.GREEN,
        found=gpu or "none: images are drawn on the processor",
    )


def film_check() -> Check:
    """Whether episodes can be filmed."""
    problem = encoder_problem()
    return Check(
        subject=SUBJECT,
        name="films",
        level=Level.AMBER if problem else Level.GREEN,
        found=problem or "H.264 encoder works",
        expected="package av with libx264",
        remedy="run pip install 'wamlab[video]'; only video_every needs it" if problem else "",
    )


def _free_bytes() -> int:
    """Memory that new processes can have, bytes; caches can be given back."""
    text = MEMORY_INFO.read_text() if MEMORY_INFO.is_file() else ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return min(memory_bytes(), 1024 * int(value.split()[0]))
    return memory_bytes()
