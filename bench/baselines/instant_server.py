"""A vla-eval model server that answers at once and writes down when each episode ended.

It is started by vla_eval.py, with the python of the environment that holds vla-eval.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from vla_eval.model_servers.base import SessionContext
from vla_eval.model_servers.predict import PredictModelServer
from vla_eval.model_servers.serve import run_server
from vla_eval.specs import (
    GRIPPER_CLOSE_POS,
    IMAGE_RGB,
    LANGUAGE,
    POSITION_DELTA,
    ROTATION_AA,
    STATE_EEF_POS_AA_GRIP,
    DimSpec,
)


class InstantServer(PredictModelServer):
    """Holds still, whatever it is shown.

    The end of each episode becomes one line of JSON in the file `episode_ends`:
    the shard's session, the time in seconds and the number of control steps.
    """

    def __init__(self, episode_ends: str, action: list[float]) -> None:
        super().__init__()
        self.episode_ends = Path(episode_ends)
        self.action = np.array(action, np.float32)

    def predict(self, obs: dict[str, Any], ctx: SessionContext) -> dict[str, Any]:
        return {"actions": self.action}

    async def on_episode_end(self, result: dict[str, Any], ctx: SessionContext) -> None:
        await super().on_episode_end(result, ctx)
        line = {"shard": ctx.session_id, "end_s": monotonic(), "steps": result.get("steps")}
        with self.episode_ends.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def get_observation_params(self) -> dict[str, Any]:
        return {"send_wrist_image": True, "send_state": True}

    def get_observation_spec(self) -> dict[str, DimSpec]:
        return {
            "agentview": IMAGE_RGB,
            "wrist": IMAGE_RGB,
            "language": LANGUAGE,
            "state": STATE_EEF_POS_AA_GRIP,
        }

    def get_action_spec(self) -> dict[str, DimSpec]:
        return {
            "position": POSITION_DELTA,
            "rotation": ROTATION_AA,
            "gripper": GRIPPER_CLOSE_POS,
        }


if __name__ == "__main__":
    run_server(InstantServer)
