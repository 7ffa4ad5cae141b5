import json
import os
import pickle
import shutil
from dataclasses import replace

import pytest
import torch
from checkpoint_files import (
    SIZES,
    lerobot_file,
    statistics_file,
    upstream_file,
    wan_shards,
    weights,
)
from safetensors.torch import save_file

from wamlab.core.errors import ConfigError, StoreError
from wamlab.nn.card import Variant, libero_card
from wamlab.nn.checkpoints import check_digest, convert, open_checkpoint, resolve_card

CARD = libero_card(Variant.ACTION_ONLY, action_shift=5.0, sizes=SIZES)


class Payload:
    """Would create a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def upstream(tmp_path):
    return upstream_file(tmp_path / "a.pt", weights())


@pytest.fixture
def folder(tmp_path, upstream):
    checkpoint = open_checkpoint(upstream, head_dim=8)
    statistics = statistics_file(tmp_path / "stats.json")
    convert(checkpoint, tmp_path / "model", CARD, statistics=statistics)
    return tmp_path / "model"


@pytest.mark.parametrize("name", ["evil.pt", "evil.safetensors"])
def test_a_pickle_in_disguise_is_refused_and_not_run(name, tmp_path):
    (tmp_path / name).write_bytes(pickle.dumps(Payload(tmp_path / "owned")))

    with pytest.raises(ConfigError, match="is a bare pickle, which may run any program"):
        open_checkpoint(tmp_path / name)

    assert not (tmp_path / "owned").exists()


def test_a_program_inside_an_archive_of_torch_is_refused_by_name_and_not_run(tmp_path):
    torch.save({"mot": Payload(tmp_path / "owned")}, tmp_path / "evil.pt")

    with pytest.raises(ConfigError, match=r"would run code .*imports (posix|nt)\.mkdir"):
        open_checkpoint(tmp_path / "evil.pt")

    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_truncated_torch_file_says_so(kept, upstream):
    os.truncate(upstream, int(upstream.stat().st_size * kept))

    with pytest.raises(ConfigError, match=r"a\.pt: is truncated"):
        open_checkpoint(upstream)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_safetensors_file_says_so(kept, tmp_path):
    path = lerobot_file(tmp_path / "a.safetensors", weights(), layer_first=True)
    os.truncate(path, int(path.stat().st_size * kept))

    with pytest.raises(ConfigError, match=r"a\.safetensors: is truncated or damaged"):
        open_checkpoint(path)


def test_a_text_in_the_place_of_a_file_says_so(tmp_path):
    (tmp_path / "a.pt").write_text("version https://git-lfs.github.com/spec/v1")

    with pytest.raises(ConfigError, match=r"starts with b'version ';.*Git LFS"):
        open_checkpoint(tmp_path / "a.pt")


def test_an_absent_file_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        open_checkpoint(tmp_path / "a.pt")


def test_the_first_layout_of_upstream_is_refused(tmp_path):
    torch.save({"dit": {"patch_embedding.weight": torch.zeros(1)}}, tmp_path / "a.pt")

    with pytest.raises(ConfigError, match="holds `dit` and no `mot`"):
        open_checkpoint(tmp_path / "a.pt")


def test_tensors_of_something_else_list_what_would_be_known(tmp_path):
    save_file({"resnet.conv1": torch.zeros(1)}, tmp_path / "a.safetensors")

    with pytest.raises(ConfigError, match=r"no known format; it holds 1 tensors \(resnet\.conv1\)"):
        open_checkpoint(tmp_path / "a.safetensors")


def test_a_missing_shard_is_named(tmp_path):
    folder = wan_shards(tmp_path / "wan", weights())
    (folder / "a-00002-of-00002.safetensors").unlink()

    with pytest.raises(ConfigError, match="1 of 2 shards are missing, first a-00002"):
        open_checkpoint(folder)


def test_a_single_shard_points_to_its_folder(tmp_path):
    folder = wan_shards(tmp_path / "wan", weights())

    with pytest.raises(ConfigError, match="is one of 2 shards; open their folder"):
        open_checkpoint(folder / "a-00001-of-00002.safetensors")


def test_an_index_that_points_outside_of_its_folder_is_refused(tmp_path):
    index = {"weight_map": {"a": "../secret.safetensors"}}
    (tmp_path / "a.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(ConfigError, match="expected a file in the same folder"):
        open_checkpoint(tmp_path)


def test_another_action_dim_than_the_cards_is_named(tmp_path):
    robotwin = weights(replace(SIZES, action_dim=14))
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", robotwin), head_dim=8)

    with pytest.raises(ConfigError, match="action_dim 14 where the card of libero says 7"):
        resolve_card(checkpoint, variant=Variant.ACTION_ONLY, action_shift=5.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"variant": Variant.IDM}, "variant: got idm, but the model's card says action_only"),
        ({"action_shift": 1.0}, r"action_shift: got 1\.0, but the model's card says 5\.0"),
        ({"video_shift": 1.0}, r"video_shift: got 1\.0, but the model's card says 5\.0"),
    ],
)
def test_what_contradicts_the_card_is_refused(given, message, folder):
    with pytest.raises(ConfigError, match=message):
        resolve_card(open_checkpoint(folder), **given)


def test_missing_statistics_say_where_they_were_looked_for(upstream, tmp_path):
    checkpoint = open_checkpoint(upstream, head_dim=8)

    with pytest.raises(ConfigError, match=r"statistics are missing.*a_dataset_stats\.json"):
        convert(checkpoint, tmp_path / "out", CARD)

    assert not (tmp_path / "out").exists()


def test_statistics_without_the_key_that_is_needed_name_it(upstream, tmp_path):
    path = statistics_file(tmp_path / "dataset_stats.json")
    content = json.loads(path.read_text())
    del content["action"]["default"]["global_max"]
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=r"action\.default: no 'global_max'"):
        convert(open_checkpoint(upstream, head_dim=8), tmp_path / "out", CARD)


def test_an_existing_folder_is_not_overwritten(folder, upstream):
    before = (folder / "wam.json").read_bytes()

    with pytest.raises(ConfigError, match="exists, and is not overwritten"):
        convert(
            open_checkpoint(upstream, head_dim=8), folder, CARD,
            statistics=folder / "dataset_stats.json",
        )  # fmt: skip

    assert (folder / "wam.json").read_bytes() == before


def test_an_interrupted_conversion_leaves_nothing_behind(upstream, tmp_path):
    statistics = statistics_file(tmp_path / "stats.json")

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(
            open_checkpoint(upstream, head_dim=8), tmp_path / "out", CARD,
            statistics=statistics, progress=interrupt,
        )  # fmt: skip

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "stats.json"]


def test_a_place_that_cannot_be_written_says_so(upstream, tmp_path):
    statistics = statistics_file(tmp_path / "stats.json")

    with pytest.raises(StoreError, match=r"stats\.json/model: cannot be written \("):
        convert(
            open_checkpoint(upstream, head_dim=8), statistics / "model", CARD,
            statistics=statistics,
        )  # fmt: skip


def test_heads_of_no_size_are_refused(upstream):
    with pytest.raises(ConfigError, match="head_dim: got 0, expected a positive number"):
        open_checkpoint(upstream, head_dim=0)


def test_a_changed_byte_is_found_when_asked_for(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))

    with pytest.raises(ConfigError, match="were changed or damaged"):
        check_digest(folder)


def test_a_folder_of_a_later_version_is_refused(folder):
    manifest = json.loads((folder / "wam.json").read_text())
    (folder / "wam.json").write_text(json.dumps(manifest | {"version": 2}))

    with pytest.raises(ConfigError, match="got version 2, expected 1"):
        open_checkpoint(folder)


def test_a_folder_of_several_files_asks_for_one(upstream, tmp_path):
    shutil.copy(upstream, tmp_path / "b.pt")

    with pytest.raises(ConfigError, match=r"found a\.pt, b\.pt; name the file itself"):
        open_checkpoint(tmp_path)
