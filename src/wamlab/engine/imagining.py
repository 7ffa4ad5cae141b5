"""What a policy imagined beside what came: one film, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ContractError
from wamlab.core.specs import PolicySpec
from wamlab.core.types import ActionChunk, CameraBox, Observation
from wamlab.records.signals import Comparison
from wamlab.records.video import Film

GAP_PX = 8  # black rows between the two halves; half a macroblock, so that little bleeds across
WHITE = 255.0


class _Compared(NamedTuple):
    """One imagined frame against what came; the numbers of `Comparison`."""

    plan: int
    step: int
    error: float
    psnr_db: float
    still_error: float


class Imagining:
    """The imagined frames of one episode, each compared when its control step comes.

    Imagined frames and the images that the policy saw stand on the same canvas. In the film the
    imagined one is above the executed one, and each control step stands once, at its own time:
    where a plan's last frame and the observed frame of the next speak of the same step, the
    imagined one. Held in memory are the frames of one plan, and the film as it is encoded.
    """

    def __init__(self, *, control_hz: float | None = None) -> None:
        """Prepares for an episode.

        Args:
            control_hz: Control steps per second of the film; None to save nothing.
        """
        self._film = None if control_hz is None else Film(ticks_per_s=control_hz)
        self._shape: tuple[int, ...] | None = None
        self._expected: dict[int, NDArray[np.uint8]] = {}  # control step -> frame
        self._layout: tuple[CameraBox, ...] = ()
        self._covered = np.zeros((0, 0), bool)
        self._still = np.zeros((0, 0, 3), np.uint8)
        self._num_plans = 0
        self._filmed_step = -1
        self._compared: list[_Compared] = []

    def check(self, chunk: ActionChunk, spec: PolicySpec) -> None:
        """Refuses frames that could not be compared, whether they are saved or not.

        Raises:
            ContractError: If they show a camera that the policy does not read, or changed size.
        """
        if chunk.imagined is None:
            return
        unread = {box.camera for box in chunk.imagined_layout} - spec.cameras
        if unread:
            raise ContractError(
                f"imagined_layout: got camera {min(unread)!r}, expected one that the policy "
                f"reads: {', '.join(sorted(spec.cameras)) or 'it reads none'}"
            )
        shape = chunk.imagined.shape[1:]
        if self._shape not in (None, shape):
            raise ContractError(
                f"imagined: got frames of {list(shape)}, expected {list(self._shape or ())} as "
                "in the episode's earlier plans"
            )
        self._shape = shape

    def expect(self, chunk: ActionChunk, observation: Observation, *, until: int) -> None:
        """Takes the frames of a plan and compares the first, which is the observed one.

        Args:
            observation: What the plan was made from.
            until: Control step of the next plan; what is imagined beyond it never comes.
        """
        plan = self._num_plans
        self._num_plans += 1
        self.forget()
        if self._film is None or chunk.imagined is None:
            return
        steps = range(observation.step, until + 1, chunk.imagined_every)
        self._expected = dict(zip(steps, chunk.imagined, strict=False))  # whichever ends first
        self._layout = chunk.imagined_layout
        self._covered = _covered(self._layout, chunk.imagined.shape[1:3])
        self._still = self._canvas(observation)
        self._compare(plan, observation.step, self._still)

    def is_due(self, step: int) -> bool:
        """Whether a frame speaks of that control step, so that its images must be seen."""
        return step in self._expected

    def see(self, observation: Observation) -> None:
        """Compares what came, if a frame speaks of it."""
        if self.is_due(observation.step):
            self._compare(self._num_plans - 1, observation.step, self._canvas(observation))

    def forget(self) -> None:
        """Expects nothing any more."""
        self._expected = {}

    def comparison(self) -> Comparison | None:
        """The numbers of all frames so far; None if there are none."""
        if not self._compared:
            return None
        plan, step, error, psnr_db, still_error = zip(*self._compared, strict=True)
        return Comparison(
            plan=np.array(plan, np.int64),
            step=np.array(step, np.int64),
            error=np.array(error, np.float32),
            psnr_db=np.array(psnr_db, np.float32),
            still_error=np.array(still_error, np.float32),
        )

    def film(self) -> bytes:
        """The film, at the end of the episode; empty if nothing was imagined."""
        return b"" if self._film is None else self._film.finish()

    def _canvas(self, observation: Observation) -> NDArray[np.uint8]:
        canvas = np.zeros((*self._covered.shape, 3), np.uint8)
        for box in self._layout:
            canvas[_within(box)] = resized(observation.images[box.camera], box.height, box.width)
        return canvas

    def _compare(self, plan: int, step: int, executed: NDArray[np.uint8]) -> None:
        assert self._film is not None
        imagined = self._expected.pop(step)
        error, rmse = self._distance(imagined, executed)
        still_error, _ = self._distance(self._still, executed)
        self._compared.append(
            _Compared(
                plan=plan,
                step=step,
                error=error,
                psnr_db=float(20 * np.log10(WHITE / rmse)) if rmse else np.inf,
                still_error=still_error,
            )
        )
        if step > self._filmed_step:
            gap = np.zeros((GAP_PX, *imagined.shape[1:]), np.uint8)
            self._film.add(np.concatenate([imagined, gap, executed]), tick=step)
            self._filmed_step = step

    def _distance(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[float, float]:
        """Mean absolute and root mean squared difference where a camera stands."""
        # uint8 has no negative numbers; in int32 even sums of squares are exact.
        difference = (one.astype(np.int32) - other) * self._covered[:, :, None]
        num_values = self._covered.sum() * difference.shape[-1]
        flat = difference.ravel()
        mean = np.abs(flat).sum(dtype=np.int64) / num_values
        return float(mean), float(np.sqrt(np.square(flat).sum(dtype=np.int64) / num_values))


def resized(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """An image in another size: each new pixel is the mean of the area that it covers.

    Args:
        image: uint8, (old_height, old_width, 3).

    Returns:
        uint8, (height, width, 3); the image itself if that is its size.
    """
    if image.shape[:2] == (height, width):
        return image
    down, across = _shares(image.shape[0], height), _shares(image.shape[1], width)
    planes = image.transpose(2, 0, 1).astype(np.float32)
    new = np.rint(down @ planes @ across.T).astype(np.uint8)
    return np.ascontiguousarray(new.transpose(1, 2, 0))


@lru_cache(maxsize=16)
def _shares(old: int, new: int) -> NDArray[np.float32]:
    """How much of each new pixel comes from each old one, float32, shape (new, old)."""
    edges = np.arange(new + 1) * (old / new)
    starts = np.arange(old)
    ends = np.minimum(edges[1:, None], starts + 1)
    overlap = np.clip(ends - np.maximum(edges[:-1, None], starts), 0, None)
    shares: NDArray[np.float32] = (overlap * (new / old)).astype(np.float32)
    return shares


def _within(box: CameraBox) -> tuple[slice, slice]:
    return slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)


def _covered(layout: Sequence[CameraBox], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a camera stands on the canvas, bool, shape (height, width)."""
    covered = np.zeros(shape, bool)
    for box in layout:
        covered[_within(box)] = True
    return covered
