import pytest
from run_folders import key, loaded, record

from wamlab.report.build import write_report
from wamlab.report.delays import delay_curves, delay_figure, delay_table
from wamlab.report.latency import success_of
from wamlab.report.study import make_study

NUM_TASKS, NUM_INITS = 5, 10
WINS = {"prompt": 40, "hold_2": 40, "hold_4": 39, "hold_8": 10, "stale_2": 20}


def run(folder, name, wins, *, replan_every=8, delay=0, way="hold", held=0, repeats=1, **changes):
    """A run of 50 episodes that succeeds in the first `wins` of them, some seeds over."""
    records = [
        record(
            key(index % NUM_TASKS, index // NUM_TASKS, seed=seed),
            success=index < wins,
            steps=100,
            num_held=held,
            policy="one",
        )
        for seed in range(repeats)
        for index in range(NUM_TASKS * NUM_INITS)
    ]
    config = {"replan_every": replan_every, "delay_steps": delay, "while_waiting": way}
    config["policy"] = {"class": "policies:One", "config": {}}
    options = {"name": name, "policy": "one", "control_hz": 20.0, "config": config}
    return loaded(folder / name, records, **(options | changes))


@pytest.fixture
def swept(tmp_path):
    """Four delays of standing still and one of executing stale actions, asked for in disorder."""
    delays = {name: int(name[-1]) if name != "prompt" else 0 for name in WINS}
    return make_study(
        [
            run(tmp_path, name, WINS[name], delay=delays[name], way=name.partition("_")[0])
            if delays[name]
            else run(tmp_path, name, WINS[name])
            for name in ("prompt", "hold_8", "hold_2", "stale_2", "hold_4")
        ]
    )


def test_each_way_of_waiting_is_a_curve_from_no_delay(swept):
    hold, stale = delay_curves(swept)

    assert [point.entry.name for point in hold.points] == ["prompt", "hold_2", "hold_4", "hold_8"]
    assert [point.entry.name for point in stale.points] == ["prompt", "stale_2"]
    assert [point.delay_ms for point in hold.points] == [0, 100, 200, 400]


def test_the_largest_delay_within_two_points_is_named_with_its_certainty(swept):
    hold, stale = delay_curves(swept)

    # hold_4 is exactly two points behind; hold_2 is the same episode for episode, but 50 episodes
    # do not show two points
    assert hold.largest(shown=False).steps == 4
    assert hold.largest(shown=True).steps == 0
    assert stale.largest(shown=False).steps == 0
    notes = [note.en for note in delay_table(swept).notes]
    assert "is 4 (200 ms) by the estimates" in notes[0]
    assert "is 0 (0 ms) by the estimates, and 0 (0 ms) beyond doubt" in notes[1]


def test_a_worse_delay_ends_the_range_although_a_longer_one_is_better(tmp_path):
    study = make_study(
        [run(tmp_path, "prompt", 40)]
        + [run(tmp_path, f"d{d}", wins, delay=d) for d, wins in ((2, 30), (4, 40))]
    )

    [curve] = delay_curves(study)

    assert curve.largest(shown=False).steps == 0


def test_many_equal_episodes_show_it(tmp_path):
    study = make_study(
        [run(tmp_path, "prompt", 40, repeats=20), run(tmp_path, "d2", 40, delay=2, repeats=20)]
    )

    [curve] = delay_curves(study)

    assert curve.largest(shown=True).steps == 2


def test_rows_say_what_the_delay_costs_on_the_same_episodes(swept):
    rows = {(row["model"], row["while_waiting"]): row for row in delay_table(swept).records()}

    assert rows["prompt", "hold"]["cost"] is None
    assert rows["hold_8", "hold"]["cost"] == pytest.approx(-0.6)
    assert rows["hold_8", "hold"]["cost_high"] < 0
    assert (rows["hold_4", "hold"]["late_successes"], rows["hold_4", "hold"]["delay_ms"]) == (
        39,
        200,
    )


def test_held_steps_are_a_share_of_all(tmp_path):
    runs = [run(tmp_path, "prompt", 50), run(tmp_path, "late", 50, delay=2, held=25)]

    rows = delay_table(make_study(runs)).records()

    assert [row["held"] for row in rows] == [0, 0.25]


def test_another_interval_or_checkpoint_is_another_curve(tmp_path):
    study = make_study(
        [
            run(tmp_path, "prompt", 40),
            run(tmp_path, "late", 30, delay=2),
            run(tmp_path, "replan_4", 20, replan_every=4, delay=2),
        ]
    )

    alone, late = delay_curves(study)

    assert [point.entry.name for point in late.points] == ["prompt", "late"]
    assert [point.entry.name for point in alone.points] == ["replan_4"]
    assert alone.points[0].cost is None
    assert "no run without delay" in delay_table(study).notes[0].en


def test_a_run_that_does_not_say_its_rate_has_no_milliseconds(tmp_path):
    late = {"delay": 2, "control_hz": None}
    study = make_study([run(tmp_path, "prompt", 40), run(tmp_path, "late", 40, **late)])

    [_, row] = delay_table(study).records()

    assert (row["delay_steps"], row["delay_ms"]) == (2, None)


def test_without_a_late_plan_there_is_nothing_to_show(tmp_path):
    study = make_study([run(tmp_path, "prompt", 40)])

    assert delay_table(study) is None
    assert delay_figure(study) is None


def test_the_report_shows_curve_and_table_in_both_languages(swept, tmp_path):
    content = write_report(swept, tmp_path / "out")

    assert len(content["tables"]["delays"]["rows"]) == 6
    drawing = (tmp_path / "out" / "figures" / "figure_delays.svg").read_text()
    assert drawing.count('class="dot"') >= 6
    assert "delay, control steps</text>" in drawing
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Success under late plans" in page
    assert "规划迟到时的成功率" in page
    assert "控制步" in page.split('id="figure_delays"')[1].split("</figure>")[0]


def test_a_late_row_is_not_the_success_of_a_timed_setting(tmp_path):
    from test_latency import timed

    runs = [run(tmp_path, "late", 10, delay=2), run(tmp_path, "prompt", 40)]
    clocked = timed("one", policy={"class": "policies:One", "config": {}}, executed=8)

    assert success_of(make_study(runs), clocked).name == "prompt"
