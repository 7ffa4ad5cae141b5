import json
from datetime import timedelta

import pytest

RECIPE = "recipes.quickstart:hold"
NAMED = ("--step-ms", 10, "--seen-ms", 110, "--reset-s", 1, "--build-s", 5, "--plan-ms", 500)
LENGTH = ("--set", "benchmark.num_inits=2", "--steps", 20)


def predicted(wamlab, *arguments):
    code, out, err = wamlab("plan-size", "--cluster", RECIPE, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_its_help_fits_a_screen(wamlab):
    code, out, _ = wamlab("plan-size", "--cluster", "--help")

    assert code == 0
    assert out.startswith("usage: wamlab plan-size --cluster")
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 100


def test_costs_that_are_named_give_the_time_that_they_add_up_to(wamlab):
    # Three tasks of two episodes; 20 steps, a plan every 4, so five plans and four seen steps
    found = predicted(wamlab, "--workers", 1, *NAMED, *LENGTH, "--start-s", 30)

    episode_s = 1 + 5 * 0.5 + 16 * 0.01 + 4 * 0.11
    assert found["forecast"]["wall_s"] == pytest.approx(30 + 3 * 5 + 6 * episode_s)
    assert (found["num_episodes"], found["num_simulators"]) == (6, 3)
    assert found["start_known"]


def test_the_bottleneck_is_the_part_that_saves_most(wamlab):
    found = predicted(wamlab, "--workers", 1, *NAMED, *LENGTH, "--start-s", 30)

    halved_s = {part: found["forecast"]["wall_s"] - s for part, s in found["halved_s"].items()}
    assert halved_s == {
        "simulators": pytest.approx(6 * 1.6 / 2),
        "policy": pytest.approx(6 * 2.5 / 2),
        "loading simulators": pytest.approx(15 / 2),
        "start-up": pytest.approx(15),
    }
    assert found["bottleneck"] == "start-up"


def test_a_batch_curve_can_be_named(wamlab):
    many = ("--workers", 3, *LENGTH, *NAMED[:-2])

    alone = predicted(wamlab, *many, "--plan-ms", "500", "--batch", 1)
    together = predicted(wamlab, *many, "--plan-ms", "1:500,3:600")

    # In step with each other, all the way: two episodes of each worker.
    assert together["forecast"]["mean_batch"] == pytest.approx(3)
    assert together["forecast"]["wall_s"] == pytest.approx(5 + 2 * (1 + 5 * 0.6 + 0.6))
    assert alone["forecast"]["wall_s"] > together["forecast"]["wall_s"]


def test_a_share_of_episodes_runs_to_its_limit(wamlab):
    few = ("--workers", 1, *NAMED, "--steps", 10)

    half = predicted(wamlab, *few, "--rate", "50%")
    none = predicted(wamlab, *few, "--rate", 0)

    assert predicted(wamlab, *few)["mean_steps"] == 10
    assert none["mean_steps"] > half["mean_steps"] > 10


def test_reloading_loads_a_simulator_for_each_episode(wamlab):
    found = predicted(wamlab, "--workers", 1, *NAMED, *LENGTH, "--reload")

    assert found["forecast"]["num_builds"] == 6


def test_costs_and_lengths_come_from_a_run(wamlab, seek_run):
    found = predicted(wamlab, "--workers", 2, "--times", seek_run)

    assert 0 < found["costs"]["step"][0] < 1
    assert found["costs"]["plan_s"]["1"] > 0
    assert found["cluster"]["plans_on_cores"]
    assert found["cluster"]["cores"] is not None


def test_what_is_named_wins_over_what_was_measured(wamlab, seek_run):
    found = predicted(
        wamlab, "--workers", 2, "--times", seek_run, "--cores", 8, "--plan-ms", 77, "--build-s", 9
    )

    assert found["costs"]["plan_s"] == {"1": pytest.approx(0.077)}
    assert found["costs"]["build"] == [9, 0, 0]
    assert (found["cluster"]["cores"], found["cluster"]["other_load"]) == (8, 0)
    assert not found["cluster"]["plans_on_cores"]


def test_the_text_names_the_bottleneck_and_every_share(wamlab):
    code, out, _ = wamlab("plan-size", "--cluster", RECIPE, "--workers", 1, *NAMED, *LENGTH)

    assert code == 0
    whole = timedelta(seconds=round(3 * 5 + 6 * 4.1))
    assert f"predicted   {whole}; loading the policy is not known and left out\n" in out
    assert "workers     24% simulate, 38% wait for plans, 38% load, 0% have no work\n" in out
    assert "policy      38% busy, 1.0 episodes a call; 30 plans\n" in out
    assert "bottleneck  policy; twice as fast, the run would take\n" in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--workers is missing"),
        (["--workers", 0], "argument --workers: got '0', expected a whole number, at least 1"),
        (["--workers", 1], "how long episodes are is not known; name --steps"),
        (["--workers", 1, "--steps", 9], "--step-ms, --seen-ms, --reset-s, --build-s, --plan-ms"),
        (["--workers", 1, *NAMED[:-2], "--steps", 9], "costs of --plan-ms or --profile"),
        (["--workers", 1, "--rate", 50], "name both"),
        (["--workers", 1, "--step-ms", "fast"], "--step-ms: got 'fast', expected a time"),
        (["--workers", 1, "--plan-ms", "0:5"], "--plan-ms: got '0', expected a whole number"),
        (["--workers", 1, "--plan-ms", "8:0"], "--plan-ms: got '8:0', expected more than 0 ms"),
        (["--workers", 1, "--times", "nowhere"], "nowhere: no such folder"),
        (["--workers", 1, *NAMED, *LENGTH, "--only", "x"], "--only x: matches none"),
    ],
)
def test_what_cannot_be_predicted_is_refused(wamlab, arguments, message):
    code, out, err = wamlab("plan-size", "--cluster", RECIPE, *arguments)

    assert (code, out) == (2, "")
    assert message in err


def test_a_profile_that_is_none_is_refused(wamlab, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text("{}")

    code, _, err = wamlab(
        "plan-size", "--cluster", RECIPE, "--workers", 1, *NAMED[:-2], *LENGTH, "--profile", path
    )

    assert code != 0
    assert "schema_version is None" in err
