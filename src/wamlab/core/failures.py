"""What a failed episode can be labelled with: modes, and the categories that reports count.

A label names one mode, the first that applies in the order of `FailureMode`'s categories in
docs/labels.md. Each mode belongs to one category; a mode that is a whole category is for those
who cannot, or need not, say more.
"""

from __future__ import annotations

from enum import StrEnum

from wamlab.core.errors import ConfigError, unknown_name


class Category(StrEnum):
    """Columns of the report's failure table; exhaustive, and each failure has one of them."""

    PERCEPTION = "perception"
    ACTION_ERROR = "action_error"
    RECOVERY = "recovery"
    TIMEOUT = "timeout"
    JITTER = "jitter"
    SKIPPED = "skipped"
    SIMULATOR = "simulator"
    UNCLASSIFIED = "unclassified"  # nobody can say, or those who looked disagree


class FailureMode(StrEnum):
    """Why an episode failed, as somebody saw it.

    Attributes:
        code: Short name, e.g. "A1"; taken wherever the long one is.
        category: What reports count it as.
        about: The rule: what must be seen for this mode.
    """

    code: str
    category: Category
    about: str

    def __new__(cls, value: str, code: str, category: Category, about: str) -> FailureMode:
        """A member with what belongs to it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.code, member.category, member.about = code, category, about
        return member

    PERCEPTION = "perception", "P", Category.PERCEPTION, "no approach to the target"
    NO_APPROACH = "no_approach", "P1", Category.PERCEPTION, "hardly moves towards anything"
    WRONG_OBJECT = "wrong_object", "P2", Category.PERCEPTION, "goes for another object"
    WRONG_GOAL = "wrong_goal", "P3", Category.PERCEPTION, "has the target, carries it elsewhere"
    SEARCH_DRIFT = "search_drift", "P4", Category.PERCEPTION, "moves about, finds nothing"

    ACTION_ERROR = (
        "action_error", "A", Category.ACTION_ERROR, "right approach, cannot grasp or place"
    )  # fmt: skip
    GRASP_MISSED = "grasp_missed", "A1", Category.ACTION_ERROR, "closes without getting hold"
    GRASP_SLIPPED = "grasp_slipped", "A2", Category.ACTION_ERROR, "lost while told to hold"
    PREMATURE_RELEASE = "premature_release", "A3", Category.ACTION_ERROR, "opens too early"
    MULTI_GRASP = "multi_object_grasp", "A4", Category.SIMULATOR, "two objects rise together"
    MISPLACED = "misplaced", "A5", Category.ACTION_ERROR, "put down beside the goal"
    NEAR_MISS = "near_miss", "A6", Category.ACTION_ERROR, "looks placed, the predicate says no"
    COLLISION = "collision", "A7", Category.ACTION_ERROR, "knocks something before any grasp"
    PARTIAL_TASK = "partial_task", "A8", Category.SKIPPED, "one of several sub-tasks is not done"
    ARTICULATION = (
        "articulation",
        "A9",
        Category.ACTION_ERROR,
        "drawer or knob not moved far enough",
    )

    RECOVERY = "recovery", "R", Category.RECOVERY, "does not return to the task when disturbed"
    NEVER_RETURNED = "never_returned", "R1", Category.RECOVERY, "no second attempt"
    RETRIED_WRONG = "retried_wrong_object", "R2", Category.RECOVERY, "second attempt elsewhere"
    REPEATED = "repeated_attempt", "R3", Category.RECOVERY, "the same failing attempt again"

    TIMEOUT = "timeout", "T", Category.TIMEOUT, "none of these, and not done in time"
    STAGNATION = "stagnation", "T1", Category.TIMEOUT, "stands still"
    OSCILLATION = "oscillation", "T2", Category.TIMEOUT, "goes round in a cycle"
    SLOW = "slow_progress", "T3", Category.TIMEOUT, "still getting closer at the end"

    JITTER = "jitter", "J", Category.JITTER, "shakes, and nothing else explains the failure"
    COMMAND_JITTER = "command_jitter", "J1", Category.JITTER, "commands change sign all the time"
    CHUNK_JUMP = "chunk_jump", "J2", Category.JITTER, "jumps where one plan follows another"
    GRIPPER_CHATTER = "gripper_chatter", "J3", Category.JITTER, "opens and closes without end"
    SATURATION = "saturation", "J4", Category.JITTER, "commands stay at their limits"

    SIMULATOR = "simulator_artefact", "E", Category.SIMULATOR, "physics, not the policy"
    UNCLASSIFIED = "unclassified", "U", Category.UNCLASSIFIED, "cannot be told"


def failure_mode(name: str) -> FailureMode:
    """The mode of that name or code, e.g. "grasp_missed" or "A1".

    Raises:
        ConfigError: If there is none; the allowed ones are named.
    """
    for mode in FailureMode:
        if name in (mode.value, mode.code):
            return mode
    raise unknown_name(
        "failure mode", name, [f"{mode} ({mode.code})" for mode in FailureMode],
        "wamlab list failure-modes says what each means.",
    )  # fmt: skip


def category(name: str) -> Category:
    """The category of that name.

    Raises:
        ConfigError: If there is none; the allowed ones are named.
    """
    try:
        return Category(name)
    except ValueError:
        error: ConfigError = unknown_name("failure category", name, list(Category))
        raise error from None
