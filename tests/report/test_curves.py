"""Training curves in the report: found, drawn as they were logged, and missed in words."""

import csv
import gzip
import io
import json
import re
import shutil

import numpy as np
import pytest
from run_folders import INFO, key, loaded, record

from wamlab.core.errors import ConfigError
from wamlab.report.build import write_report
from wamlab.report.curve_figures import MAX_FIGURE_BYTES, curve_figures
from wamlab.report.curve_svg import axis_of, raw_path
from wamlab.report.curves import gather_trainings
from wamlab.report.study import make_study
from wamlab.report.training_table import training_table
from wamlab.training.curves import Curves, Score, StepRecord

RECORD = {
    "recipe": "recipes.nano:joint",
    "name": "joint",
    "digest": "0ab34a9fcc21",
    "data": "d3675b8df84b",
    "config": {
        "batch_size": 32,
        "num_steps": 40,
        "seed": 42,
        "optimiser": {"learning_rate": 1e-3},
    },
    "sessions": [
        {
            "started": "2026-11-25T22:19:14+00:00",
            "weights": "random weights",
            "num_demonstrations": 59,
            "num_windows": 730,
            "device": "cpu",
            "code": {"commit": "4df0f101e439"},
            "machine": {"cpu": "AMD EPYC"},
        }
    ],
}


