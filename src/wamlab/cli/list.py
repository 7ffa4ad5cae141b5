"""Lists what can be named: policies, benchmarks, perturbations, recipes, modes, episodes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from wamlab import catalog
from wamlab.cli._parser import Parser
from wamlab.cli._recipes import load_recipe, recipes_here
from wamlab.core.config import build, to_json
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.core.failures import FailureMode
from wamlab.core.protocols import Benchmark, NamesSkipped

KINDS = ("policies", "benchmarks", "perturbations", "recipes", "failure-modes", "episodes")

HELP = """\
usage: wamlab list policies | benchmarks | perturbations | recipes | failure-modes [--json]
       wamlab list episodes BENCHMARK [--set benchmark.KEY=VALUE ...] [--json]

Lists what can be named. Recipes are those of the folder recipes/ here,
for wamlab eval, demos and train.

  BENCHMARK  its name, e.g. pointmass, or a recipe, e.g. recipes.quickstart:seek
  --set      change one setting of a recipe's benchmark (repeatable)
  --json     one JSON object a line
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("list")
    parser.add_argument("kind")
    parser.add_argument("benchmark", nargs="?")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.kind not in KINDS:
        raise unknown_name("list", asked.kind, KINDS)
    if asked.kind == "episodes":
        if asked.benchmark is None:
            raise ConfigError("list episodes: which benchmark? See wamlab list benchmarks")
        _print_episodes(asked.benchmark, asked.settings, as_json=asked.json)
        return 0
    names = {
        "policies": lambda: catalog.available("policy"),
        "benchmarks": lambda: catalog.available("benchmark"),
        "perturbations": lambda: catalog.available("perturbation"),
        "recipes": lambda: recipes_here("Run", "Training", "StudyDesign"),
        "failure-modes": _failure_modes,
    }[asked.kind]()
    width = max(map(len, names), default=0)
    for name, headline in names.items():
        line = {"name": name, "about": headline}
        print(json.dumps(line) if asked.json else f"{name:{width}}  {headline}")
    return 0


def _failure_modes() -> dict[str, str]:
    """Mode -> its code, its category in reports, and what must be seen."""
    return {mode.value: f"{mode.code:2}  {mode.category}: {mode.about}" for mode in FailureMode}


def _print_episodes(name: str, settings: Sequence[str], *, as_json: bool) -> None:
    benchmark = _benchmark(name, settings)
    skipped = benchmark.skipped() if isinstance(benchmark, NamesSkipped) else {}
    for key in benchmark.episodes():
        if as_json:
            line: dict[str, Any] = to_json(key)
            line["step_limit"] = benchmark.step_limit(key)
            line["instruction"] = benchmark.instruction(key)
            if key in skipped:
                line["skipped"] = skipped[key]
            print(json.dumps(line))
        else:
            print(f"{key}  ({skipped[key]})" if key in skipped else key)


def _benchmark(name: str, settings: Sequence[str]) -> Benchmark:
    if ":" in name:
        recipe: Benchmark = build(load_recipe(name, settings).run.benchmark)
        return recipe
    if settings:
        raise ConfigError("--set changes a recipe; name one, e.g. recipes.quickstart:seek")
    found = catalog.classes("benchmark", name)
    if len(found) != 1:
        raise ConfigError(f"{name}: has {len(found)} benchmark classes, expected one")
    (cls,) = found.values()
    benchmark: Benchmark = cls(cls.Config())
    return benchmark
