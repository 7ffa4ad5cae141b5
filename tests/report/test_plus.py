import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plus_folders import EQUAL, disturbed, plus_run, twins, without_twins
from run_folders import LIMITS, episodes, loaded
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from wamlab.core.episodes import Outcome, StopReason
from wamlab.report.heat import heat_figure
from wamlab.report.layout import AXES, OFFICIAL_TASKS
from wamlab.report.plus import AXIS_NAMES, SUITES, table_2
from wamlab.report.plus_appendix import appendix_b, levels_table
from wamlab.report.study import make_study
from wamlab.report.table import Emphasis
from wamlab.report.twins import twins_table
from wamlab.report.variants import ORDER, table_3

COUNTS = Path(__file__).parents[1] / "benchmarks" / "libero_plus_counts.csv"
HARD = {"camera": 0.3, "robot": 0.4, "language": 0.8, "light": 0.7, "background": 0.6,
        "noise": 0.5, "layout": 0.7}  # fmt: skip


def study_of(tmp_path, *runs):
    """Runs are name -> records, or (name, records) pairs."""
    made = [
        plus_run(tmp_path / f"{index}_{name}", records, name=name)
        for index, (name, records) in enumerate(runs)
    ]
    return make_study(made)


def fails(one):
    limit = LIMITS[one.key.suite]
    return replace(one, stop=StopReason.STEP_LIMIT, num_steps=limit, settled=None)


def rows(table):
    return {line["model"]: line for line in table.records()}


def successes(records, **where):
    picked = [r for r in records if all(getattr(r.key, k) == v for k, v in where.items())]
    return sum(r.outcome is Outcome.SUCCESS for r in picked), len(picked)


def test_the_official_counts_are_those_of_the_benchmark():
    names = {"spatial": "libero_spatial", "object": "libero_object", "goal": "libero_goal",
             "long": "libero_10"}  # fmt: skip
    counted = defaultdict(int)
    with COUNTS.open() as file:
        for line in csv.DictReader(file):
            counted[names[line["suite"]], line["axis"]] += int(line["n_tasks"])

    official = OFFICIAL_TASKS["libero_plus"]

    assert {(s, a): n for s, axes in official.items() for a, n in axes.items()} == counted
    assert sum(counted.values()) == 10_030


def test_an_axis_is_its_successes_over_its_episodes(tmp_path):
    records = disturbed(HARD)

    [table] = table_2(study_of(tmp_path, ("first", records)))

    found = rows(table)["first"]
    for axis in AXES["libero_plus"]:
        assert (found[f"{axis}_successes"], found[f"{axis}_episodes"]) == successes(
            records, axis=axis
        )


def test_the_weighted_total_counts_tasks_and_the_unweighted_one_axes(tmp_path):
    records = [r for r in disturbed(HARD) if r.key.axis != "camera" or r.key.severity == 1]

    [table] = table_2(study_of(tmp_path, ("first", records)))

    found = rows(table)["first"]
    k, n = successes(records)
    assert found["total_weighted"] == pytest.approx(k / n)
    assert found["total_unweighted"] == pytest.approx(np.mean([found[a] for a in AXIS_NAMES]))
    assert abs(found["total_weighted"] - found["total_unweighted"]) > 0.01


def test_axes_that_were_sampled_unevenly_are_named_beside_the_weighted_total(tmp_path):
    even = disturbed(EQUAL)
    few_cameras = [r for r in even if r.key.axis != "camera" or r.key.severity == 1]

    [as_is] = table_2(study_of(tmp_path / "even", ("first", even)))
    [leaning] = table_2(study_of(tmp_path / "uneven", ("first", few_cameras)))

    def found(table):
        return [note.en for note in table.notes if "its weighted total" in note.en]

    assert found(as_is) == []
    [note] = found(leaning)
    assert "9.3 % of Background tasks and 1.3 % of Camera tasks" in note


def test_no_total_of_a_part_of_the_axes(tmp_path):
    some = {axis: 0.5 for axis in AXIS_NAMES if axis != "light"}

    [table] = table_2(study_of(tmp_path, ("first", disturbed(some))))

    found = rows(table)["first"]
    assert (found["light"], found["total_weighted"], found["total_unweighted"]) == (None,) * 3
    cell = next(c for c, col in zip(table.rows[0], table.columns, strict=True)
                if "total_weighted" in col.fields)  # fmt: skip
    assert cell.main.en == "not measured"
    assert cell.lines[0].en == "6 of 7 axes measured"


def test_a_subset_of_the_tasks_says_so(tmp_path):
    [table] = table_2(study_of(tmp_path, ("first", disturbed(EQUAL))))

    found = rows(table)["first"]
    assert (found["tasks"], found["tasks_official"]) == (700, 10_030)
    assert any("700 of 10,030 tasks" in note.en for note in table.notes)


