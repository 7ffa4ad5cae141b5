"""The expert in the simulator: one task of each standard suite."""

import pytest

pytest.importorskip("libero")

from wamlab.benchmarks.libero import Libero
from wamlab.core.episodes import EpisodeKey, Outcome
from wamlab.core.specs import check_fit
from wamlab.engine.rollout import Terms, rollout
from wamlab.policies.experts import Fault, ScriptedExpert

pytestmark = pytest.mark.sim


def perform(suite, task, fault=Fault.NONE):
    """The record of one episode."""
    policy = ScriptedExpert(ScriptedExpert.Config(fault=fault))
    benchmark = Libero(Libero.Config(suites=(suite,)))
    key = EpisodeKey(benchmark="libero", suite=suite, task=task, init=0)
    terms = Terms(
        policy="expert", spec=policy.spec, action_dim=7, replan_every=1, check_settled=True
    )
    env = benchmark.make_env(key)
    policy.begin(key)
    try:
        return rollout(
            env,
            lambda request: policy.plan([request])[0],
            key,
            terms,
            step_limit=benchmark.step_limit(key),
        ).record
    finally:
        policy.end(key)
        env.close()


def test_the_expert_fits_libero():
    check_fit(ScriptedExpert.spec, Libero.spec, replan_every=1)


@pytest.mark.parametrize(
    ("suite", "task"),
    [
        ("libero_spatial", "000"),
        ("libero_object", "000"),
        ("libero_goal", "009"),  # a bottle that must lie in the rack, not only touch it
        ("libero_10", "005"),  # a book that must lean in its slot
    ],
)
def test_the_expert_solves_a_task_for_good(suite, task):
    record = perform(suite, task)

    assert record.outcome is Outcome.SUCCESS, record.error
    assert record.settled


def test_a_planted_fault_fails():
    record = perform("libero_object", "000", Fault.WRONG_OBJECT)

    assert record.outcome is Outcome.FAILURE, record.error
