from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.errors import ConfigError
from wamlab.core.recipe import Run
from wamlab.core.settings import with_settings
from wamlab.core.specs import Field
from wamlab.policies.baselines import RandomPolicy
from wamlab.policies.seek import SeekPolicy

RUN = Run(policy=SeekPolicy.Config(), benchmark=PointMass.Config(), replan_every=4, name="seek")


class Mode(StrEnum):
    FAST = "fast"
    EXACT = "exact"


@dataclass(frozen=True, kw_only=True)
class Options:
    mode: Mode = Mode.FAST
    limit: int | None = 3
    path: Path = Path()
    modes: tuple[Mode, ...] = ()
    name: str = ""


@pytest.mark.parametrize(
    ("setting", "read", "value"),
    [
        ("replan_every=5", lambda run: run.replan_every, 5),
        ("check_settled=true", lambda run: run.check_settled, True),
        ("name=a=b", lambda run: run.name, "a=b"),
        ("policy.gain=0.5", lambda run: run.policy.gain, 0.5),
        ("policy.cameras=top", lambda run: run.policy.cameras, frozenset({"top"})),
        ("benchmark.tasks=reach,corner", lambda run: run.benchmark.tasks, ("reach", "corner")),
        ('benchmark.tasks=["edge"]', lambda run: run.benchmark.tasks, ("edge",)),
        ("benchmark.seeds=1,2", lambda run: run.benchmark.seeds, (1, 2)),
        ("benchmark.seeds=", lambda run: run.benchmark.seeds, ()),
    ],
)
def test_text_becomes_what_the_annotation_says(setting, read, value):
    assert read(with_settings(RUN, [setting])) == value


@pytest.mark.parametrize(
    ("setting", "options"),
    [
        ("mode=exact", Options(mode=Mode.EXACT)),
        ("limit=none", Options(limit=None)),
        ("limit=7", Options(limit=7)),
        ("path=runs/a", Options(path=Path("runs/a"))),
        ("modes=exact,fast", Options(modes=(Mode.EXACT, Mode.FAST))),
        ("name=[1]", Options(name="[1]")),
    ],
)
def test_every_kind_of_value_can_be_written(setting, options):
    assert with_settings(Options(), [setting]) == options


def test_layouts_are_written_as_json():
    config = RandomPolicy.Config(action=())

    changed = with_settings(config, ['action=[{"name": "a", "size": 2, "unit": "m"}]'])

    assert changed.action == (Field("a", 2, "m"),)


def test_later_settings_win():
    assert with_settings(RUN, ["replan_every=5", "replan_every=6"]).replan_every == 6


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("replan_evry=5", "no setting 'replan_evry'. Did you mean replan_every?"),
        ("policy.gian=5", "no setting 'policy.gian'. Did you mean policy.gain?"),
        ("policy.gain.x=5", "no setting 'policy.gain.x'"),
        ("polcy.gain=5", "no setting 'polcy.gain'. Did you mean policy"),
        ("policy=x", "policy: holds several settings; change one, as in policy.name=value"),
        ("replan_every", "--set replan_every: expected KEY=VALUE"),
        ("replan_every=five", "replan_every: got 'five', expected int"),
        ("replan_every=0", "replan_every: got 0, expected at least 1"),
        ("policy.gain=nan", "policy.gain: got nan, expected a finite number|got 'nan'"),
        ("check_settled=yes", "check_settled: got 'yes', expected bool"),
        ("benchmark.seeds=1,x", "benchmark.seeds: got 'x', expected int"),
        ("benchmark.seeds=[1", "benchmark.seeds: got '\\[1', which is not JSON"),
        ("benchmark.tasks=reach,cornr", "no task 'cornr'. Did you mean corner"),
    ],
)
def test_wrong_settings_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        with_settings(RUN, [setting])
