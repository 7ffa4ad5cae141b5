"""A checkpoint of any known format: what it holds, under our names, without reading it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.card import Sizes, WamCard
from wamlab.nn.checkpoints import lerobot, umt5, upstream, wan, wan_vae
from wamlab.nn.checkpoints.files import Entry, TensorFiles, open_files
from wamlab.nn.checkpoints.manifest import FILE_NAME, STATISTICS_NAME, WEIGHTS_NAME, read_manifest
from wamlab.nn.checkpoints.sizes import DEFAULT_HEAD_DIM, sizes_of

OUR_KEY = "video.patch_embedding.weight"
ACTION_KEY = "action.head.weight"
RELEASE_BYTES = 1 << 28
"""Pages read while converting are given back after this many bytes, or they add up to a copy."""


class Format(StrEnum):
    """Who wrote a checkpoint, as its tensors' names tell."""

    WAMLAB = "wamlab"
    UPSTREAM = "upstream"
    LEROBOT = "lerobot"
    WAN_VIDEO = "wan_video"
    DIFFUSERS_VIDEO = "diffusers_video"
    WAN_VAE = "wan_vae"
    DIFFUSERS_VAE = "diffusers_vae"
    WAN_TEXT = "wan_text"
    TRANSFORMERS_TEXT = "transformers_text"

    @property
    def words(self) -> str:
        """What it looks like, for error messages."""
        return WORDS[self]

    @property
    def is_wam(self) -> bool:
        """Whether it holds both experts."""
        return self in (Format.WAMLAB, Format.UPSTREAM, Format.LEROBOT)

    @property
    def is_video_only(self) -> bool:
        """Whether it holds a video expert to start training from."""
        return self in (Format.WAN_VIDEO, Format.DIFFUSERS_VIDEO)


WORDS = {
    Format.WAMLAB: "wamlab's own model",
    Format.UPSTREAM: "a checkpoint of Fast-WAM's own code",
    Format.LEROBOT: "LeRobot's format of Fast-WAM",
    Format.WAN_VIDEO: "Wan2.2-TI2V-5B without action expert",
    Format.DIFFUSERS_VIDEO: "Wan2.2-TI2V-5B in diffusers' layout, without action expert",
    Format.WAN_VAE: "Wan 2.2's VAE",
    Format.DIFFUSERS_VAE: "Wan 2.2's VAE in diffusers' layout",
    Format.WAN_TEXT: "Wan's UMT5 text encoder",
    Format.TRANSFORMERS_TEXT: "transformers' UMT5 text encoder",
}


def _same(name: str) -> str:
    return name