def test_a_model_of_one_suite_has_a_block_of_its_own(tmp_path):
    whole, long = disturbed(EQUAL), disturbed(EQUAL, name="long", suites=("libero_10",))

    tables = table_2(study_of(tmp_path, ("first", whole), ("long", long)))

    assert [table.key for table in tables] == ["table2", "table2_libero_10"]
    assert list(rows(tables[1])) == ["long"]
    assert tables[1].title.en.endswith("Long alone")
    assert rows(tables[1])["long"]["tasks_official"] == 2519


def test_the_best_of_a_block_is_bold_only_where_resolved(tmp_path):
    better = disturbed(dict.fromkeys(AXIS_NAMES, 0.95), name="first")
    worse = disturbed(HARD | {"language": 0.95}, name="second")

    [table] = table_2(study_of(tmp_path, ("first", better), ("second", worse)))

    by_field = {column.fields[0]: index for index, column in enumerate(table.columns)}
    bold = {name: table.rows[0][place].emphasis for name, place in by_field.items()}
    assert bold["camera"] == bold["total_weighted"] == bold["total_unweighted"] == Emphasis.BEST
    assert bold["language"] is Emphasis.NONE
    assert {cell.emphasis for cell in table.rows[1]} == {Emphasis.NONE}


def test_original_is_the_undisturbed_run_of_the_same_row(tmp_path):
    standard = episodes(dict.fromkeys(SUITES, 0.9), name="first", num_tasks=3, num_inits=4)
    runs = [
        loaded(tmp_path / "a", standard, name="first"),
        plus_run(tmp_path / "b", disturbed(HARD), name="first"),
    ]

    [table] = table_2(make_study(runs))

    means = [np.mean([r.outcome is Outcome.SUCCESS for r in standard if r.key.suite == suite])
             for suite in SUITES]  # fmt: skip
    assert rows(table)["first"]["original"] == pytest.approx(np.mean(means))


def test_without_a_run_table_2_says_what_to_run(study):
    [table] = table_2(study)

    assert table.rows == ()
    assert "wamlab eval recipes.libero_plus" in table.missing.en
    assert [column.label.en for column in table.columns] == [
        "Class", "Model", "Robot-data pretraining", "Original", "Camera", "Robot", "Lang.",
        "Light", "BG", "Noise", "Layout", "Total, weighted", "Total, unweighted",
        "Suites covered", "n", "Source",
    ]  # fmt: skip


def test_variants_are_compared_in_pairs_with_holm_over_the_axes(tmp_path):
    first, second = disturbed(EQUAL, name="first"), disturbed(HARD, name="second")
    [table] = table_3(study_of(tmp_path, ("first", first), ("second", second)))

    lines = table.records()

    theirs = {r.key: r.outcome is Outcome.SUCCESS for r in first}
    p_values = []
    for axis in ORDER:
        counts = np.zeros((2, 2), int)
        for one in second:
            if one.key.axis == axis:
                counts[int(one.outcome is not Outcome.SUCCESS), int(not theirs[one.key])] += 1
        p_values.append(mcnemar(counts, exact=True).pvalue)
    assert [line["p"] for line in lines[:-1]] == pytest.approx(p_values)
    adjusted = multipletests(p_values, method="holm")[1]
    assert [line["p_holm"] for line in lines[:-1]] == pytest.approx(adjusted)
    assert [line["perturbation"] for line in lines] == [
        "Camera", "Robot", "Language", "Background", "Noise", "Layout", "Light", "Total",
    ]  # fmt: skip


def test_the_total_row_is_that_of_table_2(tmp_path):
    study = study_of(
        tmp_path, ("first", disturbed(EQUAL)), ("second", disturbed(HARD, name="second"))
    )

    total = table_3(study)[0].records()[-1]

    found = rows(table_2(study)[0])
    assert total["first"] == pytest.approx(found["second"]["total_weighted"])
    assert total["difference"] == pytest.approx(
        found["second"]["total_weighted"] - found["first"]["total_weighted"]
    )


def test_errors_and_tasks_of_one_alone_are_in_no_pair(tmp_path):
    first, second = disturbed(EQUAL), disturbed(HARD, name="second")
    broken = [replace(second[0], stop=StopReason.SIMULATOR_ERROR), *second[1:-1]]

    [table] = table_3(study_of(tmp_path, ("first", first), ("second", broken)))

    total = table.records()[-1]
    assert (total["pairs"], total["unpaired"]) == (len(first) - 2, 2)


