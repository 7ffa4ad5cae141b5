"""How long the outcomes of a million episodes take to count, against plain Python.

    python bench/store_million.py [--episodes N] [--keep DIR]

Makes one episodes.jsonl (30 plans an episode, as LIBERO has them), counts it by suite, axis and
level with `records.counting`, and the same with json.loads alone, whose counts must be equal. The
file is read once before, so that both find it in memory. Then a line is broken, and must be named.
What is promised is held against the processor's seconds, as in report_size.py.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from wamlab.records.counting import count_outcomes

T = TypeVar("T")

BY = ("suite", "axis", "severity")
SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")
AXES = ("camera", "robot", "language", "light", "background", "noise", "layout")
FAILURES = ("step_limit", "terminated", "invalid_plan")
BUDGET_S = 10.0
NUM_SEEDS = 100
BROKEN_LINE = 123_457


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="file to leave")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = asked.keep or Path(temporary) / "episodes.jsonl"
        if not path.exists():
            make(path, asked.episodes)
        size_mb = path.stat().st_size / 1e6
        num_lines = count_lines(path)
        print(f"{num_lines:,} episodes, {size_mb:,.0f} MB, load {os.getloadavg()[0]:.1f}")
        wall_s, cpu_s, counted = timed(lambda: count_outcomes(path, BY))
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"counting        {wall_s:6.1f} s, {cpu_s:6.1f} s of processor")
        plain_s, plain_cpu_s, plain = timed(lambda: plainly(path))
        print(f"plain json      {plain_s:6.1f} s, {plain_cpu_s:6.1f} s of processor")
        print(f"ratio           {plain_s / wall_s:6.1f}     {plain_cpu_s / cpu_s:6.1f}")
        print(f"peak memory     {memory_mb:,.0f} MB")
        same = {key: (c.successes, c.failures) for key, c in counted.groups.items()} == plain
        print(f"counts equal    {same}; at most {BUDGET_S:g} s of processor are promised")
        named = break_line(path, min(BROKEN_LINE, num_lines))
        return 0 if same and named and cpu_s <= BUDGET_S else 1


def count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 24), b""))


def timed(work: Callable[[], T]) -> tuple[float, float, T]:
    """Wall and CPU seconds of a piece of work, and what it gives."""
    wall, cpu = perf_counter(), process_time()
    done = work()
    return perf_counter() - wall, process_time() - cpu, done


def plainly(path: Path) -> dict[tuple[str, str, int], tuple[int, int]]:
    """What anybody would write first; without repeated attempts, which the file has none of."""
    tally: Counter[tuple[str, str, int, bool]] = Counter()
    with path.open("rb") as file:
        for line in file:
            record = json.loads(line)
            key = record["key"]
            success = record["stop"] == "succeeded"
            tally[key["suite"], key["axis"], key["severity"], success] += 1
    groups = sorted({group[:3] for group in tally})
    return {group: (tally[*group, True], tally[*group, False]) for group in groups}


def break_line(path: Path, number: int) -> bool:
    """Whether a broken line is named by its number, and the rest is counted."""
    content = bytearray(path.read_bytes())
    start = 0
    for _ in range(number - 1):
        start = content.index(b"\n", start) + 1
    content[start] = ord("?")
    broken = path.with_name("broken.jsonl")
    broken.write_bytes(content)
    counted = count_outcomes(broken, BY)
    broken.unlink()
    total = sum(sum(counts) for counts in counted.groups.values())
    print(f"a broken line   {counted.problems[0][:60]}..., {total:,} others counted")
    return f"line {number}:" in counted.problems[0] and total == content.count(b"\n") - 1


def make(path: Path, num_episodes: int) -> None:
    """Writes records as encode_record does, without building them."""
    rng = random.Random(0)
    plans = [
        ",".join(f"{rng.uniform(80, 120):.6f}" for _ in range(rng.randint(20, 40)))
        for _ in range(500)
    ]
    with path.open("w") as file:
        for number in range(num_episodes):
            task, seed = divmod(number, NUM_SEEDS)
            stop = "succeeded" if rng.random() < 0.8 else rng.choice(FAILURES)
            file.write(
                f'{{"key":{{"benchmark":"libero_plus","suite":"{SUITES[task % 4]}",'
                f'"task":"{task:05d}","init":0,"seed":{seed},"axis":"{AXES[task % 7]}",'
                f'"severity":{task % 5 + 1}}},"policy":"0123456789ab","stop":"{stop}",'
                f'"num_steps":150,"plan_ms":[{rng.choice(plans)}],"error":null,"settled":null,'
                f'"trace":"{rng.getrandbits(128):032x}","video":null,"imagined":null,'
                f'"attempt":1,"wall_s":12.345,"source":null,"twin":{{"benchmark":"libero",'
                f'"suite":"{SUITES[task % 4]}","task":"{task % 10:03d}","init":0,"seed":{seed},'
                f'"axis":"none","severity":0}},"schema_version":1}}\n'
            )


if __name__ == "__main__":
    sys.exit(main())
