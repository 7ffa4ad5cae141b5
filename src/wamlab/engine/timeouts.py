"""How long the engine waits before it takes silence for a fault."""

from __future__ import annotations

from dataclasses import dataclass, fields

from wamlab.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds.

    Attributes:
        simulator_s: For one control step, or the reset of an episode.
        construct_s: For building a simulator or a policy.
        plan_s: For one batch of plans.
    """

    simulator_s: float = 120.0
    construct_s: float = 300.0
    plan_s: float = 300.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ConfigError(
                    f"{field.name}: got {getattr(self, field.name)}, expected more than 0 s"
                )
