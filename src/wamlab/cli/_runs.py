"""Finds run folders, and episodes by a part of their name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wamlab.core.episodes import EpisodeRecord, Outcome
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.records.store import RUN_FILE
from wamlab.stats.rates import wilson


def run_folders(folder: Path) -> list[Path]:
    """Run folders in a folder, by name.

    Raises:
        ConfigError: If there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; runs are made by wamlab eval")
    return sorted(path.parent for path in folder.glob(f"*/{RUN_FILE}"))


def find_episode(records: Sequence[EpisodeRecord], name: str) -> EpisodeRecord:
    """The record of an episode.

    Args:
        name: Its key, or a part of it that no other episode has.

    Raises:
        ConfigError: If no episode has that name, or several have.
    """
    keys = [str(record.key) for record in records]
    matches = [record for record in records if name in str(record.key)]
    exact = [record for record in matches if str(record.key) == name]
    if exact or len(matches) == 1:
        return (exact or matches)[0]
    if not matches:
        error = unknown_name("episode", name, [])
        raise ConfigError(f"{error} The run has {len(keys)} records, e.g. {', '.join(keys[:2])}")
    shown = "\n  ".join(str(record.key) for record in matches[:10])
    raise ConfigError(f"{name!r} is part of {len(matches)} names, expected one:\n  {shown}")


def success_text(num_successes: int, num_finished: int) -> str:
    """A success rate with its interval and counts; errors are listed beside it, not inside."""
    if num_finished == 0:
        return "no finished episode"
    rate = wilson(num_successes, num_finished)
    interval = f"[{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
    return f"{100 * rate.estimate:.1f} % {interval}  {num_successes}/{num_finished}"


def counts(records: Sequence[EpisodeRecord]) -> dict[Outcome, int]:
    outcomes = [record.outcome for record in records]
    return {outcome: outcomes.count(outcome) for outcome in Outcome}
