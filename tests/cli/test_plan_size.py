import json

import pytest


def test_it_says_how_many_episodes_a_difference_needs(wamlab):
    code, out, _ = wamlab("plan-size", "--difference", "1pp", "--discordance", "5%")

    assert code == 0
    assert "needed      3,923 episodes of each policy for 1 pp: 10 tasks x 393 inits\n" in out


def test_it_says_what_a_budget_can_show(wamlab):
    # The protocol: 1.8 pp of 2,000 unpaired episodes at 95 %
    out = wamlab("plan-size", "--unpaired", "--tasks", 40)[1]

    assert "detectable  1.76 pp or more, with 2,000 episodes (40 tasks x 50 inits)\n" in out


def test_it_says_what_equivalence_needs(wamlab):
    # The protocol: about 5,000 unpaired episodes at 97 %
    out = wamlab("plan-size", "--unpaired", "--rate", 97, "--margin", 1)[1]

    assert "equivalence 4,985 episodes of each policy show equal rates to be within 1 pp" in out


def test_it_says_when_more_inits_cannot_help(wamlab):
    out = wamlab("plan-size", "--difference", 2, "--task-sd", 5)[1]

    assert "no number of inits of 10 tasks shows 2 pp; take more tasks" in out
    assert "for new tasks" in out


def test_without_a_pilot_run_the_discordance_is_that_of_independent_policies(wamlab):
    out = wamlab("plan-size", "--json")[1]

    plan = json.loads(out)
    assert plan["discordance"] == pytest.approx(2 * 0.95 * 0.05, abs=1e-6)
    assert plan["num_episodes"] == 500
    assert plan["required"] is None


def test_json_holds_the_plan_as_fractions(wamlab):
    out = wamlab("plan-size", "--json", "--difference", 2, "--discordance", 10, "--margin", 3)[1]

    plan = json.loads(out)
    assert (plan["required"], plan["required_inits"]) == (1960, 196)
    assert plan["difference"] == pytest.approx(0.02)
    assert 0.2 < plan["power_at_difference"] < 0.3
    assert plan["required_for_margin"] > 900


def test_no_line_is_wider_than_a_terminal(wamlab):
    options = ("--difference", 3, "--task-sd", 2.5, "--rate", 92.5)

    out = wamlab("plan-size", *options)[1]

    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--difference", "abc"], "argument --difference: got 'abc', expected a number from 0"),
        (["--difference", "10"], "a rate of 0.95 and a difference of 0.1"),
        (["--difference", "0"], "a difference of 0.0"),
        (["--rate", "100", "--unpaired"], "a rate of 1.0"),
        (["--unpaired", "--discordance", "5"], "--unpaired episodes have no --discordance"),
        (["--margin", "1", "--task-sd", "2"], "planned for these tasks only"),
        (["--tasks", "0"], "got 0 tasks of 50 inits"),
        (["--task-sd", "2", "--tasks", "1"], "got 1 tasks of 50 inits"),
        (["--power", "80"], "got power 80.0"),
        (["--difference", "3", "--discordance", "2"], "0 < difference <= discordance"),
    ],
)
def test_plans_that_make_no_sense_are_refused(wamlab, arguments, message):
    code, out, err = wamlab("plan-size", *arguments)

    assert (code, out) == (2, "")
    assert message in err
    assert "see wamlab plan-size --help" in err