DETECTORS: tuple[tuple[Format, Callable[[Collection[str]], bool], Callable[[str], str]], ...] = (
    (Format.UPSTREAM, upstream.recognises, upstream.our_name),
    (Format.LEROBOT, lerobot.recognises, lerobot.our_name),
    (Format.WAMLAB, lambda names: OUR_KEY in names, _same),
    (Format.WAN_VAE, wan_vae.is_wan, wan_vae.from_wan),
    (Format.DIFFUSERS_VAE, wan_vae.is_diffusers, _same),
    (Format.WAN_TEXT, umt5.is_wan, umt5.from_wan),
    (Format.TRANSFORMERS_TEXT, umt5.is_transformers, _same),
    (Format.WAN_VIDEO, wan.is_wan, wan.from_wan),
    (Format.DIFFUSERS_VIDEO, wan.is_diffusers, wan.from_diffusers),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """An open checkpoint.

    Attributes:
        path: What was opened.
        files: Its tensors under the names in the file.
        names: Our name (`video.*`, `action.*`, `proprio_encoder.*`; for a VAE or text encoder
            that of diffusers or transformers) -> name in the file.
        dropped: Names in the file that are no weights: a step counter, an optimizer.
        card: None for files that do not carry it; see `resolve_card`.
        statistics_path: `dataset_stats.json` that belongs to it, None if there is none.
        head_dim: Numbers per attention head; of the card, as given, or 128.
        head_dim_is_assumed: Whether it is neither of the card nor given.
    """

    path: Path
    format: Format
    files: TensorFiles
    names: Mapping[str, str]
    dropped: tuple[str, ...]
    card: WamCard | None
    statistics_path: Path | None
    head_dim: int
    head_dim_is_assumed: bool

    @property
    def entries(self) -> dict[str, Entry]:
        """Our name -> shape and type."""
        return {ours: self.files.entries[theirs] for ours, theirs in self.names.items()}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: entry.shape for name, entry in self.entries.items()}

    @property
    def renamed(self) -> dict[str, str]:
        """Name in the file -> our name, where they differ."""
        return {theirs: ours for ours, theirs in self.names.items() if theirs != ours}

    @property
    def num_bytes(self) -> int:
        """Of all its weight files."""
        return sum(path.stat().st_size for path in self.files.paths)

    @property
    def can_act(self) -> bool:
        """Whether it maps to actions; else it is at most the start of a training."""
        return ACTION_KEY in self.names

    @property
    def sizes(self) -> Sizes:
        """Inferred from shapes, but for `head_dim`, which they do not show.

        Raises:
            ConfigError: If it has not both experts, or `head_dim` does not divide the width.
        """
        if not self.format.is_wam:
            raise ConfigError(
                f"{self.path}: looks like {self.format.words}; expected a model with an action "
                "expert"
            )
        return sizes_of(self.shapes, self.head_dim)

    @property
    def identity(self) -> str:
        """Names the weights by their content: 16 hexadecimal digits of a SHA-256, in a second.

        It covers the size of the files, every tensor's name, shape and type, and of its bytes: in
        a `.pt` the CRC-32 that is stored there of all of them; in safetensors all up to 4096,
        else 8 samples of 64 evenly spread from first to last. A fine-tuned, merged or re-typed
        model gets another identity; a change of single numbers in a large matrix of safetensors
        may not be noticed (`check_digest` reads everything).
        """
        digest = hashlib.sha256(f"{self.num_bytes}\n".encode())
        for name, entry in sorted(self.entries.items()):
            digest.update(f"{name} {entry.shape} {entry.dtype}\n".encode())
        digest.update(self.files.fingerprint())
        return digest.hexdigest()[:16]

    def tensor(self, name: str) -> Tensor:
        """One tensor by our name: a view of the mapped file."""
        return self.files.read(self.names[name])

    def stream(self, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
        """Tensors one after the other, giving memory back on the way."""
        num_bytes = 0
        for name in names:
            tensor = self.tensor(name)
            yield name, tensor
            num_bytes += tensor.nbytes
            if num_bytes > RELEASE_BYTES:
                self.files.release()
                num_bytes = 0

    def part(self, prefix: str) -> Mapping[str, Tensor]:
        """The tensors whose names start so, without the prefix; read when asked for."""
        return _Part(self, prefix)


class _Part(Mapping[str, Tensor]):
    def __init__(self, checkpoint: Checkpoint, prefix: str) -> None:
        self._checkpoint, self._prefix = checkpoint, prefix
        self._names = {n.removeprefix(prefix): n for n in checkpoint.names if n.startswith(prefix)}

    def __getitem__(self, name: str) -> Tensor:
        return self._checkpoint.tensor(self._names[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def open_checkpoint(path: Path | str, *, head_dim: int | None = None) -> Checkpoint:
    """Opens weights of any known format, told by content; reads headers only.

    Args:
        path: A file, an index of shards, or a folder of either; a folder of wamlab's own.
        head_dim: Numbers per attention head, for files without a card; 128 if not given.

    Raises:
        ConfigError: If it is absent, damaged, refused, or of no known format.
    """
    if head_dim is not None and head_dim < 1:
        raise ConfigError(f"head_dim: got {head_dim}, expected a positive number")
    path = Path(path)
    file = _weights_in(path) if path.is_dir() else path
    files = open_files(file)
    format_, names = _detected(file, files)
    folder = file.parent
    card = None
    if format_ is Format.WAMLAB and (folder / FILE_NAME).is_file():
        card = read_manifest(folder).card
    if card and head_dim not in (None, card.sizes.head_dim):
        raise ConfigError(
            f"head_dim: got {head_dim}, expected {card.sizes.head_dim} as in {folder / FILE_NAME}"
        )
    return Checkpoint(
        path=path,
        format=format_,
        files=files,
        names=names,
        dropped=files.others,
        card=card,
        statistics_path=_statistics_of(file) if format_.is_wam else None,
        head_dim=card.sizes.head_dim if card else head_dim or DEFAULT_HEAD_DIM,
        head_dim_is_assumed=card is None and head_dim is None,
    )


def _detected(file: Path, files: TensorFiles) -> tuple[Format, dict[str, str]]:
    """Who wrote it, and our name -> name in the file."""
    try:
        found = [detector for detector in DETECTORS if detector[1](files.entries)]
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    if not found:
        some = ", ".join(sorted(files.entries)[:3]) or "no tensor at all"
        raise ConfigError(
            f"{file}: is of no known format; it holds {len(files.entries)} tensors ({some}). "
            "Expected one of: " + "; ".join(WORDS.values())
        )
    format_, _, our_name = found[0]
    names: dict[str, str] = {}
    for theirs in files.entries:
        ours = our_name(theirs)
        if ours in names:
            raise ConfigError(f"{file}: holds {ours} twice, as {names[ours]} and {theirs}")
        names[ours] = theirs
    return format_, names


def _weights_in(folder: Path) -> Path:
    """The weight file or index in a folder."""
    if (folder / FILE_NAME).is_file():
        return folder / WEIGHTS_NAME
    found = sorted(folder.glob("*.safetensors.index.json")) or sorted(folder.glob("*.safetensors"))
    if not found and (folder / "transformer").is_dir():
        return _weights_in(folder / "transformer")  # the folder of a diffusers pipeline
    if len(found) == 1:
        return found[0]
    others = [path for end in ("*.pt", "*.pth") for path in sorted(folder.glob(end))]
    listing = ", ".join(path.name for path in [*found, *others][:8]) or "none of either"
    raise ConfigError(
        f"{folder}: expected one safetensors file or one index of shards, found {listing}; "
        "name the file itself"
    )


def _statistics_of(file: Path) -> Path | None:
    """The first of the places where training code puts statistics that exists."""
    return next((path for path in statistics_places(file) if path.is_file()), None)


def statistics_places(file: Path) -> list[Path]:
    """Where the statistics of a weight file may lie, the most particular first."""
    places = [file.parent / f"{file.stem}_{STATISTICS_NAME}", file.parent / STATISTICS_NAME]
    if file.parent.name == "weights" and file.parent.parent.name == "checkpoints":
        places.append(file.parents[2] / STATISTICS_NAME)  # Fast-WAM's own training runs
    return places
