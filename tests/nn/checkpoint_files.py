"""Small checkpoints of every format, all with the same weights."""

import json

import torch
from safetensors.torch import save_file

from wamlab.nn.card import Sizes
from wamlab.nn.checkpoints.sizes import expected_shapes

SIZES = Sizes(
    video_width=12, action_width=8, num_heads=2, head_dim=8, num_layers=2, video_ffn=20,
    action_ffn=10, text_dim=6, freq_dim=4, latent_channels=3, action_dim=7, state_dim=8,
)  # fmt: skip


def weights(sizes=SIZES, dtype=torch.bfloat16):
    """Our name -> random tensor, the same at every call."""
    generator = torch.Generator().manual_seed(7)
    shapes = expected_shapes(sizes)
    return {n: torch.randn(s, generator=generator).to(dtype) for n, s in shapes.items()}


def upstream_file(path, tensors, **more):
    mot = {f"mixtures.{n}": t for n, t in tensors.items() if not n.startswith("proprio")}
    proprio = {n.partition(".")[2]: t for n, t in tensors.items() if n.startswith("proprio")}
    content = {"mot": mot, "proprio_encoder": proprio, "step": 21000, "torch_dtype": "bfloat16"}
    torch.save(content | more, path)
    return path


def lerobot_file(path, tensors, *, layer_first):
    def name(ours):
        part, _, rest = ours.partition(".")
        if part == "proprio_encoder":
            return f"model.{ours}"
        if layer_first and rest.startswith("blocks."):
            _, layer, inner = rest.split(".", 2)
            return f"model.mot.layers.{layer}.blocks.{part}.{inner}"
        return f"model.mot.mixtures.{ours}"

    save_file({name(n): t for n, t in tensors.items()}, path)
    return path


def wan_shards(folder, tensors):
    """The video expert alone, in two shards and an index."""
    video = {n.removeprefix("video."): t for n, t in tensors.items() if n.startswith("video.")}
    names = sorted(video)
    shards = {
        "a-00001-of-00002.safetensors": names[::2],
        "a-00002-of-00002.safetensors": names[1::2],
    }
    folder.mkdir()
    for file, held in shards.items():
        save_file({n: video[n] for n in held}, folder / file)
    index = {"weight_map": {n: file for file, held in shards.items() for n in held}}
    (folder / "a.safetensors.index.json").write_text(json.dumps(index))
    return folder


def statistics_file(path, *, action_dim=7, state_dim=8):
    def group(dim):
        names = ("min", "max", "mean", "std")
        return {"default": {f"global_{name}": [float(i)] * dim for i, name in enumerate(names)}}

    path.write_text(json.dumps({"action": group(action_dim), "state": group(state_dim)}))
    return path
