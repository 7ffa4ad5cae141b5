"""Times the trainer on the same steps with cached latents and with frames, in one run.

    python bench/training.py [--rounds N] [--steps N] [--json]

The work: a nano world action model (two cameras, 128 x 256 pixels, 9 frames, 32 actions; a tenth
of Wan 2.2's VAE in width) on made-up demonstrations. The arms run in turn for each round,
because the machine may be shared, and a second arm with cached latents shows what differs by
chance. Of each arm the table has the best round, since disturbance only ever slows down; of a
round the median step, without the first three.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests/nn")]

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from tiny import tiny_text_folder

from wamlab.data.convention import Gripper
from wamlab.data.film import encode_film
from wamlab.data.lerobot_writer import About, Take, write_dataset
from wamlab.data.moments import image_moments
from wamlab.nn.card import LIBERO_ACTION, LIBERO_STATE, Sizes, Variant, libero_card, side_by_side
from wamlab.training.recipe import Data, Training
from wamlab.training.trainer import train
from wamlab.training.world_action import WorldAction

CAMERAS = ("agentview", "wrist")
IMAGE_PX, NUM_STEPS, NUM_EPISODES, HZ = 128, 60, 4, 20.0
LATENT_CHANNELS, TEXT_DIM = 16, 64
SIZES = Sizes(
    video_width=192, action_width=128, num_heads=4, head_dim=48, num_layers=4, video_ffn=768,
    action_ffn=512, text_dim=TEXT_DIM, freq_dim=64, latent_channels=LATENT_CHANNELS,
    action_dim=7, state_dim=8,
)  # fmt: skip
WARM_UP = 3
STAGES = ("data", "encode", "forward", "backward", "step")
ARMS = {"cached latents": True, "cached latents, again": True, "frames": False}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        recipe = prepared(Path(name), asked.steps)
        for number in range(asked.rounds):
            for arm, is_cached in ARMS.items():
                data = recipe.data if is_cached else replace(recipe.data, cache=None)
                out = Path(name) / f"{arm} {number}"
                train(replace(recipe, data=data), out)
                found = measured(out, recipe.batch_size)
                if arm not in best or found["examples/s"] > best[arm]["examples/s"]:
                    best[arm] = found
    print(json.dumps(best) if asked.json else table(best))
    return 0


def measured(out: Path, batch_size: int) -> dict[str, float]:
    """Medians over steps: milliseconds of each stage, examples a second."""
    lines = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    spans = [line["spans_ms"] for line in lines[WARM_UP:]]
    found = {stage: median(each[stage] for each in spans) for stage in STAGES}
    whole_ms = median(sum(each.values()) for each in spans)
    return {**found, "examples/s": batch_size / whole_ms * 1e3}


def table(best: dict[str, dict[str, float]]) -> str:
    columns = (*STAGES, "examples/s")
    rows = [f"{'ms':<24}" + "".join(f"{column:>12}" for column in columns) + f"{'ratio':>8}"]
    reference = best["frames"]["examples/s"]
    for arm, found in best.items():
        numbers = "".join(f"{found[column]:>12.1f}" for column in columns)
        rows.append(f"{arm:<24}{numbers}{found['examples/s'] / reference:>8.2f}")
    return "\n".join(rows)


def prepared(folder: Path, num_steps: int) -> Training:
    """Writes demonstrations, VAE and text encoder with random content."""
    demonstrations(folder / "demos")
    vae().save_pretrained(folder / "vae")  # type: ignore[attr-defined]  # of its mixin
    tiny_text_folder(folder / "text", TEXT_DIM)
    card = replace(
        libero_card(Variant.JOINT, action_shift=1.0, sizes=SIZES),
        image_height=IMAGE_PX,
        image_width=IMAGE_PX * len(CAMERAS),
        cameras=side_by_side(dict.fromkeys(CAMERAS, IMAGE_PX), IMAGE_PX),
        num_text_tokens=32,
    )
    return Training(
        objective=WorldAction.Config(card=card, vae=folder / "vae", text=folder / "text"),
        data=Data(datasets=(folder / "demos",), control_hz=HZ, cache=folder / "latents"),
        batch_size=8,
        num_steps=num_steps,
        name="bench",
    )


def vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=16, decoder_base_dim=16, z_dim=LATENT_CHANNELS, dim_mult=[1, 2, 4, 4],
        num_res_blocks=2, temperal_downsample=[False, True, True], is_residual=True,
        in_channels=12, out_channels=12, patch_size=2, scale_factor_spatial=16,
        scale_factor_temporal=4, latents_mean=[0.0] * LATENT_CHANNELS,
        latents_std=[1.0] * LATENT_CHANNELS,
    )  # fmt: skip


def demonstrations(folder: Path) -> None:
    rng = np.random.default_rng(0)
    films = folder / "recording"
    films.mkdir(parents=True)
    takes = []
    for episode in range(NUM_EPISODES):
        images = [
            np.kron(tile, np.ones((16, 16, 1), np.uint8))
            for tile in rng.integers(0, 256, (NUM_STEPS, 8, 8, 3), dtype=np.uint8)
        ]
        paths = {camera: films / f"{episode}.{camera}.mp4" for camera in CAMERAS}
        for path in paths.values():
            path.write_bytes(encode_film(images, HZ))
        action = rng.uniform(-1, 1, (NUM_STEPS, 7)).astype(np.float32)
        action[:, -1] = action[:, -1] > 0
        takes.append(
            Take(
                name=f"bench/{episode}",
                instruction="put the bowl on the plate",
                state=rng.normal(size=(NUM_STEPS, 8)).astype(np.float32),
                action=action,
                is_push=np.zeros(NUM_STEPS, np.bool_),
                films=paths,
                image_moments={camera: image_moments(images) for camera in CAMERAS},
            )
        )
    about = About(
        robot="bench", fps=HZ, state=LIBERO_STATE, action=LIBERO_ACTION, gripper=Gripper.OPEN_1,
        origin={},
    )  # fmt: skip
    write_dataset(folder, takes, about)


if __name__ == "__main__":
    sys.exit(main())
