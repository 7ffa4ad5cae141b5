"""What a check of this machine found: fit to measure with, doubtful, or not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Level(StrEnum):
    """How a check ended."""

    GREEN = "green"  # as in the reference
    AMBER = "amber"  # works, but slower or unproven; runs are allowed
    RED = "red"  # a run would fail or measure something else; runs are refused


class Depth(StrEnum):
    """How thoroughly to check."""

    START = "start"  # before each run: under two seconds, no simulator
    QUICK = "quick"  # and one task's simulator
    FULL = "full"  # and every task's


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor.

    Attributes:
        subject: Whose part it is: "machine" or a benchmark's name.
        name: What was checked, e.g. "mujoco" or "settling libero_spatial/005".
        found: What is there, with its unit.
        expected: What the reference has; may be empty where nothing is prescribed.
        remedy: What to do next; empty if green.
    """

    subject: str
    name: str
    level: Level
    found: str
    expected: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.level is not Level.GREEN and not self.remedy:
            raise ValueError(f"check {self.name!r}: is {self.level} without a remedy, expected one")


@runtime_checkable
class Examinable(Protocol):
    """A benchmark that can tell whether it works here; the method is optional."""

    def checks(self, depth: Depth, say: Callable[[str], None]) -> Iterator[Check]:
        """Examines this machine for the tasks of the benchmark's config.

        Args:
            say: Takes a line about what is examined next and how long it takes.

        Yields:
            Each result as soon as it is known. Nothing raises because something is broken.
        """


def worst(checks: Iterable[Check]) -> Level:
    """The level of the whole; green if nothing was checked."""
    order = list(Level)
    return max((check.level for check in checks), key=order.index, default=Level.GREEN)