def training(folder, *, num_steps=40, parts=("action", "video"), every=20, seed=0):
    """A training's folder, its curves written by the trainer's own writer."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with Curves(folder, 0) as curves:
        for step in range(1, num_steps + 1):
            losses = {name: float(rng.gamma(4, 0.5 / step**0.5)) for name in parts}
            curves.add(
                StepRecord(
                    step=step,
                    losses={"total": sum(losses.values()), **losses},
                    learning_rate=1e-3 * step / num_steps,
                    grad_norm=1.0,
                    examples_per_s=64.0,
                    spans_ms={"forward": 10.0},
                )
            )
            if every and step % every == 0:
                curves.add_score(step, Score(step // 2, step, 0))
    (folder / "training.json").write_text(json.dumps(RECORD))
    return folder


def run_of(folder, name, checkpoint):
    """A run of a policy from that checkpoint, or of one without a checkpoint."""
    config = {} if checkpoint is None else {"checkpoint": str(checkpoint)}
    policy = {"class": "wamlab.policies.fast_wam:FastWam", "config": config}
    records = [
        record(key(task, init), success=init % 2 == 0, policy=f"{name}-digest")
        for task in range(3)
        for init in range(4)
    ]
    return loaded(folder, records, name=name, config=dict(INFO.config) | {"policy": policy})


def study_of(tmp_path, **checkpoints):
    return make_study(
        [run_of(tmp_path / "evals" / name, name, path) for name, path in checkpoints.items()]
    )


def test_curves_are_found_inside_a_model_folder_and_beside_it(tmp_path):
    training(tmp_path / "shipped" / "training")
    training(tmp_path / "run")
    (tmp_path / "run" / "model").mkdir()

    found = gather_trainings(
        study_of(tmp_path, shipped=tmp_path / "shipped", trained=tmp_path / "run" / "model")
    )

    assert found.notes == ()
    assert [one.folder for one in found.found] == [
        tmp_path / "shipped" / "training",
        tmp_path / "run",
    ]


def test_a_relative_checkpoint_is_found_from_where_the_evaluation_was_started(tmp_path):
    training(tmp_path / "runs" / "joint")
    [one] = gather_trainings(study_of(tmp_path, joint="runs/joint/model")).found
    assert one.num_steps == 40


def test_missing_curves_are_named_with_the_places_looked_at(tmp_path):
    study = study_of(tmp_path, joint="runs/gone/model", expert=None)

    write_report(study, tmp_path / "out")

    page = (tmp_path / "out" / "report.html").read_text()
    said = (
        "joint: curves not found at runs/gone/model/training/curves.jsonl or "
        "runs/gone/curves.jsonl; name their folder with --curves joint=FOLDER."
    )
    assert said in page
    assert said in (tmp_path / "out" / "report.md").read_text()
    assert "No checkpoint, so no training: expert." in page


def test_a_report_without_any_checkpoint_says_nothing_of_training(tmp_path):
    write_report(study_of(tmp_path, expert=None), tmp_path / "out")
    assert "training-curves" not in (tmp_path / "out" / "report.html").read_text()


def test_a_checkpoint_that_moved_is_named(tmp_path):
    training(tmp_path / "moved" / "training")
    study = study_of(tmp_path, joint="runs/gone/model")
    [one] = gather_trainings(study, {"joint": tmp_path / "moved"}).found
    assert one.names == ("joint",)


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [
        ("jiont", "x", "no policy 'jiont'. Did you mean joint?"),
        ("joint", "x", "no such folder, expected curves.jsonl of wamlab train"),
        ("joint", "evals", "no curves in it"),
    ],
)
def test_a_wrong_place_of_curves_is_refused(tmp_path, name, folder, message):
    study = study_of(tmp_path, joint="runs/gone/model")
    with pytest.raises(ConfigError, match=re.escape(message)):
        gather_trainings(study, {name: tmp_path / folder})


def test_two_policies_of_one_checkpoint_share_its_training(tmp_path):
    training(tmp_path / "run")
    model = tmp_path / "run" / "model"
    [one] = gather_trainings(study_of(tmp_path, fast=model, slow=model)).found
    assert one.names == ("fast", "slow")


def test_a_torn_or_damaged_line_costs_that_line_and_is_told(tmp_path):
    path = training(tmp_path / "run", num_steps=10, every=0) / "curves.jsonl"
    lines = path.read_text().splitlines()
    lines[3] = lines[3][:40]
    lines[5] = lines[5].replace('"learning_rate": ', '"learning_rate": NaN, "x": ')
    path.write_text("\n".join(lines) + '\n{"step": 11, "los')

    found = gather_trainings(study_of(tmp_path, joint=tmp_path / "run" / "model"))

    assert [step for step, _ in found.found[0].series["learning_rate"]] == [1, 2, 3, 5, 7, 8, 9, 10]
    assert found.notes[0].en == (
        "joint: 2 lines of the curves cannot be read and are not drawn (line 4, 6)."
    )


def test_compressed_curves_are_read_and_damaged_ones_refused(tmp_path):
    folder = training(tmp_path / "run")
    packed = folder / "curves.jsonl.gz"
    packed.write_bytes(gzip.compress((folder / "curves.jsonl").read_bytes()))
    (folder / "curves.jsonl").unlink()
    study = study_of(tmp_path, joint=folder / "model")

    assert gather_trainings(study).found[0].num_steps == 40

    packed.write_bytes(packed.read_bytes()[:50])
    with pytest.raises(ConfigError, match=r"curves\.jsonl\.gz: cannot be read"):
        gather_trainings(study)


def test_every_digit_that_was_logged_is_in_the_table_beside_the_page(tmp_path):
    folder = training(tmp_path / "run")
    write_report(study_of(tmp_path, joint=folder / "model"), tmp_path / "out")

    text = (tmp_path / "out" / "tables" / "curves.csv").read_text()

    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["loss_action"]]
    logged = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    assert [float(row["loss_action"]) for row in rows] == [
        line["losses"]["action"] for line in logged if "losses" in line
    ]
    assert [
        (row["step"], row["successes"], row["finished"]) for row in rows if row["finished"]
    ] == [
        ("20", "10", "20"),
        ("40", "20", "40"),
    ]


def columns_of(path):
    """Column of the grid -> heights that a path covers there, and where it comes in and goes."""
    start, _, rest = path.partition("l")
    x, y = map(int, start[1:].split())
    numbers = list(map(int, re.findall(r"-?\d+", rest)))
    spots = [(x, y)]
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = x + dx, y + dy
        spots.append((x, y))
    found = {}
    for across, up in spots:
        found.setdefault(across, []).append(up)
    return {across: (min(u), max(u), u[0], u[-1]) for across, u in found.items()}


def test_a_path_covers_the_same_pixels_as_all_its_points():
    rng = np.random.default_rng(1)
    spots = [(i * 0.045, float(y)) for i, y in enumerate(rng.normal(75, 20, 5000))]
    every = {}
    for x, y in spots:
        every.setdefault(round(x / 0.5), []).append(round(y / 0.5))

    path = raw_path(spots, 0.5)

    assert columns_of(path) == {x: (min(u), max(u), u[0], u[-1]) for x, u in every.items()}
    assert len(path) < 10_000


def test_no_point_of_a_short_training_is_left_out():
    spots = [(float(x), float(y)) for x, y in enumerate([5, 9, 1, 7, 7])]
    assert raw_path(spots, 1.0) == "M0 5l1 4 1-8 1 6 1 0"


def test_figures_of_long_trainings_stay_small(tmp_path):
    first = training(tmp_path / "t0", num_steps=6000, every=1000)
    runs = {f"t{index}": tmp_path / f"t{index}" / "model" for index in range(4)}
    for index in (1, 2, 3):
        shutil.copytree(first, tmp_path / f"t{index}")

    figures = curve_figures(gather_trainings(study_of(tmp_path, **runs)).found)

    assert [figure.key for figure in figures] == ["figureB", *(f"figureB{i}" for i in (1, 2, 3, 4))]
    sizes = [sum(len(panel.svg) for panel in figure.panels) for figure in figures]
    assert max(sizes) <= MAX_FIGURE_BYTES


def test_all_trainings_stand_on_the_same_axes(tmp_path):
    training(tmp_path / "a", num_steps=40)
    training(tmp_path / "b", num_steps=20, every=0)

    figures = curve_figures(
        gather_trainings(
            study_of(tmp_path, a=tmp_path / "a" / "model", b=tmp_path / "b" / "model")
        ).found
    )

    together, one, other = ([p.title.en for p in figure.panels] for figure in figures)
    assert together == one
    assert other == one[:-1]  # b was never evaluated
    ticks = [re.findall(r'class="tick".*?>([^<]*)<', f.panels[0].svg) for f in figures]
    assert ticks[0] == ticks[1] == ticks[2]
    assert "Success was not measured during this training." in figures[2].note.en


def test_a_model_without_video_has_one_loss(tmp_path):
    training(tmp_path / "vla", parts=("action",))
    [figure] = curve_figures(
        gather_trainings(study_of(tmp_path, vla=tmp_path / "vla" / "model")).found
    )
    titles = [panel.title.en.removesuffix(", logarithmic") for panel in figure.panels]
    assert titles == ["Action loss", "Learning rate", "Success in training, %"]


@pytest.mark.parametrize(
    ("values", "is_log"),
    [([1.0, 0.01], True), ([1.0, 0.5], False), ([1.0, 0.0], False), ([-1.0, 30.0], False)],
)
def test_an_axis_is_logarithmic_where_losses_fall_far(values, is_log):
    axis = axis_of(values)
    assert axis.is_log is is_log
    assert all(axis.high_px <= axis(value) <= axis.low_px for value in (*values, *axis.ticks))
    assert len(axis.ticks) >= 2


def test_the_record_of_a_training_is_a_row(tmp_path):
    training(tmp_path / "run")
    trained = gather_trainings(study_of(tmp_path, joint=tmp_path / "run" / "model")).found

    [row] = training_table(trained).records()

    assert (row["model"], row["recipe"], row["steps"], row["steps_asked"]) == (
        "joint",
        "recipes.nano:joint",
        40,
        40,
    )
    assert row["minutes"] == pytest.approx(40 * 32 / 64 / 60)
    assert (row["success_successes"], row["success_episodes"], row["success_step"]) == (20, 40, 40)
    assert row["last_video"] == trained[0].series["loss/video"][-1][1]


def test_curves_without_a_record_say_not_recorded(tmp_path):
    (training(tmp_path / "run") / "training.json").unlink()
    trained = gather_trainings(study_of(tmp_path, joint=tmp_path / "run" / "model")).found

    table = training_table(trained)

    assert table.rows[0][1].main.en == "not recorded"
    assert table.records()[0]["minutes"] is None


def test_a_training_record_of_another_shape_is_refused(tmp_path):
    (training(tmp_path / "run") / "training.json").write_text("[]")
    with pytest.raises(ConfigError, match="expected what wamlab train wrote"):
        gather_trainings(study_of(tmp_path, joint=tmp_path / "run" / "model"))
