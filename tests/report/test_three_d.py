"""Table 7: the arms of 3-D supervision on LIBERO-Plus."""

import pytest
from gate_documents import document_of, faults
from plus_folders import EQUAL, disturbed, plus_run

from wamlab.core.episodes import Outcome
from wamlab.report.plus import table_2
from wamlab.report.study import make_study
from wamlab.report.three_d import ORDER, table_7

ARMS = {"base": "none", "ours": "3-D", "distilled": "2-D", "other": None}


def study_of(root, arms=ARMS, rates=EQUAL):
    """One run for each arm; `other` says nothing of its training."""
    return make_study(
        [
            plus_run(
                root / name, disturbed(rates, name=name), name=name,
                model={} if what is None else {"supervision": what},
            )
            for name, what in arms.items()
        ]
    )  # fmt: skip


def test_the_table_holds_the_arms_that_say_what_they_are(tmp_path):
    table = table_7(study_of(tmp_path))

    assert [(line["method"], line["supervision"]) for line in table.records()] == [
        ("base", "none"), ("ours", "3-D"), ("distilled", "2-D"),
    ]  # fmt: skip
    assert [column.label.en for column in table.columns] == [
        "Method", "Camera", "Robot", "Light", "Language", "BG", "Noise", "Layout",
        "Total, weighted",
    ]  # fmt: skip
    assert table.rows[1][0].lines[0].en == "supervision: 3-D"


def test_a_cell_counts_its_axis_and_the_total_every_task_alike(tmp_path):
    study = study_of(tmp_path)
    records = study.entry("ours").records.values()

    line = table_7(study).records()[1]

    for axis in ORDER:
        of_axis = [one.outcome is Outcome.SUCCESS for one in records if one.key.axis == axis]
        assert (line[f"{axis}_successes"], line[f"{axis}_episodes"]) == (sum(of_axis), len(of_axis))
    every = [one.outcome is Outcome.SUCCESS for one in records]
    assert line["total_weighted"] == pytest.approx(sum(every) / len(every))
    assert line["total_weighted"] == table_2(study)[0].records()[1]["total_weighted"]


def test_without_3d_supervision_there_is_no_such_table(tmp_path):
    table = table_7(study_of(tmp_path, {"base": "none", "distilled": "2-D"}))

    assert table.rows == ()
    assert "needs the same arms" in table.missing.en
    assert "\u9700\u8981" in table.missing.zh


def test_an_axis_that_nobody_ran_is_not_measured_and_there_is_no_total(tmp_path):
    rates = {axis: rate for axis, rate in EQUAL.items() if axis != "layout"}
    table = table_7(study_of(tmp_path, {"base": "none", "ours": "3-D"}, rates))

    assert [cell.main.en for cell in table.rows[1][-2:]] == ["not measured"] * 2


def test_the_gate_takes_a_report_with_the_table(tmp_path):
    document = document_of(study_of(tmp_path))

    assert faults(document) == []
    assert [table.key for table in document.tables if table.key == "table7"] == ["table7"]
