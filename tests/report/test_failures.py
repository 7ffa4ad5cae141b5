"""Table 8, Figure 2 and Appendix E from labels, against an independent computation."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from gate_documents import altered, document_of, faults
from labelled_runs import (
    AGREEING,
    DISAGREEING,
    MODES,
    failed_and_not,
    label,
    labelled_run,
    labels_of,
    without_second_person,
)
from run_folders import LIMITS, key, record, run_folder
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from wamlab.core.episodes import Outcome, StopReason
from wamlab.core.failures import Category, FailureMode
from wamlab.records.labels import LABELS_FILE, Reviewer
from wamlab.records.store import load_run
from wamlab.report.build import write_report
from wamlab.report.failure_figure import KINDS, failure_figure
from wamlab.report.failures import table_8
from wamlab.report.labellers import appendix_e
from wamlab.report.printing import printing_faults
from wamlab.report.stacked import Bar, Part, stacked_panel
from wamlab.report.study import make_study
from wamlab.report.texts import same


@pytest.fixture
def study(tmp_path):
    """Two rows of 60 failures each: two people agree on the first, and hardly on the second."""
    return make_study(
        [
            labelled_run(tmp_path / "joint", AGREEING, name="joint"),
            labelled_run(tmp_path / "plain", DISAGREEING, name="plain", shift=3),
        ]
    )


def test_categories_are_what_both_people_say_and_the_rest_is_unclassified(study):
    joint, plain = table_8(study).records()

    counts = {kind: joint[kind] for kind in Category if joint[kind]}
    assert counts == {"action_error": 30, "timeout": 20, "perception": 4, "unclassified": 6}
    assert plain["unclassified"] == 10 + 5 + 10 + 5 + 5 + 1
    assert joint["failures"] == sum(joint[kind] for kind in Category) == 60
    assert joint["unlabelled"] == plain["unlabelled"] == 0


@pytest.mark.parametrize(("row", "table"), [(0, AGREEING), (1, DISAGREEING)])
def test_kappa_is_that_of_statsmodels_and_ac1_that_of_the_formula(study, row, table):
    found = table_8(study).records()[row]
    shares = np.array(table) / 60
    mean = np.zeros(8)
    mean[:3] = (shares.sum(0) + shares.sum(1)) / 2  # of eight categories to choose from
    chance = (mean * (1 - mean)).sum() / 7

    expected = cohens_kappa(np.array(table))

    assert found["kappa"] == pytest.approx(expected.kappa, abs=1e-12)
    assert found["ac1"] == pytest.approx((np.trace(shares) - chance) / (1 - chance), abs=1e-12)
    # A bootstrap against a formula for many episodes: 60 of them leave 0.04 between the two.
    assert found["kappa_low"] == pytest.approx(expected.kappa_low, abs=0.04)
    assert found["kappa_high"] == pytest.approx(expected.kappa_upp, abs=0.04)
    assert (found["double_labelled"], found["first_labeller"]) == (60, "anna")


def test_a_rate_of_a_category_is_scaled_to_2000_episodes_with_wilsons_interval(study):
    joint, _ = table_8(study).records()

    low, high = proportion_confint(30, 200, method="wilson")

    found = [joint[f"action_error_per_2000{end}"] for end in ("", "_low", "_high")]
    assert found == pytest.approx([300, 2000 * low, 2000 * high], rel=1e-5)


def test_every_printed_number_is_the_rounding_of_a_value(study):
    for table in (table_8(study), *appendix_e(study)):
        assert list(printing_faults(table)) == []


def test_the_gate_takes_the_report_and_refuses_kinds_that_do_not_add_up(study):
    document = document_of(study)

    assert faults(document) == []
    sums = "kinds of failures add up to the failures"
    for table, field, value, rule in (
        ("table8", "unlabelled", 2, sums),
        ("table8", "timeout", 21, sums),
        ("table8", "timeout", None, "each failure has a kind"),
        ("appendix_e", "jitter", 1, sums),
    ):
        assert rule in {one.rule for one in faults(altered(document, table, 0, field, value=value))}


def test_a_failure_without_a_label_is_counted_as_such_and_no_rate_is_given(tmp_path):
    records = failed_and_not(60)
    some = labels_of(records, AGREEING)[:80]  # both labels of the first 40 failures

    table = table_8(make_study([labelled_run(tmp_path / "a", AGREEING, labels=some)]))

    [line] = table.records()
    assert (line["unlabelled"], line["double_labelled"]) == (20, 40)
    assert sum(line[kind] for kind in Category) == 40
    assert line["timeout_per_2000"] is None
    assert list(printing_faults(table)) == []


def test_one_person_fills_categories_but_has_nobody_to_agree_with(tmp_path):
    run = without_second_person(labelled_run(tmp_path / "a", AGREEING))

    table = table_8(make_study([run]))

    [line] = table.records()
    assert (line["action_error"], line["timeout"], line["unclassified"]) == (33, 22, 0)
    assert table.rows[0][-1].main.en == "one labeller"
    assert any(
        note.en.startswith("expert: some failures were labelled by one") for note in table.notes
    )


def test_rules_and_models_fill_no_category(tmp_path):
    failed = [one for one in failed_and_not(60) if one.outcome is Outcome.FAILURE]
    labels = [label(one, "v1", MODES[0], reviewer=Reviewer.RULE) for one in failed]
    run = labelled_run(tmp_path / "a", AGREEING, labels=labels)

    study = make_study([run])

    assert table_8(study).rows[0][2].main.en == "not measured"
    assert failure_figure(study) is None
    [by_labeller] = appendix_e(study)
    assert by_labeller.rows[0][1].main.en == "v1 (rule)"
    assert by_labeller.records()[0]["action_error"] == 60


def test_a_rule_is_held_against_a_person_without_counting(tmp_path):
    failed = [one for one in failed_and_not(60) if one.outcome is Outcome.FAILURE]
    people = labels_of(failed, AGREEING)
    rule = [label(one, "v1", MODES[0], reviewer=Reviewer.RULE) for one in failed]
    study = make_study([labelled_run(tmp_path / "a", AGREEING, labels=[*people, *rule])])

    _, agreement = appendix_e(study)

    pairs = {(r["first_labeller"], r["second_labeller"]): r for r in agreement.records()}
    assert set(pairs) == {("anna", "bo"), ("anna", "v1"), ("bo", "v1")}
    assert pairs["anna", "v1"]["same"] == pytest.approx(33 / 60)
    assert pairs["anna", "v1"]["kappa"] == pytest.approx(0.0)
    assert table_8(study).records()[0]["unclassified"] == 6


def test_the_same_label_throughout_has_no_kappa(tmp_path):
    run = labelled_run(tmp_path / "a", ((20, 0), (0, 0)))

    cell = table_8(make_study([run])).rows[0][-1]

    assert (cell.main.en, cell.main.zh) == ("undefined", "\u65e0\u5b9a\u4e49")
    assert cell.values[0] is None
    assert cell.values[3] == pytest.approx(1.0)  # AC1


def test_a_label_does_not_hold_under_a_shorter_limit(tmp_path):
    """Episodes of other lengths end elsewhere: one failure was short, the others are cut."""
    records = [
        replace(record(key(0, i, "libero_10"), success=False), num_steps=100 if i == 0 else 520)
        for i in range(4)
    ]
    records[0] = replace(records[0], stop=StopReason.TERMINATED)
    run_folder(tmp_path / "a", records)
    run = load_run(tmp_path / "a")
    labels = tuple(label(one, "anna", MODES[1]) for one in run.records)
    limits = {"short": LIMITS | {"libero_10": 200}}

    study = make_study([replace(run, labels=labels)], protocols=limits, capped_to="short")

    [line] = table_8(study).records()
    assert (line["timeout"], line["unlabelled"]) == (1, 3)


def test_compositions_are_compared_only_where_people_agree(tmp_path, study):
    told = [note.en for note in table_8(study).notes]
    other = tuple(tuple(reversed(row)) for row in reversed(AGREEING))
    agreeing = make_study(
        [
            labelled_run(tmp_path / "a", AGREEING, name="a"),
            labelled_run(tmp_path / "b", other, name="b", shift=3),
        ]
    )

    assert [note for note in told if "compositions are not compared: plain lack two" in note]
    [note] = [note.en for note in table_8(agreeing).notes if "Freeman-Halton" in note.en]
    assert "p <\u00a00.0001" in note
    assert note.endswith("shares may be compared.")


def test_the_figure_draws_every_failure_once(study):
    [panel] = failure_figure(study).panels

    widths = [
        float(w)
        for w in re.findall(r'class="piece" x="[\d.]+" y="\d+" width="([\d.]+)"', panel.svg)
    ]
    bars = [w for w in widths if w != 12]
    # 60 failures are the full width; each piece leaves one pixel to its neighbour.
    assert sum(bars) + len(bars) == pytest.approx(2 * 320, abs=0.1 * len(bars))
    assert "60 failures in 200 episodes" in panel.svg
    assert "200 \u56de\u5408\u4e2d\u5931\u8d25 60 \u6b21" in panel.in_chinese
    assert ">A 30</text>" in panel.svg


def test_counts_without_room_stand_below_the_bar():
    kinds = [KINDS[Category.ACTION_ERROR], KINDS[Category.JITTER]]
    parts = (Part(kinds[0], 300, "300"), Part(kinds[1], 1, "1"))

    drawn = stacked_panel([Bar("a", same("301 of 400"), parts)], kinds, "en")

    assert ">A 300</text>" in drawn
    assert '<text class="tick" x="0" y="53">J 1</text>' in drawn
    assert "jitter: 1" in drawn


def test_a_report_has_the_labels_in_all_its_forms(study, tmp_path):
    content = write_report(study, tmp_path / "out")

    [joint, _] = content["tables"]["table8"]["rows"]
    assert joint["action_error"] == 30
    assert (tmp_path / "out/figures/figure2.svg").exists()
    text = (tmp_path / "out/report.md").read_text()
    assert "Figure 2 (failure categories by variant): not measured" not in text
    assert "\u56fe 2" in text
    assert (tmp_path / "out/tables/appendix_e_agreement.csv").exists()


def test_labels_that_cannot_be_used_are_named_above_the_first_table(tmp_path):
    run = labelled_run(tmp_path / "a", AGREEING)
    path = tmp_path / "a" / LABELS_FILE
    won = next(one for one in run.records if one.outcome is Outcome.SUCCESS)
    bad = {"key": json.loads(path.read_text().splitlines()[0])["key"] | {"init": won.key.init,
           "task": won.key.task}}  # fmt: skip
    line = json.loads(path.read_text().splitlines()[0]) | bad
    path.write_text(path.read_text() + json.dumps(line) + "\n")

    loaded = load_run(tmp_path / "a", skips_bad_lines=True)

    assert len(loaded.labels) == 120
    assert "labels.jsonl, line 121: episode libero/libero_10/" in loaded.problems[0]
    document = document_of(make_study([loaded]))
    assert any("labels.jsonl, line 121" in one.en for one in document.warnings)


def test_every_category_has_its_words_and_letter():
    words, letters, colors = zip(
        *((k.words, k.letter, k.color) for k in KINDS.values()), strict=True
    )

    assert len(set(words)) == len(set(letters)) == len(set(colors)) == 8
    assert all(FailureMode(mode).category in KINDS for mode in FailureMode)
