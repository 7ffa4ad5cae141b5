"""A whole Fast-WAM folder in miniature: random weights, a random VAE, a random text encoder."""

from dataclasses import replace
from pathlib import Path

import torch
from tiny import tiny_statistics, tiny_text_folder, tiny_vae_folder

from wamlab.benchmarks.pointmass import PointMass
from wamlab.nn.card import Gripper, Sizes, Variant, WamCard, libero_card, side_by_side
from wamlab.nn.checkpoints import save_folder
from wamlab.nn.mixture import Mixture

SIZES = Sizes(
    video_width=48, action_width=24, num_heads=3, head_dim=16, num_layers=2, video_ffn=64,
    action_ffn=40, text_dim=40, freq_dim=32, latent_channels=6, action_dim=7, state_dim=8,
)  # fmt: skip


def tiny_card(variant: Variant) -> WamCard:
    """For LIBERO: 32 actions, 9 frames, two cameras of 32 pixels."""
    card = libero_card(variant, action_shift=5.0, sizes=SIZES)
    cameras = side_by_side({"agentview": 32, "wrist": 32}, 32)
    return replace(card, image_height=32, image_width=64, cameras=cameras, num_text_tokens=48)


def plane_card(variant: Variant) -> WamCard:
    """For PointMass: 8 actions, 9 frames, one camera."""
    return replace(
        tiny_card(variant),
        sizes=replace(SIZES, action_dim=2, state_dim=2),
        horizon=8,
        image_width=32,
        cameras=side_by_side({"top": 32}, 32),
        state=PointMass.spec.state,
        action=PointMass.spec.action,
        gripper=Gripper.AS_EXECUTED,
    )


def loud_mixture(sizes: Sizes, seed: int = 0) -> Mixture:
    """Random weights without zeros or ones, so that each bias, gate and norm shows."""
    model = Mixture(sizes)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        is_norm = "norm" in name and name.endswith("weight")
        scale = 0.3 if parameter.ndim < 2 else parameter[0].numel() ** -0.5
        parameter.data = 1 + 0.2 * drawn if is_norm else scale * drawn
    return model.eval().requires_grad_(requires_grad=False)


def tiny_wam_folder(path: Path, card: WamCard, seed: int = 0) -> Path:
    """Writes model, statistics, `vae/` and `text/`; returns the folder."""
    statistics = tiny_statistics(
        path.with_name(f"{path.name}_stats.json"),
        state_dim=card.sizes.state_dim,
        action_dim=card.sizes.action_dim,
        horizon=card.horizon,
    )
    model = loud_mixture(card.sizes, seed)
    save_folder(path, model.state_dict(), card, statistics)
    tiny_vae_folder(path / "vae", card.sizes.latent_channels)
    tiny_text_folder(path / "text", card.sizes.text_dim)
    return path
