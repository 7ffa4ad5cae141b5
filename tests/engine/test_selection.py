"""Samples: in proportion, nested, the same for every policy; twins once; repeats by name."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from disturbed import Disturbed, Telling

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.recipe import Run
from wamlab.engine.run import evaluate
from wamlab.engine.selection import Selection, choose, part_of, stratified
from wamlab.records.store import load_run

SIZES = {("goal", "camera", 1): 7, ("goal", "noise", 2): 131, ("ten", "camera", 1): 262}
SHARES = (0.01, 0.02, 0.05, 0.1, 0.37, 1.0)


class Listed(PointMass):
    """Strata of very different sizes, ten tasks each."""

    def episodes(self):
        return [
            EpisodeKey(
                benchmark="b",
                suite=suite,
                task=f"{index % 10}",
                init=index,
                axis=axis,
                severity=severity,
            )
            for (suite, axis, severity), size in SIZES.items()
            for index in range(size)
        ]


LISTED = Listed(PointMass.Config())


def stratum(key):
    return key.suite, key.axis, key.severity


@pytest.mark.parametrize("share", SHARES)
def test_a_sample_keeps_the_share_of_every_stratum(share):
    chosen = choose(LISTED, Selection(sample=share))

    assert len(chosen.keys) == round(400 * share)
    counts = Counter(map(stratum, chosen.keys))
    for name, size in SIZES.items():
        assert abs(counts[name] - size * share) <= 1


def test_tasks_of_a_stratum_come_in_proportion():
    counts = Counter(key.task for key in choose(LISTED, Selection(sample=0.25)).keys)

    assert max(counts.values()) - min(counts.values()) <= 3  # 10 of each of 10 tasks; 3 strata


def test_smaller_samples_are_part_of_larger_ones():
    samples = [set(choose(LISTED, Selection(sample=share)).keys) for share in SHARES]

    assert all(small < large for small, large in pairwise(samples))


def test_a_sample_does_not_depend_on_the_order_of_the_list():
    keys = LISTED.episodes()

    assert stratified(keys, LISTED) == stratified(keys[::-1], LISTED)


def test_a_sample_is_run_in_the_order_of_the_benchmark():
    chosen = choose(LISTED, Selection(sample=0.1)).keys

    assert chosen == [key for key in LISTED.episodes() if key in set(chosen)]


def test_a_repeat_has_another_seed_and_names_what_it_repeats():
    chosen = choose(LISTED, Selection(sample=0.5, second_pass=0.1))

    assert (len(chosen.keys), chosen.num_asked, chosen.num_repeats) == (220, 220, 20)
    assert set(chosen.repeats.values()) < set(chosen.keys)
    for again, first in chosen.repeats.items():
        assert again == replace(first, seed=1000)


def test_seeds_that_name_second_passes_are_refused():
    benchmark = PointMass(PointMass.Config(seeds=(0, 1000)))

    with pytest.raises(ContractError, match="seeds of 1000 and more name second passes"):
        choose(benchmark, Selection(second_pass=0.5))


def test_each_twin_is_added_once():
    benchmark = Disturbed(Disturbed.Config(tasks=("corner", "edge"), num_inits=3))

    chosen = choose(benchmark, Selection(twins=True))

    twins = [key for key in chosen.keys if key.axis == "none"]
    assert [(key.task, key.init) for key in twins] == [("reach", 0), ("reach", 1), ("reach", 2)]
    assert len(chosen.keys) == 9


def test_twins_of_undisturbed_episodes_are_refused():
    with pytest.raises(ConfigError, match="twins: these episodes are not disturbed"):
        choose(PointMass(PointMass.Config()), Selection(twins=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sample": 0.0}, "sample: got 0 %, expected more than 0"),
        ({"sample": 1.5}, "sample: got 150 %"),
        ({"second_pass": -0.1}, "second_pass: got -10 %"),
    ],
)
def test_shares_that_are_none_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Selection(**settings)


def test_a_pattern_selects_by_name():
    chosen = choose(LISTED, Selection(only="b/ten/3/*"))

    assert {(key.suite, key.task) for key in chosen.keys} == {("ten", "3")}
    assert chosen.num_asked == 400


def test_a_pattern_without_match_shows_a_name():
    with pytest.raises(ConfigError, match=r"matches none of 400 episodes; .* b/goal/0/init00"):
        choose(LISTED, Selection(only="nothing*"))


def test_a_benchmark_that_names_an_episode_twice_is_refused():
    class Doubled(PointMass):
        def episodes(self):
            return [*super().episodes(), *super().episodes()]

    with pytest.raises(ContractError, match="names an episode twice"):
        choose(Doubled(PointMass.Config()), Selection())


def test_a_run_with_twins_and_repeats_records_which_is_which(tmp_path):
    run = Run(
        policy=Telling.Config(),
        benchmark=Disturbed.Config(tasks=("corner",), num_inits=4),
        replan_every=4,
        name="telling",
    )

    tally = evaluate(
        run, tmp_path / "run", workers=1, selection=Selection(twins=True, second_pass=0.5)
    )

    loaded = load_run(tmp_path / "run")
    assert tally.num_total == tally.num_finished == 4 + 4 + 2
    assert (loaded.info.num_episodes, loaded.info.num_repeats) == (10, 2)
    clean = [record for record in loaded.records if record.key.axis == "none"]
    assert [record.twin for record in clean] == [None] * 4
    repeated = {record.key: record.repeats for record in loaded.records if record.repeats}
    assert {key.seed for key in repeated} == {1000}
    assert {first.seed for first in repeated.values()} == {0}
    assert {record.instruction for record in clean} == {"go to (0, 0)"}


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("sample", [0.1, 1.0])
def test_parts_are_the_whole_without_overlap_and_of_one_size(count, sample):
    whole = choose(LISTED, Selection(sample=sample))

    parts = [choose(LISTED, Selection(sample=sample, part=(i + 1, count))) for i in range(count)]

    sizes = [len(part.keys) for part in parts]
    assert Counter(key for part in parts for key in part.keys) == Counter(whole.keys)
    assert {part.num_asked for part in parts} == {len(whole.keys)}
    assert max(sizes) - min(sizes) <= max(1, len(whole.keys) // (8 * count))


def test_a_part_loads_few_simulators():
    def simulator(key):
        return f"{key.suite}/{key.task}"

    keys = choose(LISTED, Selection()).keys
    parts = [part_of(keys, (index, 4), simulator) for index in (1, 2, 3, 4)]

    # 20 simulators; a bundle that is too large for one part is split between two.
    assert sum(len({simulator(key) for key in part}) for part in parts) <= 60


@pytest.mark.parametrize(
    ("part", "message"),
    [((3, 2), "part: got 3/2, expected 1/2 to 2/2"), ((0, 2), "part: got 0/2")],
)
def test_a_part_that_does_not_exist_is_refused(part, message):
    with pytest.raises(ConfigError, match=message):
        Selection(part=part)


def test_more_machines_than_episodes_are_refused():
    with pytest.raises(ConfigError, match="got 500 parts of 400 episodes"):
        choose(LISTED, Selection(part=(1, 500)))
