"""Dataclasses as JSON and back, strictly: what a run was configured with.

A `Config` is a frozen dataclass nested in the class that it configures. It travels as
`{"class": "wamlab.policies.baselines:RandomPolicy", "config": {...}}`; the class is found by
its module and name, so there is no registry. Types are those of the annotations: bool, int,
float, str, Path, enums, Literal, X | None, tuple, frozenset, Mapping[str, X], NamedTuples and
dataclasses; `Any` holds another Config, `object` any JSON.
"""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar

from wamlab.core.errors import ConfigError, unknown_name

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T")
PLAIN = frozenset({bool, int, float, str})


def to_json(config: object) -> dict[str, Json]:
    """The fields of a dataclass as JSON, each checked against its annotation.

    Raises:
        ConfigError: If a value is not of its annotated type.
    """
    encoded = _encode(config, type(config), "")
    assert isinstance(encoded, dict)
    return encoded


def from_json(cls: type[T], data: object, *, where: str = "") -> T:
    """Builds a dataclass from JSON; the inverse of `to_json`.

    Args:
        where: Name of the value in error messages, e.g. "policy".

    Raises:
        ConfigError: If a key is unknown or missing, or a value is not of the annotated type.
    """
    decoded: T = decode(data, cls, where)
    return decoded


def digest(config: object) -> str:
    """Names a configuration by its content: 12 hexadecimal digits of a SHA-256."""
    return _digest(pack(config))


def digest_wherever(config: object) -> str:
    """`digest` of all but the fields that hold a path: the same for a copy of what they name.

    Whoever uses it names the content of the files besides.
    """
    cls: Any = type(config)
    packed, hints = pack(config), field_types(cls)
    settings = packed["config"]
    assert isinstance(settings, dict)
    kept = {name: value for name, value in settings.items() if not _may_be_path(hints[name])}
    return _digest({**packed, "config": kept})


def _digest(packed: Json) -> str:
    text = json.dumps(packed, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()[:12]


def _may_be_path(hint: object) -> bool:
    return hint is Path or Path in typing.get_args(hint)


def pack(config: object) -> dict[str, Json]:
    """A Config together with the name of the class that it configures."""
    cls = type(config)
    owner = cls.__qualname__.removesuffix(".Config")
    return {"class": f"{cls.__module__}:{owner}", "config": to_json(config)}


def unpack(packed: object, *, where: str = "") -> Any:  # noqa: ANN401 - of the class it names
    """The Config that `pack` packed.

    Raises:
        ConfigError: If the class cannot be imported or has no such Config.
    """
    if not isinstance(packed, Mapping) or set(packed) != {"class", "config"}:
        raise ConfigError(
            f"{where or 'config'}: got {packed!r}, expected an object with class and config"
        )
    owner = _imported(str(packed["class"]), where)
    return from_json(getattr(owner, "Config", owner), packed["config"], where=where)


def build(config: object) -> Any:  # noqa: ANN401 - an instance of the class that owns the Config
    """The object that a Config configures: a policy, a benchmark."""
    return _imported(str(pack(config)["class"]), "")(config)


def _imported(name: str, where: str) -> Any:  # noqa: ANN401 - whatever has that name
    module_name, _, qualname = name.partition(":")
    try:
        found: Any = import_module(module_name)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{where or 'class'}: cannot load {name!r} ({error}); expected package.module:Class, "
            "importable from here"
        ) from error
    return found


@cache
def field_types(cls: type) -> dict[str, Any]:
    """Field name -> annotation, of a dataclass or a NamedTuple."""
    hints = typing.get_type_hints(cls)
    if is_dataclass(cls):
        return {field.name: hints[field.name] for field in fields(cls) if field.init}
    return {name: hints[name] for name in cls._fields}  # type: ignore[attr-defined]  # NamedTuple


