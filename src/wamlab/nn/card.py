"""What must be known of a world action model beside its weights, as one value.

Stored as `wam.json` in a model folder; for files that do not carry it (upstream `.pt`, LeRobot)
it is put together by `nn.checkpoints`, which asks for what cannot be read from the tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from wamlab.core.errors import ConfigError
from wamlab.core.specs import Field
from wamlab.core.types import CameraBox

FRAMES_PER_LATENT = 4  # Wan's VAE: one latent for the first frame, one for each four after it
PIXELS_PER_TOKEN = 32  # Wan 2.2: the VAE divides by 16, the patches by 2
PROMPT = "A video recorded from a robot's point of view executing the following instruction: {task}"
"""Words around the instruction in every released Fast-WAM checkpoint (specification, section 3)."""


class Variant(StrEnum):
    """Which video tokens actions may attend to, and so how a plan is sampled."""

    ACTION_ONLY = "action_only"  # the observed frame only; no video is imagined
    JOINT = "joint"  # all video tokens; video and action are denoised together
    IDM = "idm"  # the finished video; first the video is denoised, then the action
    OPTIONAL_IDM = "optional_idm"  # trained for both; samples as IDM or as action-only

    @property
    def imagines(self) -> bool:
        """Whether a plan denoises a video."""
        return self is not Variant.ACTION_ONLY


class Normalisation(StrEnum):
    """How actions and state are brought to unit scale (specification, section 7)."""

    MIN_MAX = "min_max"  # to [-1, 1], then clamped to [-5, 5]
    MEAN_STD = "mean_std"


class Gripper(StrEnum):
    """What the last number of the model's actions says, against the benchmark's."""

    AS_EXECUTED = "as_executed"  # the benchmark's own number
    CLOSE_0_OPEN_1 = "close_0_open_1"  # LIBERO as Fast-WAM trains on it; executed as open -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers that decide the shape of every weight.

    Attributes:
        video_width: Width of the video expert's residual stream.
        action_width: Width of the action expert's.
        num_heads: Attention heads, the same in both experts.
        head_dim: Numbers per head; the attention's width is `num_heads * head_dim` in both.
        num_layers: Blocks of each expert.
        freq_dim: Sinusoids of a timestep.
        state_dim: 0 for a model that reads no proprioception.
        eps: Of every norm.
    """

    video_width: int
    action_width: int
    num_heads: int
    head_dim: int
    num_layers: int
    video_ffn: int
    action_ffn: int
    text_dim: int
    freq_dim: int
    latent_channels: int
    action_dim: int
    state_dim: int
    eps: float = 1e-6

    @property
    def attention_width(self) -> int:
        return self.num_heads * self.head_dim

    def __post_init__(self) -> None:
        if self.head_dim % 2:
            raise ConfigError(f"head_dim: got {self.head_dim}, expected an even number")


