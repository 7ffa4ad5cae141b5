"""Tables 5 and 6: RoboTwin by task and setting, paired where scene seeds are known."""

import json

import pytest
from run_folders import loaded

from wamlab.cli._main import main
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.report.build import write_report
from wamlab.report.robotwin import table_5, table_6
from wamlab.report.study import make_study

CLEAN, RANDOMIZED = "demo_clean", "demo_randomized"
TASKS = ("open_microwave", "turn_switch", "adjust_bottle", "click_alarmclock")


def episodes(rates, *, name, num=20, knows_init=True):
    """Of each task and setting, the first of which succeed at that rate.

    Args:
        rates: (task, setting) -> success rate.
    """
    return [
        EpisodeRecord(
            key=EpisodeKey(
                benchmark="robotwin", suite=setting, task=task,
                init=100_000 + index if knows_init else -1 - index,
            ),
            policy=f"{name}-digest",
            stop=StopReason.SUCCEEDED if index < round(rate * num) else StopReason.FAILED,
            num_steps=None,
        )
        for (task, setting), rate in rates.items()
        for index in range(num)
    ]  # fmt: skip


def rates_of(targets, others=0.5):
    return {
        (task, setting): targets if task in TASKS[:2] else others
        for task in TASKS
        for setting in (CLEAN, RANDOMIZED)
    }


def study_of(tmp_path, *, base=0.4, better=0.9, **more):
    runs = [
        loaded(tmp_path / name, episodes(rates_of(rate), name=name, **more), name=name)
        for name, rate in (("fast_wam", base), ("gaussian_wam", better))
    ]
    return make_study(runs)


def test_each_task_has_both_settings_of_each_policy(tmp_path):
    rows = {row["task"]: row for row in table_5(study_of(tmp_path)).records()}

    assert sorted(rows) == sorted(TASKS)
    row = rows["open_microwave"]
    assert [row[f"{setting}_{index}"] for index in (0, 1) for setting in ("easy", "hard")] == [
        0.4, 0.4, 0.9, 0.9,
    ]  # fmt: skip
    assert (row["easy_1_successes"], row["easy_1_episodes"], row["n"]) == (18, 20, 80)
    assert row["score_3d"] is None


def test_a_difference_on_the_same_scenes_is_paired(tmp_path):
    base, better = table_6(study_of(tmp_path)).records()

    assert base["difference"] is None
    assert better["difference"] == pytest.approx(0.5)
    assert better["is_paired"] == "True"
    # 20 discordant of 40 in each setting, all one way: 2 * 0.5 ** 40.
    assert better["p_holm"] == pytest.approx(2 * 0.5**40)
    assert (better["other_tasks"], better["num_other_tasks"]) == (0.5, 2)


def test_a_difference_without_scene_seeds_is_not(tmp_path):
    _, better = table_6(study_of(tmp_path, knows_init=False)).records()

    assert better["is_paired"] == "False"
    assert better["difference"] == pytest.approx(0.5)
    assert 1e-12 < better["p_holm"] < 1e-6  # Fisher on 32 and 72 of 80


def test_a_setting_that_was_not_run_is_not_measured(tmp_path):
    rates = {("turn_switch", CLEAN): 0.5}
    study = make_study([loaded(tmp_path / "a", episodes(rates, name="a"), name="a")])

    [row] = table_5(study).records()
    assert (row["easy_0"], row["hard_0"]) == (0.5, None)
    assert table_6(study).missing is not None  # one policy has nobody to differ from


def test_results_of_the_official_script_become_the_table(tmp_path, capsys):
    for setting, rate in ((CLEAN, "0.62"), (RANDOMIZED, "0.31")):
        folder = tmp_path / f"eval_result/turn_switch/FastWAM/{setting}/ckpt/2026-11-26"
        folder.mkdir(parents=True)
        (folder / "_result.txt").write_text(
            f"Timestamp: 2026-11-26 10:00:00\n\nInstruction Type: unseen\n\n{rate}"
        )
    files = sorted(map(str, tmp_path.rglob("_result.txt")))
    code = main(["import", *files, "--episodes", "100", "--out", str(tmp_path / "run")])
    assert code == 0, capsys.readouterr().err

    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "report")]) == 0

    table = json.loads((tmp_path / "report/report.json").read_text())["tables"]["table5"]
    [row] = table["rows"]
    assert (row["task"], row["easy_0"], row["hard_0"]) == ("turn_switch", 0.62, 0.31)


def test_the_report_has_both_tables(tmp_path):
    write_report(study_of(tmp_path), tmp_path / "report")

    page = (tmp_path / "report/report.html").read_text()
    assert 'id="table5"' in page
    assert 'id="table6"' in page
