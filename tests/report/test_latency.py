import re
from dataclasses import replace

import pytest
from run_folders import episodes, loaded

from wamlab.report.build import write_report
from wamlab.report.latency import frontier_figure, latency_tables
from wamlab.report.stages import batch_figure, stage_figure
from wamlab.report.study import make_study
from wamlab.report.timed import Batch, Timed

SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")


def packed(name, steps=10):
    return {"class": f"policies:{name}", "config": {"num_denoise_steps": steps}}


def timed(name, p50=100.0, **changes):
    fields = {
        "name": name, "group": "WAM", "device": "A800", "num_calls": 115, "mean_ms": p50 + 5,
        "sd_ms": 4.0, "p50_ms": p50, "p50_interval": (p50 - 1, p50 + 1), "p95_ms": p50 + 20,
        "p95_interval": (p50 + 15, None), "denoise_steps": 10, "executed": 5, "predicted": 16,
        "ms_per_action": p50 / 5, "policy": packed(name), "load": 1.0,
    }  # fmt: skip
    return Timed(**(fields | changes))


@pytest.fixture
def evaluated(tmp_path):
    """Three policies with their settings, of which the fastest is the worst."""
    runs = []
    for name, rate in (("slow", 0.95), ("middle", 0.6), ("fast", 0.5)):
        records = episodes(dict.fromkeys(SUITES, rate), name=name, num_tasks=3, num_inits=6)
        config = {"replan_every": 5, "policy": packed(name)}
        runs.append(loaded(tmp_path / name, records, name=name, config=config))
    return make_study(runs)


def test_a_row_is_what_was_timed_beside_the_success_at_that_setting(evaluated):
    [table] = latency_tables(evaluated, [timed("slow")])

    [line] = table.records()
    assert (line["p50_ms"], line["p95_ms"], line["num_calls"]) == (100.0, 120.0, 115)
    assert (line["executed"], line["predicted"], line["ms_per_action"]) == (5, 16, 20.0)
    assert line["success"] == pytest.approx(
        sum(
            sum(r.outcome == "success" for r in evaluated.entry("slow").suite(suite)) / 18
            for suite in SUITES
        )
        / 4
    )


@pytest.mark.parametrize("changes", [{"policy": packed("slow", steps=2)}, {"executed": 8}])
def test_success_at_another_setting_is_not_success_at_this_one(evaluated, changes):
    [table] = latency_tables(evaluated, [timed("slow", **changes)])

    assert table.records()[0]["success"] is None
    assert table.rows[0][-1].main.en == "not measured"


def test_the_report_takes_times_and_holds_together(evaluated, tmp_path):
    clocked = [timed("slow", 300.0), timed("fast", 50.0, load=3.0), timed("other", device="H100")]

    content = write_report(evaluated, tmp_path / "out", timed=clocked)

    assert {"table4", "table4_2"} <= content["tables"].keys()
    assert (tmp_path / "out" / "figures" / "figure4.svg").exists()
    assert (tmp_path / "out" / "tables" / "table4.csv").exists()


def test_two_devices_are_two_blocks(evaluated):
    tables = latency_tables(evaluated, [timed("slow"), timed("fast", device="H100")])

    assert [[line["model"] for line in table.records()] for table in tables] == [["slow"], ["fast"]]
    assert "H100" in tables[1].title.en


def test_a_busy_machine_warns_beside_its_times(evaluated):
    [table] = latency_tables(evaluated, [timed("slow", load=6.2)])

    hardware = next(c for c, col in zip(table.rows[0], table.columns, strict=True)
                    if "load" in col.fields)  # fmt: skip
    assert hardware.warns
    assert hardware.lines[0].en == "load 6.2: other work competed"


def test_an_end_that_the_calls_cannot_tell_is_a_question_mark(evaluated):
    [table] = latency_tables(evaluated, [timed("slow")])

    assert table.rows[0][6].lines[0].en == "[115.0, ?]"


def test_the_frontier_joins_what_nothing_beats_in_both(evaluated):
    clocked = [timed("slow", 300.0), timed("middle", 400.0), timed("fast", 50.0)]

    figure = frontier_figure(evaluated, clocked)

    drawing = figure.panels[0].svg
    joined = re.search(r'class="frontier" points="([^"]*)"', drawing)[1].split()
    assert drawing.count('class="dot"') == 3
    assert len(joined) == 2  # fast, then slow; the middle one is slower and worse


