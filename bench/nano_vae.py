"""How much the nano VAE keeps, and how long it takes.

python bench/nano_vae.py runs/nano_vae/model demos/libero_object --png kept.png

Take demonstrations that it was not trained on. Time is of the process, on one thread, the least
of several runs.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from PIL import Image
from recipes.nano import CONTROL_HZ, card
from torch import Tensor
from torch.nn.functional import avg_pool2d

from wamlab.nn.card import Variant
from wamlab.nn.frozen import load_vae
from wamlab.nn.nano_vae import pixels_of
from wamlab.training.batches import Examples
from wamlab.training.nano_vae import is_moving, psnr_db
from wamlab.training.recipe import Data

NUM_RUNS = 10
MOST_DETAILED = 0.9  # quantile above which a pixel counts as detail


def least_ms(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(NUM_RUNS):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times) * 1e3


def detail(pixels: Tensor) -> Tensor:
    """How much each pixel differs from the mean of the 9 x 9 around it.

    Args:
        pixels: Shape (B, R, 3, H, W); the result has (B, R, H, W).
    """
    flat = pixels.flatten(0, 1)
    around = avg_pool2d(flat, 9, stride=1, padding=4, count_include_pad=False)
    return (flat - around).abs().amax(dim=1).unflatten(0, pixels.shape[:2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vae", type=Path)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--windows", type=int, default=48)
    parser.add_argument("--png", type=Path, help="originals above what came back")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    vae = load_vae(asked.vae, torch.float32)
    data = Data(datasets=tuple(asked.datasets), control_hz=CONTROL_HZ, cache=None)
    examples = Examples(data, card(Variant.JOINT))
    chosen = np.linspace(0, len(examples) - 1, asked.windows).astype(int)
    frames = torch.from_numpy(np.stack([examples.frames(int(index)) for index in chosen]))
    with torch.inference_mode():
        came = torch.cat([vae.decode(vae.encode(each[None])) for each in frames])
        latents = vae.encode(frames[:1])
        times = {
            "encode one frame": least_ms(lambda: vae.encode(frames[:1, :1])),
            f"encode {frames.shape[1]} frames": least_ms(lambda: vae.encode(frames[:1])),
            f"decode {frames.shape[1]} frames": least_ms(lambda: vae.decode(latents)),
        }
    wanted = pixels_of(frames)
    apart = pixels_of(came) - wanted
    moving = is_moving(wanted)[:, None].expand(-1, wanted.shape[1], -1, -1)
    fine = detail(wanted)
    by_pixel = apart.movedim(2, -1)
    kept = {
        "first frame": apart[:, :1],
        "later frames": apart[:, 1:],
        "what moves": by_pixel[moving],
        "detail": by_pixel[fine > np.quantile(fine.numpy(), MOST_DETAILED)],
    }
    for name, milliseconds in times.items():
        print(f"{name:16} {milliseconds:6.1f} ms")
    for name, difference in kept.items():
        print(f"{name:16} {float(psnr_db(difference)):6.2f} dB")
    if asked.png is not None:
        shown = range(0, len(frames), max(1, len(frames) // 4))
        rows = [
            torch.cat(list(each[index, ::4]), dim=1) for index in shown for each in (frames, came)
        ]
        Image.fromarray(torch.cat(rows).numpy()).save(asked.png)


if __name__ == "__main__":
    main()