RELEASED_SIZES = Sizes(
    video_width=3072, action_width=1024, num_heads=24, head_dim=128, num_layers=30,
    video_ffn=14336, action_ffn=4096, text_dim=4096, freq_dim=256, latent_channels=48,
    action_dim=7, state_dim=8,
)  # fmt: skip
"""Wan2.2-TI2V-5B with Fast-WAM's 1 B action expert, for LIBERO (specification, 1.1 and 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WamCard:
    """A world action model, but for its weights.

    Attributes:
        horizon: Actions per chunk.
        num_frames: Frames of a window: the observed one and those imagined, 1 + 4 n.
        image_height: Of the canvas that the VAE sees, pixels, a multiple of 32.
        image_width: Likewise.
        cameras: Boxes that fill the canvas.
        num_text_tokens: Length that prompts are padded to; pads are attended to.
        video_shift: Time shift of the video's noise schedule.
        action_shift: Of the action's. 5.0 in the first released checkpoints, 1.0 later.
        state: Layout of the state that the model reads, as the benchmark gives it.
        action: Layout of the actions, as the benchmark takes them.
        prompt: Words around the instruction, with `{task}` in its place.
        is_vla: Whether the observed frame is read by an encoder that knows no video (`nn.vla`).
    """

    variant: Variant
    sizes: Sizes
    horizon: int
    num_frames: int
    image_height: int
    image_width: int
    cameras: tuple[CameraBox, ...]
    num_text_tokens: int
    video_shift: float
    action_shift: float
    state: tuple[Field, ...]
    action: tuple[Field, ...]
    normalisation: Normalisation = Normalisation.MIN_MAX
    gripper: Gripper = Gripper.AS_EXECUTED
    prompt: str = PROMPT
    is_vla: bool = False

    def __post_init__(self) -> None:
        if self.is_vla and self.variant is not Variant.ACTION_ONLY:
            raise ConfigError(f"variant: got {self.variant} for a VLA, which imagines no video")
        for name in ("image_height", "image_width"):
            if (pixels := getattr(self, name)) < 1 or pixels % PIXELS_PER_TOKEN:
                raise ConfigError(f"{name}: got {pixels}, expected a multiple of 32")
        if self.num_frames < 1 or (self.num_frames - 1) % FRAMES_PER_LATENT:
            raise ConfigError(f"num_frames: got {self.num_frames}, expected 1 + 4 n")
        if self.num_frames > 1 and self.horizon % (self.num_frames - 1):
            raise ConfigError(
                f"horizon: got {self.horizon}, expected a multiple of the {self.num_frames - 1} "
                "steps between frames"
            )
        for name, dim in (("state", self.sizes.state_dim), ("action", self.sizes.action_dim)):
            found = sum(field.size for field in getattr(self, name))
            if found != dim:
                raise ConfigError(f"{name}: got {found} numbers, expected {dim} as in sizes")
        for name in ("video_shift", "action_shift"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: got {getattr(self, name)}, expected more than 0")
        if "{task}" not in self.prompt:
            raise ConfigError(f"prompt: got {self.prompt!r}, expected the place of {{task}} in it")
        self._check_cameras()

    def _check_cameras(self) -> None:
        """Each pixel of the canvas belongs to exactly one camera."""
        times = np.zeros((self.image_height, self.image_width), np.int64)
        for box in self.cameras:
            rows = slice(box.top, box.top + box.height)
            columns = slice(box.left, box.left + box.width)
            if times[rows, columns].size != box.height * box.width or min(box[1:]) < 0:
                raise ConfigError(
                    f"cameras: {box} leaves the canvas of {self.image_height}x{self.image_width}"
                )
            times[rows, columns] += 1
        if not (times == 1).all():
            raise ConfigError(
                f"cameras: {int((times == 0).sum())} pixels of the canvas show no camera, "
                f"{int((times > 1).sum())} more than one, expected one each"
            )

    @property
    def num_latent_frames(self) -> int:
        return 1 + (self.num_frames - 1) // FRAMES_PER_LATENT

    @property
    def steps_per_frame(self) -> int:
        """Control steps between two frames of the window."""
        return self.horizon // max(1, self.num_frames - 1)


LIBERO_STATE = (
    Field("eef_position", 3, "m, world frame"),
    Field("eef_rotation", 3, "rad, axis-angle of the hand, world frame"),
    Field("gripper_joints", 2, "m, two fingers of opposite sign"),
)
LIBERO_ACTION = (
    Field("position_delta", 3, "0.05 m per unit"),
    Field("rotation_delta", 3, "0.5 rad per unit, axis-angle, world frame"),
    Field("gripper", 1, "open -1, closed +1"),
)


def side_by_side(cameras: Mapping[str, int], height: int) -> tuple[CameraBox, ...]:
    """Boxes of cameras beside each other, left to right; `cameras` maps name to width."""
    boxes, left = [], 0
    for camera, width in cameras.items():
        boxes.append(CameraBox(camera, 0, left, height, width))
        left += width
    return tuple(boxes)


def libero_card(variant: Variant, *, action_shift: float, sizes: Sizes = RELEASED_SIZES) -> WamCard:
    """The card of Fast-WAM's released LIBERO checkpoints (specification, sections 1, 3 and 7)."""
    return WamCard(
        variant=variant,
        sizes=sizes,
        horizon=32,
        num_frames=9,
        image_height=224,
        image_width=448,
        cameras=side_by_side({"agentview": 224, "wrist": 224}, 224),
        num_text_tokens=128,
        video_shift=5.0,
        action_shift=action_shift,
        state=LIBERO_STATE,
        action=LIBERO_ACTION,
        gripper=Gripper.CLOSE_0_OPEN_1,
    )
