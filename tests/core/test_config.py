from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.config import build, digest, from_json, pack, to_json, unpack
from wamlab.core.errors import ConfigError
from wamlab.core.specs import Field
from wamlab.policies.baselines import HoldPolicy, RandomPolicy
from wamlab.policies.seek import SeekPolicy


class Mode(StrEnum):
    FAST = "fast"
    EXACT = "exact"


class Size(NamedTuple):
    width: int
    height: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    gain: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    flag: bool
    count: int = 1
    rate: float = 1.0
    name: str = "x"
    path: Path = Path("runs/a")
    mode: Mode = Mode.FAST
    kind: Literal["a", "b"] = "a"
    maybe: int | None = None
    either: int | str = 0
    many: tuple[int, ...] = ()
    pair: tuple[str, float] = ("y", 2.0)
    cameras: frozenset[str] = frozenset()
    sizes: tuple[Size, ...] = ()
    table: Mapping[str, float] = field(default_factory=dict)
    inner: Inner = Inner()
    policy: Any = None
    raw: object = None


everything = st.builds(
    Everything,
    flag=st.booleans(),
    count=st.integers(),
    rate=st.floats(allow_nan=False, allow_infinity=False),
    name=st.text(),
    path=st.sampled_from([Path("a/b"), Path("/tmp")]),
    mode=st.sampled_from(Mode),
    kind=st.sampled_from(["a", "b"]),
    maybe=st.none() | st.integers(),
    either=st.integers() | st.text(),
    many=st.lists(st.integers()).map(tuple),
    cameras=st.frozensets(st.text()),
    sizes=st.lists(st.builds(Size, width=st.integers())).map(tuple),
    table=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    inner=st.builds(Inner, gain=st.floats(0, 1)),
    policy=st.just(SeekPolicy.Config(gain=0.3)),
    raw=st.just({"a": [1, None]}),
)


@given(everything)
def test_what_is_written_is_read_back(config):
    assert from_json(Everything, to_json(config)) == config


def test_an_int_where_a_float_is_due_is_the_same_config():
    assert digest(SeekPolicy.Config(gain=1)) == digest(SeekPolicy.Config(gain=1.0))


def test_the_digest_depends_on_every_value():
    assert digest(SeekPolicy.Config(gain=0.2)) != digest(SeekPolicy.Config(gain=0.3))


def test_the_digest_depends_on_the_class():
    action = (Field("displacement", 2, "m"),)
    assert digest(RandomPolicy.Config(action=action)) != digest(
        HoldPolicy.Config(action=action, command=(0, 0))
    )


def test_a_config_travels_with_the_name_of_its_class():
    config = SeekPolicy.Config(gain=0.3)

    packed = pack(config)

    assert packed["class"] == "wamlab.policies.seek:SeekPolicy"
    assert unpack(packed) == config
    assert isinstance(build(config), SeekPolicy)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tasks": ["reach"], "num_init": 3}, "no setting 'num_init'. Did you mean num_inits?"),
        ({"num_inits": "3"}, "num_inits: got '3', expected int"),
        ({"num_inits": True}, "num_inits: got True, expected int"),
        ({"num_inits": 2.0}, "num_inits: got 2.0, expected int"),
        ({"tasks": "reach"}, r"tasks: got 'reach', expected tuple\[str, ...\]"),
        ({"tasks": ["reich"]}, "no task 'reich'. Did you mean reach"),
        ({"num_inits": 0}, "num_inits: got 0, expected at least 1"),
        ([], r"got \[\], expected Config"),
    ],
)
def test_wrong_json_is_refused(data, message):
    with pytest.raises(ConfigError, match=message):
        from_json(PointMass.Config, data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "everything.flag: missing, expected <class 'bool'>"),
        ({"flag": 1}, "everything.flag: got 1, expected bool"),
        (
            {"flag": True, "mode": "slow"},
            "everything.mode: got 'slow', expected one of fast, exact",
        ),
        ({"flag": True, "kind": "c"}, "everything.kind: got 'c', expected Literal"),
        ({"flag": True, "pair": ["a"]}, r"everything.pair: got \['a'\], expected tuple"),
        ({"flag": True, "inner": {"gian": 1}}, "Did you mean everything.inner.gain"),
        ({"flag": True, "rate": float("nan")}, "everything.rate: got nan"),
        ({"flag": True, "policy": {"class": "x"}}, "expected an object with class and config"),
        (
            {"flag": True, "policy": {"class": "wamlab.policies.nope:X", "config": {}}},
            "everything.policy: cannot load 'wamlab.policies.nope:X'",
        ),
    ],
)
def test_wrong_values_are_named_by_their_path(data, message):
    with pytest.raises(ConfigError, match=message):
        from_json(Everything, data, where="everything")


def test_a_wrong_value_in_python_is_refused_as_well():
    with pytest.raises(ConfigError, match="horizon: got '8', expected int"):
        to_json(SeekPolicy.Config(horizon="8"))


def test_what_json_cannot_say_is_refused():
    @dataclass(frozen=True)
    class Odd:
        value: complex

    with pytest.raises(ConfigError, match="cannot be written as JSON"):
        to_json(Odd(1j))
