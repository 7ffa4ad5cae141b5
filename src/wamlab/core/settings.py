"""Changes settings by their dotted names, as `--set policy.horizon=4` asks for."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar

from wamlab.core.config import decode, field_types, first_that_fits, mismatch, scalar
from wamlab.core.errors import ConfigError, unknown_name

T = TypeVar("T")


def with_settings(config: T, settings: Sequence[str]) -> T:
    """A copy of a dataclass with some fields changed.

    Args:
        settings: Each "path.to.field=value". Text becomes what the field's annotation says;
            tuples are written as 1,2,3 or as JSON.

    Raises:
        ConfigError: If there is no such field (the nearest is named) or the value does not fit.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: expected KEY=VALUE, e.g. replan_every=5")
        config = _with_setting(config, path.split("."), text, path)
    return config


def changed_settings(
    old: Mapping[str, Any], new: Mapping[str, Any], *, root: str = ""
) -> list[str]:
    """What differs between two configurations as JSON, one line a setting, named as by `--set`.

    Args:
        root: Name of the whole, if both hold a single value under "".
    """
    before, now = _flat(old), _flat(new)
    return [
        f"{name or root}: {before.get(name)!r} there, {now.get(name)!r} now"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{prefix}{name}".replace(".config.", ".")
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{path}.")
        else:
            flat[path] = value
    return flat


def _with_setting(config: Any, path: list[str], text: str, whole: str) -> Any:  # noqa: ANN401
    name, *rest = path
    cls: type = type(config)
    hints = field_types(cls) if is_dataclass(cls) else {}
    if name not in hints:
        parent = whole.removesuffix(".".join(path))
        raise unknown_name("setting", whole, [f"{parent}{other}" for other in hints])
    if rest:
        value = _with_setting(getattr(config, name), rest, text, whole)
    else:
        value = _parse(text, hints[name], whole)
    return replace(config, **{name: value})


def _parse(text: str, hint: Any, where: str) -> Any:  # noqa: ANN401 - of the annotated type
    """The value that a text on the command line means."""
    if hint is Any or (isinstance(hint, type) and is_dataclass(hint) and text[:1] != "{"):
        raise ConfigError(f"{where}: holds several settings; change one, as in {where}.name=value")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        if NoneType in arguments and text.lower() in ("none", "null"):
            return None
        return first_that_fits(_parse, text, hint, where)
    if hint is bool:
        return scalar({"true": True, "false": False}.get(text.lower(), text), bool, where)
    if hint in (int, float):
        return _parse_number(text, hint, where)
    if text[:1] in ("[", "{") and hint is not str:
        return _parse_json(text, hint, where)
    if origin in (tuple, frozenset):
        items = text.split(",") if text else []
        kind = arguments[0]  # texts of mixed kinds are written as JSON
        return decode([_to_plain(_parse(item, kind, where)) for item in items], hint, where)
    return decode(text, hint, where)


def _to_plain(value: object) -> object:
    """Undoes what `decode` is about to do again."""
    if isinstance(value, Enum):
        return value.value
    return value.as_posix() if isinstance(value, Path) else value


def _parse_number(text: str, hint: Any, where: str) -> Any:  # noqa: ANN401 - int or float
    try:
        return scalar(hint(text), hint, where)
    except ValueError:
        raise mismatch(text, hint, where) from None


def _parse_json(text: str, hint: object, where: str) -> Any:  # noqa: ANN401 - of that type
    try:
        return decode(json.loads(text), hint, where)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}: got {text!r}, which is not JSON ({error})") from error