def test_what_was_not_evaluated_is_not_drawn(evaluated):
    assert frontier_figure(evaluated, [timed("stranger")]) is None
    assert frontier_figure(evaluated, []) is None


def test_nothing_timed_is_one_line(evaluated):
    [table] = latency_tables(evaluated, [])
    assert "one GPU" in table.missing.en


def test_the_success_found_is_that_of_the_row_with_the_settings(evaluated):
    other = replace(timed("slow"), name="another name")
    assert latency_tables(evaluated, [other])[0].records()[0]["success"] is not None


STAGES = (("vae_encode", 20.0), ("action_step", 75.0), ("remainder", 5.0))


def test_the_pieces_of_a_bar_are_the_stages_of_the_plan():
    clocked = [timed("slow", stages=STAGES), timed("fast", stages=(("text", 10.0),))]

    [panel] = stage_figure(clocked).panels

    widths = re.findall(r'class="(?:piece|empty)" x="[\d.]+" y="\d+" width="([\d.]+)"', panel.svg)
    pieces = [float(width) + 1 for width in widths if width != "12"]
    # 100 ms are the full width.
    assert pieces == pytest.approx([64.0, 240.0, 16.0, 32.0], abs=0.1)
    assert "VAE encode: 20.0" in panel.svg
    assert "VAE \u7f16\u7801: 20.0" in panel.in_chinese
    assert "100.0 ms" in panel.svg


def test_a_stage_that_only_a_users_policy_marks_has_its_own_name():
    [panel] = stage_figure([timed("own", stages=(("look", 1.0),))]).panels

    assert "look: 1.0" in panel.svg


def test_no_two_stages_have_one_letter():
    stages = (("preprocess", 1.0), ("pose", 2.0), ("post", 3.0), ("ppp", 4.0))
    [panel] = stage_figure([timed("own", stages=stages)]).panels

    keys = re.findall(r'y="[^"]*">(.) ([a-z]+)</text>', panel.svg)
    # P, S, T and E are taken; post has none left of its own, nor has ppp.
    assert [letter for letter, name in keys if name in dict(stages)] == ["P", "O", "B", "H"]


def test_plans_that_nobody_cut_up_have_no_bar():
    assert stage_figure([timed("slow"), timed("fast", stages=(("remainder", 9.0),))]) is None


def test_the_batch_curve_has_a_dot_for_each_size(evaluated):
    sizes = (Batch(1, 100.0, 10.0), Batch(8, 200.0, 40.0))
    clocked = [timed("slow", batches=sizes), timed("fast", batches=sizes[:1])]

    figure = batch_figure(evaluated, clocked)

    [panel] = figure.panels
    assert panel.svg.count('class="dot"') == 2
    assert "slow, 8: 40.00 / s, p50 200.0 ms" in panel.svg
    assert [name for name, _ in figure.legend] == ["slow"]


def test_one_size_is_no_curve(evaluated):
    assert batch_figure(evaluated, [timed("slow", batches=(Batch(1, 100.0, 10.0),))]) is None


def test_queue_and_wire_are_those_of_the_evaluation_at_that_setting(tmp_path):
    records = episodes({"libero_10": 0.5}, name="slow", num_tasks=2, num_inits=3)
    spans = {"plan_ms": (130.0, 150.0), "forward_ms": (100.0, 100.0), "queued_ms": (20.0, 40.0)}
    records = [replace(record, **spans) for record in records]
    config = {"replan_every": 5, "policy": packed("slow")}
    study = make_study([loaded(tmp_path / "slow", records, name="slow", config=config)])

    [table] = latency_tables(study, [timed("slow")])
    [stranger] = latency_tables(study, [timed("slow", executed=8)])

    [line] = table.records()
    assert (line["queue_ms"], line["wire_ms"]) == (30.0, 10.0)
    assert stranger.records()[0]["wire_ms"] is None


def test_a_report_has_stages_and_batches_in_all_its_forms(evaluated, tmp_path):
    sizes = (Batch(1, 100.0, 10.0), Batch(8, 200.0, 40.0))

    write_report(evaluated, tmp_path / "out", timed=[timed("slow", stages=STAGES, batches=sizes)])

    for name in ("figure_stages", "figure_batches"):
        assert (tmp_path / "out" / "figures" / f"{name}.svg").exists()
    assert "\u5355\u6b21\u89c4\u5212\u7684\u65f6\u95f4\u6784\u6210" in (
        tmp_path / "out" / "report.html"
    ).read_text("utf-8")