@cache
def _required(cls: type) -> frozenset[str]:
    if is_dataclass(cls):
        missing = [f for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
        return frozenset(field.name for field in missing)
    return frozenset(cls._fields) - frozenset(cls._field_defaults)  # type: ignore[attr-defined]


def _is_record(hint: object) -> bool:
    return isinstance(hint, type) and (is_dataclass(hint) or hasattr(hint, "_fields"))


def mismatch(value: object, hint: object, where: str) -> ConfigError:
    """The error for a value of another type than annotated."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        expected = "one of " + ", ".join(str(member.value) for member in hint)
    else:
        expected = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
    return ConfigError(f"{where or 'value'}: got {value!r}, expected {expected}")


def _encode(value: Any, hint: Any, where: str) -> Json:  # noqa: ANN401 - both are anything
    if hint in PLAIN:
        return typing.cast(Json, scalar(value, hint, where))
    if hint is Any:
        return pack(value) if is_dataclass(value) else _encode(value, type(value), where)
    if hint is object:
        return typing.cast(Json, value)  # whoever annotates `object` put JSON there
    if _is_record(hint):
        if not isinstance(value, hint):
            raise mismatch(value, hint, where)
        inner = {name: (getattr(value, name), kind) for name, kind in field_types(hint).items()}
        return {n: _encode(v, kind, f"{where}.{n}".strip(".")) for n, (v, kind) in inner.items()}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return typing.cast(Json, first_that_fits(_encode, value, hint, where))
    if origin is tuple and isinstance(value, tuple):
        kinds = _item_kinds(arguments, len(value), value, hint, where)
        return [_encode(item, kind, where) for item, kind in zip(value, kinds, strict=True)]
    if origin is frozenset and isinstance(value, frozenset):
        return [_encode(item, arguments[0], where) for item in sorted(value)]
    if _is_mapping(origin) and isinstance(value, Mapping):
        return {str(k): _encode(v, arguments[1], f"{where}.{k}") for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, Enum) and isinstance(value, hint):
        return typing.cast(Json, value.value)
    if isinstance(hint, type) and issubclass(hint, Path) and isinstance(value, Path):
        return value.as_posix()
    return typing.cast(Json, scalar(value, hint, where))


def decode(value: Any, hint: Any, where: str) -> Any:  # noqa: ANN401 - both are anything
    """The value of an annotated type that JSON stands for."""
    if hint in PLAIN:  # first, since a record has hundreds of numbers
        return scalar(value, hint, where)
    if hint is Any:
        return unpack(value, where=where) if isinstance(value, Mapping) else value
    if hint is object:
        return value
    if _is_record(hint):
        return _decode_record(value, hint, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return first_that_fits(decode, value, hint, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = _item_kinds(arguments, len(value), value, hint, where)
        return tuple(decode(item, kind, where) for item, kind in zip(value, kinds, strict=True))
    if origin is frozenset and isinstance(value, (list, tuple)):
        return frozenset(decode(item, arguments[0], where) for item in value)
    if _is_mapping(origin) and isinstance(value, Mapping):
        return {str(k): decode(v, arguments[1], f"{where}.{k}") for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, Path) and isinstance(value, str):
        return Path(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        if value not in [member.value for member in hint]:
            raise mismatch(value, hint, where)
        return hint(value)
    return scalar(value, hint, where)


def _decode_record(value: object, hint: Any, where: str) -> Any:  # noqa: ANN401 - of that class
    if not isinstance(value, Mapping):
        raise mismatch(value, hint, where)
    hints = field_types(hint)
    prefix = f"{where}." if where else ""
    for name in value:
        if name not in hints:
            known = [f"{prefix}{other}" for other in hints]
            raise unknown_name("setting", f"{prefix}{name}", known)
    missing = sorted(_required(hint) - set(value))
    if missing:
        raise ConfigError(f"{prefix}{missing[0]}: missing, expected {hints[missing[0]]}")
    return hint(**{n: decode(v, hints[n], f"{prefix}{n}") for n, v in value.items()})


def scalar(value: Any, hint: Any, where: str) -> Any:  # noqa: ANN401 - of that type
    """The value itself, if it is of that plain type; an int becomes a float where one is due."""
    if hint is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        if fits and not math.isfinite(value):
            raise mismatch(value, "a finite number", where)
        value = float(value) if fits else value
    elif hint in PLAIN:
        fits = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    elif hint is NoneType:
        fits = value is None
    elif typing.get_origin(hint) is typing.Literal:
        fits = value in typing.get_args(hint)
    elif _is_writable(hint):
        fits = False
    else:
        raise ConfigError(f"{where or 'value'}: {hint} cannot be written as JSON; see config.py")
    if not fits:
        raise mismatch(value, hint, where)
    return value


def first_that_fits(convert: Any, value: Any, hint: Any, where: str) -> Any:  # noqa: ANN401
    """The value converted to the first type of a union that takes it."""
    arguments = typing.get_args(hint)
    if value is None and NoneType in arguments:
        return None
    kinds = [kind for kind in arguments if kind is not NoneType]
    if len(kinds) == 1:
        return convert(value, kinds[0], where)
    for kind in kinds:
        try:
            return convert(value, kind, where)
        except ConfigError:
            continue
    raise mismatch(value, hint, where)


def _item_kinds(
    arguments: tuple[Any, ...], length: int, value: object, hint: object, where: str
) -> tuple[Any, ...]:
    """The annotation of each item of a tuple."""
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return (arguments[0],) * length
    if len(arguments) != length:
        raise mismatch(value, hint, where)
    return arguments


def _is_mapping(origin: object) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_writable(hint: object) -> bool:
    """Whether JSON can say values of that type, although it did not this time."""
    origin = typing.get_origin(hint)
    plain = isinstance(hint, type) and issubclass(hint, (Enum, Path))
    return plain or origin in (tuple, frozenset) or _is_mapping(origin)
