"""A run that stops once a registered hypothesis is decided, and what the report then says."""

import json
import time

import pytest

from wamlab.core.hypotheses import (
    Asserted,
    Conclusion,
    Hypothesis,
    Scope,
    SequentialDifference,
    StudyDesign,
    SuccessDifference,
    Weighting,
)
from wamlab.records.registration import register
from wamlab.records.store import load_run

SEEK, HOLD = "recipes.quickstart:seek", "recipes.quickstart:hold"
SUITE = "plane"


def planned(num_episodes=60, weighting=Weighting.EPISODES):
    return Scope(
        benchmark="pointmass", suites=(SUITE,), num_episodes=num_episodes, weighting=weighting
    )


def hypothesis(name, first, second, *, asserts=Asserted.HIGHER, num_episodes=60, **other):
    measure = SequentialDifference(first=(first,), second=(second,), planned=planned(num_episodes))
    return Hypothesis(
        name=name, conclusion=Conclusion.CAPABILITY, asserts=asserts, measure=measure,
        family=asserts.value, **other,
    )  # fmt: skip


@pytest.fixture
def study(tmp_path):
    """The file of a study on seek and hold, registered before any run."""
    fixed = SuccessDifference(first=("seek",), second=("hold",), scope=planned())
    design = StudyDesign(
        name="early",
        hypotheses=(
            hypothesis("higher", "seek", "hold"),
            hypothesis("lower", "hold", "seek"),
            hypothesis("not_lower", "hold", "seek", asserts=Asserted.NOT_LOWER, margin=0.3),
            hypothesis("many", "seek", "hold", num_episodes=61),
            hypothesis("others", "pi0", "seek"),
            Hypothesis(name="fixed", conclusion=Conclusion.CAPABILITY, asserts=Asserted.HIGHER,
                       measure=fixed, family="fixed"),
        ),
    )  # fmt: skip
    register(design, tmp_path / "study.json")
    return tmp_path / "study.json"


def claim(wamlab, tmp_path, study, name):
    """What the report says of it."""
    out = tmp_path / f"report_{name}"
    code, _, err = wamlab(
        "report", tmp_path / "seek", tmp_path / "hold", "--study", study, "--out", out
    )
    assert code == 0, err
    [found] = [one for one in json.loads((out / "report.json").read_text())["claims"]
               if one["name"] == name]  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("higher", "supported"), ("lower", "not_supported"), ("not_lower", "not_supported")],
)
def test_a_run_stops_at_the_verdict_that_the_report_gives(wamlab, tmp_path, study, name, verdict):
    time.sleep(1)  # times are whole seconds, and a claim of the same second is exploratory
    wamlab("eval", HOLD, "--out", tmp_path / "hold")

    code, out, err = wamlab(
        "eval", SEEK, "--stop-when-decided", tmp_path / "hold", "--question", f"{study}:{name}",
        "--out", tmp_path / "seek",
    )  # fmt: skip

    assert code == 0, err
    assert f"{name}: {verdict.replace('_', ' ')}; " in out
    num = len(load_run(tmp_path / "seek").records)
    assert 6 <= num < 60
    found = claim(wamlab, tmp_path, study, name)
    assert (found["verdict"], found["exploratory"]) == (verdict, False)
    assert f"{num} of 60 planned episodes were compared" in found["sentence"]


def test_a_question_that_stays_open_runs_to_the_end(wamlab, tmp_path):
    design = StudyDesign(name="same", hypotheses=(hypothesis("same", "again", "hold"),))
    register(design, tmp_path / "study.json")
    wamlab("eval", HOLD, "--out", tmp_path / "hold")

    command = (
        "eval", HOLD, "--set", "name=again", "--stop-when-decided", tmp_path / "hold",
        "--question", f"{tmp_path / 'study.json'}:same", "--out", tmp_path / "again",
    )  # fmt: skip
    code, out, err = wamlab(*command)

    assert code == 0, err
    assert "stopped" not in out
    assert "same: not resolved; +0.0 pp" in out
    assert "over 60 of 60 planned episodes" in out
    _, again, _ = wamlab(*command)
    assert again == out


@pytest.mark.parametrize(
    ("question", "more", "message"),
    [
        ("nothing", (), "no hypothesis 'nothing'. Available: higher, lower"),
        ("fixed", (), "fixed: was registered for a fixed number of episodes"),
        ("others", (), "others: is about pi0 and seek, got seek and hold"),
        ("many", (), "this run has 60 of 61 planned episodes"),
        ("higher", ("--sample", "50%"), "this run has 30 of 60 planned episodes"),
        ("higher", ("--budget", "1h"), "leave out --budget"),
    ],
)
def test_a_question_that_these_runs_cannot_answer_is_refused(
    wamlab, tmp_path, study, question, more, message
):
    wamlab("eval", HOLD, "--out", tmp_path / "hold")

    code, _, err = wamlab(
        "eval", SEEK, *more, "--stop-when-decided", tmp_path / "hold",
        "--question", f"{study}:{question}", "--out", tmp_path / "seek",
    )  # fmt: skip

    assert code == 2
    assert message in err
    assert not (tmp_path / "seek").exists()


def test_the_other_run_must_be_whole(wamlab, tmp_path, study):
    wamlab("eval", HOLD, "--sample", "50%", "--out", tmp_path / "hold")

    code, _, err = wamlab(
        "eval", SEEK, "--stop-when-decided", tmp_path / "hold", "--question", f"{study}:higher",
        "--out", tmp_path / "seek",
    )  # fmt: skip

    assert code == 2
    assert "has 30 episodes of its scope and this run asks for 60, 30 of them in one alone" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--question", "runs/study.json:higher"), "needs --stop-when-decided RUN"),
        (("--question", "higher", "--stop-when-decided", "hold"), "expected FILE.json:NAME"),
        (("--question", "no.json:higher", "--stop-when-decided", "hold"), "No such file"),
    ],
)
def test_a_question_is_named_by_file_and_hypothesis(wamlab, tmp_path, arguments, message):
    wamlab("eval", HOLD, "--sample", "10%", "--out", tmp_path / "hold")
    arguments = [tmp_path / "hold" if one == "hold" else one for one in arguments]

    code, _, err = wamlab("eval", SEEK, *arguments, "--out", tmp_path / "seek")

    assert code == 2
    assert message in err
