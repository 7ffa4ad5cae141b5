import json
from pathlib import Path

import pytest

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.records.store import encode_record, load_run

SMALL = ("--set", "benchmark.num_inits=2", "--set", "benchmark.tasks=reach")


def test_a_run_is_summed_up_with_interval_and_counts(wamlab, tmp_path):
    code, out, err = wamlab("eval", "recipes.quickstart:seek", *SMALL, "--out", tmp_path)

    assert code == 0
    assert out.startswith("seek  100.0 % [34.2, 100.0]  2/2  errors 0\n")
    assert "2/2" in err
    assert len(load_run(tmp_path).records) == 2


def test_a_finished_run_is_not_run_again(wamlab, tmp_path):
    arguments = ("eval", "recipes.quickstart:hold", *SMALL, "--out", tmp_path, "--json")
    first = json.loads(wamlab(*arguments)[1])
    before = (tmp_path / "episodes.jsonl").read_bytes()

    code, out, _ = wamlab(*arguments)

    assert code == 0
    assert json.loads(out)["num_failures"] == first["num_failures"] == 2
    assert (tmp_path / "episodes.jsonl").read_bytes() == before


def test_a_run_json_is_a_recipe_that_continues_its_run(wamlab, tmp_path):
    only = ("--only", "*/init00/*")
    wamlab("eval", "recipes.quickstart:hold", *SMALL, *only, "--out", tmp_path)

    code, out, _ = wamlab("eval", tmp_path / "run.json", "--json")

    assert code == 0
    assert json.loads(out)["num_failures"] == 2
    assert json.loads(out)["run"] == str(tmp_path)


def test_the_default_folder_is_named_after_recipe_and_settings(wamlab, home):
    out = wamlab("eval", "recipes.quickstart:hold", *SMALL, "--json")[1]

    folder = Path(json.loads(out)["run"])
    digest = load_run(home / folder).info.digest
    assert folder == Path("runs") / f"quickstart-hold-{digest}"


def test_run_json_says_what_was_run_on_what(wamlab, tmp_path):
    wamlab("eval", "recipes.quickstart:hold", *SMALL, "--out", tmp_path)

    info = load_run(tmp_path).info
    (session,) = info.sessions
    assert (info.recipe, info.num_episodes) == ("recipes.quickstart:hold", 2)
    assert session.argv[:3] == ("wamlab", "eval", "recipes.quickstart:hold")
    assert "numpy" in session.code.packages
    assert session.machine.cores >= 1


def test_errors_make_the_exit_code_1(wamlab, tmp_path):
    wamlab("eval", "recipes.quickstart:hold", *SMALL, "--out", tmp_path)
    key = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=1)
    error = EpisodeRecord(
        key=key, policy="p", stop=StopReason.SIMULATOR_ERROR, num_steps=0, error="x", attempt=3
    )
    path = tmp_path / "episodes.jsonl"
    kept = [line for line in path.read_bytes().splitlines(True) if b'"init":0' in line]
    path.write_bytes(kept[0] + encode_record(error))

    code, out, _ = wamlab("eval", "recipes.quickstart:hold", *SMALL, "--out", tmp_path)

    assert code == 1
    assert "incomplete: 1 ended in an error 3 times and are not run again" in out


def test_a_recipe_that_cannot_be_imported_says_what_is_missing(wamlab, home):
    (home / "recipes" / "needy.py").write_text("import a_library_that_is_absent")

    code, _, err = wamlab("eval", "recipes.needy:anything")

    assert code == 2
    assert "No module named 'a_library_that_is_absent'; install what it imports" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recipes.quickstrat:seek"], "no recipe 'recipes.quickstrat:seek'. Did you mean recipes"),
        (["recipes.quickstart:seak"], "Did you mean recipes.quickstart:seek"),
        (["quickstart"], "no recipe 'quickstart'"),
        (["recipes.quickstart:BENCHMARK"], "no recipe 'recipes.quickstart:BENCHMARK'"),
        (["nowhere/run.json"], "expected a run.json of wamlab eval"),
        (["recipes.quickstart:seek", "--workers", "0"], "workers: got 0, expected at least 1"),
        (["recipes.quickstart:seek", "--workers", "two"], "invalid int value: 'two'"),
        (["recipes.quickstart:seek", "--only", "libero/*"], "matches none of 60 episodes"),
        (["recipes.quickstart:seek", "--simulator-timeout", "0"], "simulator_s: got 0.0"),
        (
            ["recipes.quickstart:seek", "--set", "policy.gian=2"],
            "no setting 'policy.gian'. Did you mean policy.gain?",
        ),
        (
            ["recipes.quickstart:seek", "--set", "benchmark.tasks=reech"],
            "no task 'reech'. Did you mean reach?",
        ),
        (["recipes.quickstart:seek", "--set", "policy.horizon=x"], "policy.horizon: got 'x'"),
        ([], "the following arguments are required: recipe; see wamlab eval --help"),
    ],
)
def test_a_wrong_request_is_refused_before_the_run(wamlab, home, arguments, message):
    before = sorted((home / "runs").glob("*")) if (home / "runs").exists() else []

    code, out, err = wamlab("eval", *arguments)

    assert (code, out) == (2, "")
    assert message in err
    after = sorted((home / "runs").glob("*")) if (home / "runs").exists() else []
    assert after == before


def test_an_unwritable_folder_is_refused(wamlab, tmp_path):
    (tmp_path / "file").touch()

    code, _, err = wamlab("eval", "recipes.quickstart:seek", "--out", tmp_path / "file" / "run")

    assert code == 2
    assert "cannot be written (Not a directory); name another folder with --out" in err


def test_a_policy_that_does_not_fit_is_refused_with_every_reason(wamlab, tmp_path):
    change = ("--set", "policy.cameras=front,left", "--set", "replan_every=9")

    code, _, err = wamlab("eval", "recipes.quickstart:seek", *change, "--out", tmp_path)

    assert code == 2
    assert "camera 'front' is not rendered" in err
    assert "camera 'left' is not rendered" in err
    assert "replan_every=9 exceeds the horizon of 8" in err
    assert not (tmp_path / "run.json").exists()


def test_another_run_in_the_folder_is_refused(wamlab, tmp_path):
    wamlab("eval", "recipes.quickstart:hold", *SMALL, "--out", tmp_path)

    code, _, err = wamlab("eval", "recipes.quickstart:seek", *SMALL, "--out", tmp_path)

    assert code == 2
    assert "holds another run" in err
    assert "name: 'hold' there, 'seek' now" in err
