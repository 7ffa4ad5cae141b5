import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import ABOUT, FPS, LENGTHS, images, takes, write_v2, write_v3

from wamlab.core.errors import ConfigError, StoreError
from wamlab.data import layout
from wamlab.data.convention import Gripper, converted
from wamlab.data.demonstration import ArrayFilm, Demonstration
from wamlab.data.film import VideoFilm, encode_film
from wamlab.data.lerobot_writer import write_dataset
from wamlab.data.reading import read_dataset

VIDEO = "videos/observation.images.image/chunk-000/file-001.mp4"
TABLE = "data/chunk-000/file-000.parquet"


@pytest.fixture
def folder(tmp_path):
    return write_v3(tmp_path)


def replace_film(path, film):
    path.unlink()  # a hard link: writing into it would change the recording
    path.write_bytes(film)


def change_info(folder, **values):
    info = json.loads((folder / layout.INFO).read_text())
    (folder / layout.INFO).write_text(json.dumps(info | values))


def change_action(path, change):
    table = pq.read_table(path)
    action = np.array(table[layout.ACTION].to_pylist(), np.float32)
    place = table.column_names.index(layout.ACTION)
    changed = pa.array(list(change(action)))
    pq.write_table(table.set_column(place, layout.ACTION, changed), path)


def poisoned(action):
    action[LENGTHS[0] + 13, 2] = np.nan
    return action


def test_a_missing_video_is_named(folder):
    (folder / VIDEO).unlink()

    with pytest.raises(ConfigError, match=r"file-001\.mp4: no such video"):
        read_dataset(folder)


def test_a_video_that_is_cut_off_is_named(folder):
    path = folder / VIDEO
    replace_film(path, path.read_bytes()[:1000])

    with pytest.raises(StoreError, match=r"file-001\.mp4: cannot be opened"):
        read_dataset(folder)


def test_a_video_of_another_rate_is_refused_with_both_rates(folder):
    replace_film(folder / VIDEO, encode_film(images(1, 0, LENGTHS[1]), 10.0))

    with pytest.raises(ConfigError, match=r"10 frames per second, info\.json says 20"):
        read_dataset(folder)


def test_a_robot_of_another_rate_is_refused_with_both_rates(folder):
    with pytest.raises(ConfigError, match="20 steps per second, expected 10"):
        read_dataset(folder, fps=10)


def test_too_few_frames_are_refused_with_both_counts(folder):
    replace_film(folder / VIDEO, encode_film(images(1, 0, 40), FPS))

    with pytest.raises(ConfigError, match="has 40 frames, its episodes 45 steps"):
        read_dataset(folder)


def test_too_few_rows_are_refused_with_both_counts(folder):
    table = pq.read_table(folder / TABLE)
    pq.write_table(table.slice(0, table.num_rows - 2), folder / TABLE)

    with pytest.raises(ConfigError, match="has 5 steps of episode 2, its entry in meta says 7"):
        read_dataset(folder)


def test_another_gripper_is_refused_with_both_conventions(folder):
    with pytest.raises(ConfigError, match=r"'closed 0, open 1', expected 'open -1, closed \+1'"):
        read_dataset(folder, gripper=Gripper.CLOSED_1)


def test_an_unlabelled_dataset_of_the_simulators_convention_is_refused(tmp_path):
    folder = write_v2(tmp_path)
    for path in sorted((folder / "data").rglob("*.parquet")):
        change_action(path, lambda action: converted(action, Gripper.OPEN_1, Gripper.CLOSED_1))

    with pytest.raises(ConfigError, match=r"'open -1, closed \+1', expected 'closed 0, open 1'"):
        read_dataset(folder)


def test_a_gripper_of_no_known_meaning_is_refused_with_its_range(tmp_path):
    folder = write_v2(tmp_path)
    for path in sorted((folder / "data").rglob("*.parquet")):
        change_action(path, lambda action: 100 * action)

    with pytest.raises(ConfigError, match="the last action dimension goes from 0 to 100"):
        read_dataset(folder)


def test_nan_actions_are_refused_with_episode_and_step(folder):
    change_action(folder / TABLE, poisoned)

    with pytest.raises(ConfigError, match="toy/1: action of step 13 is NaN"):
        read_dataset(folder)


def test_unequal_lengths_are_refused():
    film = ArrayFilm(np.zeros((4, 2, 2, 3), np.uint8))

    with pytest.raises(ConfigError, match="wrist has 4 steps, action has 5"):
        Demonstration(
            name="a",
            instruction="b",
            state=np.zeros((5, 2), np.float32),
            action=np.zeros((5, 2), np.float32),
            films={"wrist": film},
        )


def test_an_unknown_version_is_refused(folder):
    change_info(folder, codebase_version="v1.6")

    with pytest.raises(ConfigError, match=r"version 'v1\.6', expected v2\.1 or v3\.0"):
        read_dataset(folder)


def test_images_in_tables_are_refused_with_advice(folder):
    info = json.loads((folder / layout.INFO).read_text())
    info["features"]["observation.images.image"]["dtype"] = "image"
    change_info(folder, features=info["features"])

    with pytest.raises(ConfigError, match="stored as images, expected videos; convert"):
        read_dataset(folder)


def test_a_folder_without_dataset_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no dataset, expected a folder with meta/info\.json"):
        read_dataset(tmp_path)


def test_an_hdf5_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "a_demo.hdf5"
    path.write_bytes(b"not HDF5")

    with pytest.raises(ConfigError, match="expected LIBERO's layout"):
        read_dataset(path)


def test_a_frame_past_the_end_of_a_film_is_an_error(folder):
    film = VideoFilm(path=folder / VIDEO, first=0, num_frames=60, fps=FPS)

    with pytest.raises(StoreError, match="has no frame 50"):
        film.frames([50])


def test_nothing_recorded_writes_no_dataset(tmp_path):
    with pytest.raises(ConfigError, match="no successful, settled episode"):
        write_dataset(tmp_path, [], ABOUT)


def test_a_full_disk_leaves_the_recordings(tmp_path, monkeypatch):
    made = takes(tmp_path / "takes")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(full))
    monkeypatch.setattr("shutil.copyfile", lambda *_: (_ for _ in ()).throw(full))

    with pytest.raises(StoreError, match=r"No space left on device.*same command to continue"):
        write_dataset(tmp_path / "out", made, ABOUT)

    assert all(film.exists() for take in made for film in take.films.values())
