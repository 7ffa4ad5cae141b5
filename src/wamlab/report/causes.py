"""What two rows differ in, as far as their settings are recorded: may a cause be named?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from wamlab.core.hypotheses import (
    FactorEffect,
    FailureShares,
    Hypothesis,
    SequentialDifference,
    SuccessDifference,
)
from wamlab.report.curves import recorded_checkpoint
from wamlab.report.entries import Entry

CARD_FILE, TRAINING_FILE, TRAINING_FOLDER = "wam.json", "training.json", "training"
IGNORED = (
    "run.name",
    "run.policy.config.checkpoint",
    "run.video_every",
    "run.save_imagined",
    "run.policy.config.imagine",  # decodes what is sampled in any case, or beside the actions
    "training.config.name",
    "training.config.checkpoint_every",
    "training.config.trackers",
    "training.config.evaluation",
    # The card is compared as the model has it.
    "training.config.objective.config.card",
)
"""Settings that change no action of the policy."""


class Setting(NamedTuple):
    """One setting in which two rows differ, as text."""

    path: str
    first: str
    second: str


def differing(rows: Mapping[str, Entry], hypothesis: Hypothesis) -> tuple[Setting, ...] | None:
    """Every setting in which the compared arms differ; None if it is not known, or no pair."""
    match hypothesis.measure:
        case SuccessDifference(first=first, second=second):
            contrasts = [(first, second)]
        case SequentialDifference(first=first, second=second):
            contrasts = [(first, second)]
        case FailureShares(first=first, second=second):
            contrasts = [(first, second)]
        case FactorEffect() as measure:
            contrasts = _contrasts(measure)
        case _:
            return None
    pairs = [
        (rows[one], rows[other])
        for first, second in contrasts
        for one, other in zip(first, second, strict=True)
    ]
    found: dict[str, Setting] = {}
    for one, other in pairs:
        settings = differences(one, other)
        if settings is None:
            return None
        for setting in settings:
            known = found.setdefault(setting.path, setting)
            if known != setting:  # another pair of values: no single change either
                found[setting.path] = Setting(
                    setting.path,
                    f"{known.first}, {setting.first}",
                    f"{known.second}, {setting.second}",
                )
    return tuple(found.values())


def _contrasts(measure: FactorEffect) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Pairs of arms that differ in the factor in question."""
    if measure.effect.value == "second":
        return [(measure.only_second, measure.neither), (measure.both, measure.only_first)]
    return [(measure.only_first, measure.neither), (measure.both, measure.only_second)]


def differences(first: Entry, second: Entry) -> tuple[Setting, ...] | None:
    """Settings that differ between two rows, each once.

    Returns:
        None if a policy was made from a checkpoint whose card and training are not at hand: then
        nobody can say in what the two differ.
    """
    settings = [_settings(entry) for entry in (first, second)]
    ours, theirs = settings
    if ours is None or theirs is None:
        return None
    return tuple(
        Setting(path, _text(ours.get(path)), _text(theirs.get(path)))
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    )


def _settings(entry: Entry) -> dict[str, object] | None:
    """Path -> value of everything that is known to decide what a policy does."""
    found: dict[str, object] = dict(_flat(entry.runs[0].info.config, "run"))
    checkpoint = recorded_checkpoint(entry)
    if checkpoint is not None:
        card = _content(entry, checkpoint, CARD_FILE)
        training = _content(entry, checkpoint, TRAINING_FILE)
        if card is None or training is None:
            return None
        found |= _flat(card.get("card", {}), "card")
        found |= _flat(training.get("config", {}), "training.config")
        found["training.data"] = training.get("data")
    return {
        path: value
        for path, value in found.items()
        if not any(path == name or path.startswith(f"{name}.") for name in IGNORED)
    }


def _content(entry: Entry, checkpoint: Path, name: str) -> Mapping[str, object] | None:
    """A JSON file of a model folder, or None if it is not at hand or is none."""
    # A relative path is one from where the run was started: from here, or from above the run.
    for home in dict.fromkeys([Path.cwd(), *entry.runs[0].folder.resolve().parents]):
        model = home / checkpoint
        inside = model.parent if model.is_file() else model
        for folder in (inside / TRAINING_FOLDER, inside, inside.parent):
            try:
                content = json.loads((folder / name).read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(content, Mapping):
                return content
    return None


def _flat(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}")
    else:
        yield path, value


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), default=str)
