"""Fast-WAM against numbers of the original at random weights: every stored tensor, by name.

A fixture is one `.npz` of nested names (`train/plain/grads/mot.mixtures.video...`). Whatever is
stored is computed and compared; a tensor that this file cannot compute counts as infinitely far
away, so that nothing passes by being skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from wamlab.nn.card import Sizes, Variant
from wamlab.nn.flow import loss_weight, schedule
from wamlab.nn.losses import Draws, Window, losses, noised_inputs
from wamlab.nn.masks import first_frame_causal
from wamlab.nn.mixture import Context, Mixture
from wamlab.nn.samplers import Mode, Schedules, Start, Step, prefill, sample, sample_both

Tree = dict[str, torch.Tensor]


class Difference(NamedTuple):
    name: str
    largest: float
    reason: str = ""


class Fixture:
    """The stored numbers, and the model that they were made with."""

    def __init__(self, config: Path, fixture: Path, variant: Variant) -> None:
        given = json.loads(config.read_text())
        self.given, self.variant = given, variant
        self.sizes = Sizes(**{name: given[name] for name in Sizes.__dataclass_fields__})
        with np.load(fixture) as arrays:
            # Variants of strings name kinds of trace entries; they are read where they are needed.
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.model = Mixture(self.sizes)
        self.model.load_state_dict(dict(self._weights()))

    def _weights(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, array in self.arrays.items():
            if name.startswith("state_dict/mot/mixtures."):
                yield name.removeprefix("state_dict/mot/mixtures."), torch.from_numpy(array)
            elif name.startswith("state_dict/"):
                inner = name.removeprefix("state_dict/").replace("/", ".")
                yield inner, torch.from_numpy(array)

    def input(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[f"inputs/{name}"])

    def cases(self, kind: str) -> list[str]:
        found = [name.split("/")[1] for name in self.arrays if name.startswith(f"{kind}/")]
        return list(dict.fromkeys(found))

    def stored(self, prefix: str) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(prefix): array
            for name, array in self.arrays.items()
            if name.startswith(prefix)
        }

    def context(self, rows: slice, *, partial: bool, proprio: bool) -> Context:
        mask = self.input("context_mask_partial" if partial else "context_mask")
        state = self.input("proprio")[rows, 0] if proprio else None
        return self.model.context(self.input("context")[rows], mask[rows], state)


def differences(fixture: Fixture) -> Iterator[Difference]:
    """Compares every stored tensor except inputs and weights."""
    for case in fixture.cases("train"):
        prefix = f"train/{case}/"
        yield from _compared(prefix, fixture.stored(prefix), _train(fixture, case))
    for case in fixture.cases("infer"):
        prefix = f"infer/{case}/"
        stored = fixture.stored(prefix)
        yield from _compared(prefix, stored, _infer(fixture, case, stored))


def _compared(prefix: str, stored: Mapping[str, np.ndarray], ours: Tree) -> Iterator[Difference]:
    for name, array in stored.items():
        if array.dtype.kind in "US":
            continue  # the kind of a trace entry: used to choose what it is compared with
        if name not in ours:
            yield Difference(prefix + name, float("inf"), "not computed")
            continue
        found = ours[name].detach().numpy()
        if found.shape != array.shape:
            yield Difference(prefix + name, float("inf"), f"{found.shape}, stored {array.shape}")
            continue
        error = np.abs(found.astype(np.float64) - array.astype(np.float64))
        largest = float(np.nan_to_num(error.max(initial=0.0), nan=np.inf))
        yield Difference(prefix + name, largest)


def _train(fixture: Fixture, case: str) -> Tree:
    """All that one training step computes, under the fixture's names."""
    model, variant = fixture.model, fixture.variant
    only_first = "first_frame_mask" in case
    if only_first:
        variant = Variant.OPTIONAL_IDM
    has_pads = "pads" in case
    window = Window(
        latents_BCFYX=fixture.input("latents"),
        action_BHA=fixture.input("action"),
        action_is_pad_BH=fixture.input("action_is_pad") & has_pads,
        image_is_pad_BR=fixture.input("image_is_pad") & has_pads,
    )
    draws = _draws(fixture, variant, only_first=only_first)
    context = fixture.context(slice(None), partial="partial" in case, proprio=True)
    shifts = {"video_shift": fixture.given["video_shift"]}
    shifts["action_shift"] = fixture.given["action_shift"]

    model.zero_grad()
    found = losses(model, variant, window, context, draws, **shifts)
    found.total.backward()

    inputs = noised_inputs(variant, window, draws)
    video = model.video_stream(inputs.copies, context)
    action = model.action_stream(inputs.action_BHA, draws.t_action_B, context)
    said = model(inputs.copies, inputs.action_BHA, draws.t_action_B, context, inputs.mask)
    stored = fixture.stored(f"train/{case}/")

    def fitted(name: str, tokens: torch.Tensor) -> torch.Tensor:
        """One copy of the video's tokens where the fixture keeps one."""
        wanted = stored[name].shape[1] if name in stored else tokens.shape[1]
        return tokens[:, :wanted]

    mask = _shaped_as(inputs.mask, stored.get("attention_mask"))
    grads = {
        f"grads/{_original(name)}": parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return grads | {
        "loss": found.total,
        "loss_video": found.video,
        "loss_action": found.action,
        "weight_video": loss_weight(draws.t_video_B, shifts["video_shift"]),
        "weight_action": loss_weight(draws.t_action_B, shifts["action_shift"]),
        "attention_mask": mask,
        "video_tokens_in": fitted("video_tokens_in", video.x_BSD),
        "action_tokens_in": action.x_BSD,
        "video_t_mod": fitted("video_t_mod", video.tmod_BS6D),
        "action_t_mod": action.tmod_BS6D[:, 0],
        "pred_video": said.video_BCFYX,
        "pred_action": said.action_BHA,
    }


def _shaped_as(mask: torch.Tensor, stored: np.ndarray | None) -> torch.Tensor:
    """A mask that is the same for all samples may be stored once, or once a sample."""
    if stored is None or tuple(mask.shape) == stored.shape:
        return mask
    if stored.ndim == 2:
        return mask.flatten(0, -3)[0]
    return mask.expand(*stored.shape) if mask.ndim == 2 else mask[: len(stored)]


def _draws(fixture: Fixture, variant: Variant, *, only_first: bool) -> Draws:
    simple = {
        "video_BCFYX": fixture.input("noise_video"),
        "action_BHA": fixture.input("noise_action"),
        "t_video_B": fixture.input("t_video"),
        "t_action_B": fixture.input("t_action"),
    }
    if variant in (Variant.ACTION_ONLY, Variant.JOINT):
        return Draws(**simple)
    is_noised = fixture.input("cond_u") < 0.5
    batch = len(is_noised)
    return Draws(
        **simple,
        condition_BCFYX=fixture.input("noise_cond"),
        t_condition_B=fixture.input("t_cond") * is_noised,
        sees_video_B=torch.zeros(batch, dtype=torch.bool) if only_first else None,
    )


def _infer(fixture: Fixture, case: str, stored: Mapping[str, np.ndarray]) -> Tree:
    """One whole plan, by the sampler whose trace is stored."""
    model, given = fixture.model, fixture.given
    context = fixture.context(
        slice(1, 2), partial="partial" in case, proprio="no_proprio" not in case
    )
    start = Start(
        first_BC1YX=fixture.input("first_latents"),
        video_BCFYX=torch.from_numpy(stored["noise_video"]),
        action_BHA=torch.from_numpy(stored["noise_action"]),
    )
    shift = 1.0 if "shift1" in case else None  # one number overrides both
    steps = given["num_denoise_steps"]
    schedules = Schedules(
        video=schedule(steps, shift or given["video_shift"]),
        action=schedule(steps, shift or given["action_shift"]),
    )
    kinds = _kinds(stored)
    trace: list[Step] = []
    with torch.no_grad():
        if "video" not in kinds:
            done = sample(model, Mode.FIRST_FRAME, start, context, schedules, watch=trace.append)
            clean = start.first_BC1YX
        elif kinds[:2] == ["video", "action"] and fixture.variant is Variant.ACTION_ONLY:
            done = sample_both(model, start, context, schedules, watch=trace.append)
            clean = start.first_BC1YX
        else:
            mode = Mode.JOINT if kinds[:2] == ["video", "action"] else Mode.IDM
            done = sample(model, mode, start, context, schedules, watch=trace.append)
            assert done.video_BCFYX is not None
            clean = done.video_BCFYX
        memory = prefill(model, clean, context)
    rotated = {
        part: torch.stack([getattr(kv, f"{part}_BMSK").transpose(1, 2).flatten(2) for kv in memory])
        for part in ("k", "v")
    }
    frames, tokens = clean.shape[2], rotated["k"].shape[2] // clean.shape[2]
    ours = {
        "action": done.action_BHA[0],
        "noise_action": start.action_BHA,
        "noise_video": start.video_BCFYX,
        "timesteps": schedules.action.timesteps,
        "deltas": schedules.action.deltas,
        "kv_cache/0/mask": first_frame_causal(frames, tokens),
        "kv_cache/0/k": rotated["k"],
        "kv_cache/0/v": rotated["v"],
    }
    if done.video_BCFYX is not None:
        ours["final_video_latents"] = done.video_BCFYX
    for index, step in enumerate(trace):
        for field in ("velocity", "delta", "before", "after"):
            ours[f"trace/{index}/{field}"] = getattr(step, field)
    return ours


def _kinds(stored: Mapping[str, np.ndarray]) -> list[str]:
    """What each stored step was a step of: latents have five axes, actions three."""
    steps = [array for name, array in stored.items() if name.endswith("/before")]
    return ["video" if array.ndim == 5 else "action" for array in steps]


def _original(name: str) -> str:
    """A parameter's name in the original's model."""
    return name if name.startswith("proprio_encoder") else f"mot.mixtures.{name}"
