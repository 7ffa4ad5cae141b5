"""Finds the verb, runs it and turns errors into exit codes.

Not in __init__.py: the modules `list` and `eval` would hide the builtins of those names there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from wamlab.core.errors import ConfigError, SpecError, WamlabError, unknown_name

HELP = """\
Evaluate, time and diagnose robot policies.

run
  wamlab register RECIPE           fix what a study claims, before its runs
  wamlab eval    RECIPE            run every episode that has no record yet
  wamlab demos   RECIPE --out DIR  record demonstrations to train on, as a LeRobot dataset
  wamlab train   RECIPE            train a policy on them; the same command continues
  wamlab profile RECIPE            where each millisecond of a plan goes
look
  wamlab report  RUN [RUN ...]     one HTML page; several runs are compared in pairs
  wamlab ls      [DIR]             runs, how far they are, their success rates
  wamlab show    RUN EPISODE       one episode's record
  wamlab replay  RUN EPISODE       execute it again: is it the same? and film it
  wamlab compare RUN RUN           the same episodes: what differs, and is it more than chance?
  wamlab label   RUN EPISODE MODE  why did it fail? fills the report's failure table
  wamlab list    policies | benchmarks | recipes | failure-modes | episodes BENCHMARK
numbers
  wamlab published                 what papers print, with its source
  wamlab court   CLAIM [--run RUN | --against CLAIM]   does a published number hold?
  wamlab audit   REPORT            what in a written report cannot be right?
check
  wamlab plan-size                 how many episodes show a difference? what can a run show?
  wamlab doctor  [BENCHMARK]       is this machine fit to measure with? what to do if not
  wamlab check   RECIPE            does the policy fit the benchmark? (no simulator)
  wamlab weights inspect PATH | convert PATH OUT    what is this checkpoint? bring it here
  wamlab gate    RUN --against RUN --margin 2pp     for CI: is it not worse? exit status 0 or 1
share
  wamlab bundle  RUN               one small file, from which anybody recomputes every table
  wamlab merge   RUN RUN ...       pool the bundles of several labs: do they agree?
  wamlab import  FILE ...          results of vla-eval, LeRobot, Fast-WAM, openpi, RoboTwin

wamlab VERB --help says more.   RECIPE is module:function, e.g. recipes.quickstart:seek
exit status: 0 done; 1 some episodes ended in an error, or the run stopped; 2 the request is wrong
"""


def verbs() -> list[str]:
    return sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[!_]*.py"))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code; errors go to stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    verb, *rest = arguments
    try:
        if verb not in verbs():
            raise unknown_name("verb", verb, verbs(), "See wamlab --help.")
        module = import_module(f"wamlab.cli.{verb.replace('-', '_')}")
        if rest[:1] in (["-h"], ["--help"]):
            print(module.HELP, end="")
            return 0
        return int(module.run(rest))
    except (ConfigError, SpecError) as error:
        print(f"wamlab {verb}: {error}", file=sys.stderr)
        return 2
    except WamlabError as error:
        print(f"wamlab {verb}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of stdout is gone (`wamlab list ... | head`); nothing is left to tell.
        sys.stdout = None
        return 0
