"""Says before a run how many episodes it needs, or what it can find."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from wamlab.cli._parser import Parser, percentage
from wamlab.core.errors import ConfigError

HELP = """\
usage: wamlab plan-size [--difference PP] [--margin PP] [--tasks N] [--inits N] [--rate PCT]
                        [--discordance PCT | --unpaired] [--task-sd PP] [--alpha A] [--power P]
                        [--json]
       wamlab plan-size --cluster RECIPE [--help | options]     how long a run takes, and why

How many episodes show a difference of two policies, and the smallest difference that
--tasks times --inits episodes of each can show. Paired: both run the same episodes.

  --difference PP    percentage points that should be found            [only the smallest]
  --margin PP        also: episodes that show equal policies to be within this margin;
                     only for these tasks
  --tasks N          tasks                                             [10]
  --inits N          episodes of each task and policy                  [50]
  --rate PCT         success rate of the worse policy                  [95]
  --discordance PCT  episodes in which exactly one succeeds; ask a pilot run
                     [as if independent, which is more than policies have]
  --unpaired         the policies run different episodes
  --task-sd PP       how much the difference differs between tasks, as a standard deviation;
                     the conclusion then holds for new tasks           [none: for these tasks]
  --alpha A          two-sided; divide it by the number of comparisons [0.05]
  --power P          chance to find the difference                     [0.8]
  --json             print as one JSON object
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `plan-size` prints; rates and differences are fractions of 1.

    Attributes:
        discordance: None if the episodes are not paired.
        detectable: Smallest difference of these episodes; None if they can show none.
        power_at_difference: Of these episodes, by the exact McNemar test if paired; None
            if no difference was asked for.
        required: Episodes of each policy for the difference; None if none was asked for, or
            no number suffices.
        required_for_margin: As `required`, to show equivalence.
    """

    paired: bool
    rate: float
    discordance: float | None
    task_sd: float | None
    alpha: float
    power: float
    num_tasks: int
    num_inits: int
    difference: float | None
    margin: float | None
    detectable: float | None
    power_at_difference: float | None
    required: int | None
    required_inits: int | None
    required_for_margin: int | None

    @property
    def num_episodes(self) -> int:
        return self.num_tasks * self.num_inits


def run(arguments: Sequence[str]) -> int:
    if any(argument.partition("=")[0] == "--cluster" for argument in arguments):
        from wamlab.cli import _capacity  # the engine's simulation, which counting needs not

        return _capacity.run(arguments)
    parser = Parser("plan-size")
    parser.add_argument("--difference", type=percentage)
    parser.add_argument("--margin", type=percentage)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--inits", type=int, default=50)
    parser.add_argument("--rate", type=percentage, default=0.95)
    parser.add_argument("--discordance", type=percentage)
    parser.add_argument("--unpaired", action="store_true")
    parser.add_argument("--task-sd", type=percentage)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--power", type=float, default=0.8)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.unpaired and asked.discordance is not None:
        parser.error("--unpaired episodes have no --discordance")
    if asked.tasks < 1 or asked.inits < 1:
        parser.error(f"got {asked.tasks} tasks of {asked.inits} inits, expected 1 or more")
    if asked.task_sd is not None and asked.margin is not None:
        parser.error("--margin is planned for these tasks only; leave out --task-sd")
    try:
        plan = _plan(asked)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"package {error.name} is not installed; run pip install 'wamlab[report]'"
        ) from error
    except ValueError as error:
        parser.error(str(error))
    fields = {**asdict(plan), "num_episodes": plan.num_episodes}
    print(json.dumps(fields) if asked.json else "\n".join(_lines(plan)))
    return 0


def _plan(asked: argparse.Namespace) -> Plan:
    # scipy takes half a second to import, and the help of all verbs imports this module
    from wamlab.stats import planning

    rates = {"power": asked.power, "alpha": asked.alpha}
    paired, difference = not asked.unpaired, asked.difference
    # Without a difference to plan for, that of two equal policies.
    discordance = None
    if paired:
        discordance = asked.discordance
        if discordance is None:
            shift = difference or 1e-9
            discordance = planning.independent_discordance(asked.rate, shift)
    spread = 2 * asked.rate * (1 - asked.rate) if discordance is None else discordance
    detectable, power, required, inits = (
        _over_tasks(asked, spread)
        if asked.task_sd is not None
        else _over_episodes(asked, discordance)
    )
    margin = asked.margin
    return Plan(
        paired=paired,
        rate=asked.rate,
        discordance=discordance,
        task_sd=asked.task_sd,
        alpha=asked.alpha,
        power=asked.power,
        num_tasks=asked.tasks,
        num_inits=asked.inits,
        difference=difference,
        margin=margin,
        detectable=detectable,
        power_at_difference=power,
        required=required,
        required_inits=inits,
        required_for_margin=planning.required_equivalence(spread, margin, **rates)
        if margin is not None
        else None,
    )


_Answers = tuple[float | None, float | None, int | None, int | None]


def _over_tasks(asked: argparse.Namespace, spread: float) -> _Answers:
    """Detectable difference, power, episodes and inits if tasks stand for new ones."""
    from wamlab.stats import planning

    tasks, sd, levels = asked.tasks, asked.task_sd, {"alpha": asked.alpha}
    detectable = planning.detectable_clustered(
        tasks, asked.inits, spread, sd, power=asked.power, **levels
    )
    if asked.difference is None:
        return detectable, None, None, None
    within = spread - asked.difference**2 if not asked.unpaired else spread
    power = planning.clustered_power(tasks, asked.inits, asked.difference, within, sd, **levels)
    inits = planning.required_inits(
        tasks, asked.difference, within, sd, power=asked.power, **levels
    )
    return detectable, power, None if inits is None else inits * tasks, inits


def _over_episodes(asked: argparse.Namespace, discordance: float | None) -> _Answers:
    """Likewise if the tasks are all that matter, so that only episodes are random."""
    from wamlab.stats import pairs, planning

    rates, num = {"power": asked.power, "alpha": asked.alpha}, asked.tasks * asked.inits
    difference = asked.difference
    power: float | None = None
    required: int | None = None
    detectable: float | None
    if discordance is None:
        detectable = planning.detectable_unpaired(num, asked.rate, **rates)
        if difference is not None:
            power = planning.unpaired_power(num, asked.rate, difference, alpha=asked.alpha)
            required = planning.required_unpaired(asked.rate, difference, **rates)
    else:
        found = pairs.detectable_difference(num, discordance, **rates)
        detectable = found if found < 1 else None
        if difference is not None:
            power = planning.paired_power(num, difference, discordance, alpha=asked.alpha)
            required = planning.required_pairs(difference, discordance, **rates)
    return detectable, power, required, None if required is None else -(-required // asked.tasks)


def _lines(plan: Plan) -> list[str]:
    lines = [f"design      {_design(plan)}", f"assumed     {_assumed(plan)}"]
    if plan.difference is not None:
        points = f"{100 * plan.difference:g} pp"
        if plan.required is None:
            needed = f"no number of inits of {plan.num_tasks} tasks shows {points}; take more tasks"
        else:
            needed = (
                f"{plan.required:,} episodes of each policy for {points}: "
                f"{plan.num_tasks} tasks x {plan.required_inits:,} inits"
            )
        lines.append(f"needed      {needed}")
    budget = f"{plan.num_episodes:,} episodes ({plan.num_tasks} tasks x {plan.num_inits} inits)"
    smallest = "nothing" if plan.detectable is None else f"{100 * plan.detectable:.2f} pp or more"
    lines.append(f"detectable  {smallest}, with {budget}")
    if plan.power_at_difference is not None:
        lines.append(
            f"power       {100 * plan.power_at_difference:.0f} % for {points}, with as many"
        )
    if plan.required_for_margin is not None:
        lines.append(
            f"equivalence {plan.required_for_margin:,} episodes of each policy show equal "
            f"rates to be within {100 * (plan.margin or 0):g} pp"
        )
    return lines


def _design(plan: Plan) -> str:
    kind = "different episodes" if plan.discordance is None else "the same episodes"
    scope = "for these tasks" if plan.task_sd is None else "for new tasks"
    return f"{kind}, {scope}; alpha {plan.alpha:g}, power {plan.power:g}"


def _assumed(plan: Plan) -> str:
    parts = [f"worse policy at {100 * plan.rate:g} %"]
    if plan.discordance is not None:
        parts.append(f"exactly one succeeds in {100 * plan.discordance:.3g} %")
    if plan.task_sd is not None:
        parts.append(f"tasks differ by {100 * plan.task_sd:g} pp")
    return ", ".join(parts)
