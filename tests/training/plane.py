"""Everything that a training needs, in miniature: demonstrations, a VAE, a text encoder."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from tiny import tiny_text_folder, tiny_vae_folder
from tiny_wam import plane_card

from wamlab.benchmarks.pointmass import PointMass
from wamlab.data.convention import Gripper
from wamlab.data.film import encode_film
from wamlab.data.lerobot_writer import About, Take, write_dataset
from wamlab.data.moments import image_moments
from wamlab.nn.card import Variant
from wamlab.training.recipe import Data, Training
from wamlab.training.world_action import WorldAction

HZ = 10.0
LENGTHS = (14, 9, 12)
TASKS = ("go to the left", "go to the right", "go to the left")
CARD = plane_card(Variant.ACTION_ONLY)
ABOUT = About(
    robot="point", fps=HZ, state=PointMass.spec.state, action=PointMass.spec.action,
    gripper=Gripper.NONE, origin={},
)  # fmt: skip


def make_home(folder: Path) -> Path:
    """Writes `demos/`, `vae/` and `text/`; returns the folder."""
    write_demonstrations(folder / "demos")
    tiny_vae_folder(folder / "vae", CARD.sizes.latent_channels)
    tiny_text_folder(folder / "text", CARD.sizes.text_dim)
    return folder


def write_demonstrations(folder: Path, about: About = ABOUT, camera: str = "top") -> Path:
    """A point that goes a third of the way to its target in each step."""
    films = folder / "recording"
    films.mkdir(parents=True)
    takes = []
    for episode, length in enumerate(LENGTHS):
        start = np.random.default_rng(episode).uniform(-1, 1, 2)
        state = start * (2 / 3) ** np.arange(length)[:, None]
        images = [picture(offset) for offset in state]
        film = films / f"{episode}.mp4"
        film.write_bytes(encode_film(images, about.fps))
        takes.append(
            Take(
                name=f"plane/{episode}",
                instruction=TASKS[episode],
                state=state.astype(np.float32),
                action=(-state / 3).astype(np.float32),
                films={camera: film},
                image_moments={camera: image_moments(images)},
                is_push=np.zeros(length, bool),
            )
        )
    write_dataset(folder, takes, about)
    return folder


def picture(offset):
    image = np.full((16, 16, 3), 24, np.uint8)
    row, column = (7.5 + 7 * np.clip(offset, -1, 1)).astype(int)
    image[row, column] = 255
    return image


def training(home: Path, *, variant=Variant.ACTION_ONLY, video_weight=1.0, **changes) -> Training:
    """Six steps of four windows, a checkpoint behind every third."""
    made = Training(
        objective=WorldAction.Config(
            card=replace(CARD, variant=variant),
            vae=home / "vae",
            text=home / "text",
            video_weight=video_weight,
        ),
        data=Data(datasets=(home / "demos",), control_hz=HZ, cache=home / "latents"),
        batch_size=4,
        num_steps=6,
        name="tiny",
        checkpoint_every=3,
    )
    return replace(made, **changes)


def curve(out: Path):
    """The lines of steps in a training's curves."""
    lines = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    return [line for line in lines if "losses" in line]


def losses(out: Path):
    """Step -> its losses, to the last digit."""
    return {line["step"]: line["losses"] for line in curve(out)}
