"""What a run can show in the time that it is given; told before it starts."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.errors import ConfigError
from wamlab.core.protocols import Benchmark
from wamlab.engine.run import Tally
from wamlab.engine.schedule import simulators_of
from wamlab.engine.selection import Selection, choose
from wamlab.records.store import RUN_FILE, load_run

MIN_KNOWN = 8  # finished episodes whose mean is taken for the cost of the others
MIN_KNOWN_RATE = 40  # from which on their success rate is taken for that of the others
MARGIN = 0.85  # of the time is planned: a mean of few episodes may be too low
POWER, ALPHA = 0.8, 0.05
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

Evaluate = Callable[[Selection], Tally]


class Cost(NamedTuple):
    """What an episode takes.

    Attributes:
        wall_s: Mean of an episode in a loaded simulator.
        build_s: Mean until a simulator is ready.
        num_known: Episodes that this was learned from.
        rate: Their success rate.
    """

    wall_s: float
    build_s: float
    num_known: int
    rate: float


class Plan(NamedTuple):
    """What fits.

    Attributes:
        left_s: Time that is left of the budget, the pilot's taken off.
        expected_s: Of the episodes chosen that have no record yet.
    """

    selection: Selection
    keys: Sequence[EpisodeKey]
    num_all: int
    cost: Cost
    left_s: float
    expected_s: float


def duration(text: str) -> float:
    """Seconds of "2h", "90min", "45s"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", text.strip())
    if found is None or float(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a time such as 2h, 90min or 45s")
    return float(found[1]) * _UNITS[found[2]]


def plan_budget(
    benchmark: Benchmark,
    selection: Selection,
    out: Path,
    *,
    budget_s: float,
    workers: int,
    evaluate: Evaluate,
) -> Plan:
    """Takes the cost of the episodes that are recorded, or of a pilot, and fills the time.

    Args:
        selection: The most that is wanted.
        evaluate: Runs a selection into the run folder; the pilot's episodes count.

    Raises:
        ConfigError: If not even one episode fits, or none of the pilot's finished, or only some
            episodes are wanted.
    """
    if selection.only is not None or selection.part != (1, 1):
        raise ConfigError(
            "--budget plans a sample of the whole benchmark; leave out --only and --part"
        )
    started = monotonic()
    known, build_s = _finished(out), 0.0
    if len(known) < MIN_KNOWN:
        print(f"budget: measures {MIN_KNOWN} episodes first", file=sys.stderr)
        pilot = replace(selection, twins=False, second_pass=0.0)
        tally = evaluate(_shrunk(benchmark, pilot, MIN_KNOWN))
        known, build_s = _finished(out), tally.build_s or 0.0
        if not known:
            raise ConfigError(f"budget: no episode of the pilot finished; see wamlab show {out}")
    wall_s = sum(record.wall_s for record in known.values()) / len(known)
    successes = sum(record.outcome is Outcome.SUCCESS for record in known.values())
    cost = Cost(wall_s, build_s or wall_s, len(known), successes / len(known))
    left_s = budget_s - (monotonic() - started)
    num_all = len(choose(benchmark, replace(selection, sample=1.0)).keys)
    most = _num(benchmark, selection)

    def expected_s(num: int) -> float:
        keys = choose(benchmark, _shrunk(benchmark, selection, num)).keys
        new = [key for key in keys if key not in known]
        num_builds = len(set(map(simulators_of(benchmark), new)))
        return (len(new) * cost.wall_s + num_builds * cost.build_s) / workers

    low, high = 0, most + 1  # the largest number that fits lies in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if expected_s(middle) <= MARGIN * left_s else (low, middle)
    if low < 1:
        raise ConfigError(
            f"budget: got {timedelta(seconds=round(budget_s))}, expected time for one episode at "
            f"least; one takes {cost.wall_s + cost.build_s:.0f} s here"
        )
    fits = selection if low == most else _shrunk(benchmark, selection, low)
    keys = choose(benchmark, fits).keys
    return Plan(fits, keys, num_all, cost, left_s, expected_s(low))


def plan_lines(plan: Plan, *, workers: int) -> list[str]:
    """What will be run, and the smallest difference that it can show, axis by axis."""
    from wamlab.stats.pairs import detectable_difference
    from wamlab.stats.planning import independent_discordance

    cost = plan.cost
    if cost.num_known >= MIN_KNOWN_RATE and 0 < cost.rate < 1:
        discordance = independent_discordance(cost.rate, 1e-9)
        near = f"{100 * cost.rate:.0f} %"
    else:
        discordance, near = 0.5, "50 %"  # the careful guess; a pilot's rate is no better
    time = timedelta(seconds=round(plan.expected_s))
    lines = [
        f"budget: {len(plan.keys)} of {plan.num_all} episodes, about {time} with {workers} workers "
        f"({cost.wall_s:.1f} s an episode by {cost.num_known} measured, "
        f"{cost.build_s:.1f} s to load a simulator)",
        "smallest difference from another policy on the same episodes that they show "
        f"(power {POWER:g}, alpha {ALPHA:g}, success near {near}, outcomes independent):",
    ]
    counts = Counter(key.axis for key in plan.keys)
    for name, num in [*sorted(counts.items()), ("all", len(plan.keys))]:
        found = detectable_difference(num, discordance, power=POWER, alpha=ALPHA)
        shown = f"{100 * found:.1f} pp" if found < 1 else "none"
        lines.append(f"  {name:12} {num:6} episodes  {shown}")
    return lines


def _finished(out: Path) -> Mapping[EpisodeKey, EpisodeRecord]:
    if not (out / RUN_FILE).is_file():
        return {}
    return {r.key: r for r in load_run(out).records if r.outcome is not Outcome.ERROR}


def _num(benchmark: Benchmark, selection: Selection) -> int:
    """Episodes of a sample, without twins and second passes."""
    plain = replace(selection, only=None, twins=False, second_pass=0.0)
    return len(choose(benchmark, plain).keys)


def _shrunk(benchmark: Benchmark, selection: Selection, num: int) -> Selection:
    """The selection, with so many episodes in its sample."""
    num_all = len(benchmark.episodes())
    return replace(selection, sample=min(selection.sample, num / num_all)) if num else selection