def test_records_that_name_no_twin_have_no_interval_for_new_tasks(tmp_path):
    runs = [(name, without_twins(disturbed(EQUAL, name=name))) for name in ("first", "second")]

    [table] = table_3(study_of(tmp_path, *runs))

    assert {line["tasks_low"] for line in table.records()} == {None}
    assert None not in {line["tango_low"] for line in table.records()}


def test_one_model_alone_has_no_variant(tmp_path):
    [table] = table_3(study_of(tmp_path, ("first", disturbed(EQUAL))))
    assert "two policies" in table.missing.en


def test_the_drop_is_against_the_twin_of_each_episode(tmp_path):
    records, undisturbed = disturbed(HARD), twins(0.8)

    table = twins_table(study_of(tmp_path, ("first", [*records, *undisturbed])))

    clean = {r.key: r.outcome is Outcome.SUCCESS for r in undisturbed}
    found = rows(table)["first"]
    for axis in AXIS_NAMES:
        change = [(r.outcome is Outcome.SUCCESS) - clean[r.twin] for r in records
                  if r.key.axis == axis]  # fmt: skip
        assert found[axis] == pytest.approx(np.mean(change))
        assert (found[f"{axis}_episodes"], found[f"{axis}_twins"]) == (len(change), 20)
    assert found["camera_verdict"] == "lower"
    assert found["camera_low"] < found["camera"] < found["camera_high"]


def test_twins_are_in_no_rate_and_in_no_table_of_libero(tmp_path):
    records = disturbed(HARD)

    study = study_of(tmp_path, ("first", [*records, *twins()]))

    assert [one.benchmark for one in study.everything] == ["libero_plus"]
    assert rows(table_2(study)[0])["first"]["n"] == len(records)


def test_twins_of_another_run_must_be_of_the_same_protocol(tmp_path):
    plus = plus_run(tmp_path / "a", disturbed(HARD), name="first")
    alike = loaded(tmp_path / "b", twins(), name="first")
    other = loaded(tmp_path / "c", twins(), name="first", fingerprint={"settle_steps": "30"})

    assert rows(twins_table(make_study([plus, alike])))["first"]["camera"] < 0
    assert "same protocol" in twins_table(make_study([plus, other])).missing.en


def test_appendix_b_adds_up_by_suite_and_overall(tmp_path):
    records = disturbed(HARD)
    lines = appendix_b(study_of(tmp_path, ("first", records))).records()

    for line in lines[:4]:
        k, n = successes(records, axis="camera", suite=line["suite"])
        assert (line["camera_successes"], line["camera_episodes"]) == (k, n)
    weighted, unweighted = lines[4:]
    k, n = successes(records)
    assert weighted["total"] == pytest.approx(k / n)
    means = [np.mean([line[axis] for line in lines[:4]]) for axis in AXIS_NAMES]
    assert unweighted["total"] == pytest.approx(np.mean(means))
    assert unweighted["camera_episodes"] is None


def test_levels_are_counted_one_by_one_and_their_fall_is_a_slope(tmp_path):
    falling = [r for level in (1, 2, 3, 4, 5)
               for r in disturbed(dict.fromkeys(AXIS_NAMES, 1 - 0.15 * level), levels=(level,),
                                  per_cell=8, suites=(SUITES[level % 4],))]  # fmt: skip
    keys = {}
    for one in falling:
        keys.setdefault(one.key, one)

    lines = levels_table(study_of(tmp_path, ("first", list(keys.values())))).records()

    camera = next(line for line in lines if line["axis"] == "camera")
    k, n = successes(keys.values(), axis="camera", severity=1)
    assert (camera["level1_successes"], camera["level1_episodes"]) == (k, n)
    assert camera["level0"] is None


def test_success_that_falls_with_the_level_has_a_negative_slope(tmp_path):
    records = [
        r if index % 6 >= r.key.severity else fails(r)
        for index, r in enumerate(disturbed(dict.fromkeys(AXIS_NAMES, 1.0), per_cell=6))
    ]

    lines = levels_table(study_of(tmp_path, ("first", records))).records()

    assert all(line["slope_high"] < 0 for line in lines)


@pytest.mark.parametrize(("lang", "word"), [("en", "Camera"), ("zh", "\u76f8\u673a")])
def test_the_map_shows_numbers_and_speaks_both_languages(tmp_path, lang, word):
    figure = heat_figure(study_of(tmp_path, ("first", disturbed(HARD))))

    drawing = figure.panels[0].drawing(lang)
    assert word in drawing
    k, n = successes(disturbed(HARD), axis="camera", severity=1)
    assert f">{100 * k / n:.0f}</text>" in drawing
    assert "\u2013</text>" in drawing  # nothing has no level here
