"""One small configuration of every policy and benchmark, for the contract tests.

A new policy or benchmark gets a line here; test_every_class_has_an_example says so otherwise.
"""

from wamlab.benchmarks.libero import Libero
from wamlab.benchmarks.libero_plus import LiberoPlus
from wamlab.benchmarks.pointmass import PointMass
from wamlab.policies.baselines import HoldPolicy, RandomPolicy
from wamlab.policies.experts import ScriptedExpert
from wamlab.policies.seek import SeekPolicy

ACTION = PointMass.spec.action
LIBERO = Libero.Config(suites=("libero_object",), tasks=(0,), num_inits=2)
LIBERO_PLUS = LiberoPlus.Config(suites=("libero_object",), tasks=(1423,), seeds=(0, 1))

# "module.Class" -> policy and the benchmark that it is tried on
POLICIES = {
    "baselines.RandomPolicy": (RandomPolicy.Config(action=ACTION), PointMass.Config()),
    "baselines.HoldPolicy": (HoldPolicy.Config(action=ACTION, command=(0, 0)), PointMass.Config()),
    "experts.ScriptedExpert": (ScriptedExpert.Config(), LIBERO),
    "seek.SeekPolicy": (SeekPolicy.Config(noise_m=0.1), PointMass.Config()),
}
BENCHMARKS = {
    "libero.Libero": LIBERO,
    "libero_plus.LiberoPlus": LIBERO_PLUS,
    "pointmass.PointMass": PointMass.Config(),
}

# checked elsewhere: ReplayPolicy needs a recorded run (tests/policies/test_baselines.py), FastWam
# and FlowVla weights (tests/policies)
ELSEWHERE = {"baselines.ReplayPolicy", "fast_wam.FastWam", "flow_vla.FlowVla"}
