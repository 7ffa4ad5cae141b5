import io
from dataclasses import replace

import numpy as np
import pytest
from dreamer import MASS, Dreamer, dreaming

from wamlab.benchmarks.pointmass import IMAGE_PX, PointMass
from wamlab.core.episodes import StopReason
from wamlab.core.errors import ConfigError, ContractError, SpecError
from wamlab.core.types import ActionChunk, CameraBox
from wamlab.engine.imagining import GAP_PX, Imagining, resized
from wamlab.engine.replay import replay
from wamlab.engine.rollout import Terms, rollout
from wamlab.engine.run import evaluate
from wamlab.records.signals import load_signals
from wamlab.records.store import load_run

av = pytest.importorskip("av")


def run(folder, recipe):
    evaluate(recipe, folder, workers=1)
    return load_run(folder)


def comparison(loaded, record):
    return load_signals(loaded.folder, record.key).imagined


def frames(film):
    """Times in control steps (10 a second) and pictures of a film."""
    with av.open(io.BytesIO(film)) as file:
        decoded = list(file.decode(video=0))
    steps = [round(float(frame.pts * frame.time_base) * 10) for frame in decoded]
    return steps, [frame.to_ndarray(format="rgb24") for frame in decoded]


def frames_of(size_px):
    """A chunk whose imagined frames have that size."""
    return ActionChunk(
        actions=np.zeros((4, 2), np.float32),
        imagined=np.zeros((2, size_px, size_px, 3), np.uint8),
        imagined_every=1,
        imagined_layout=(CameraBox("top", 0, 0, size_px, size_px),),
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Five frames of each plan, all of them lived through: a plan every four control steps."""
    return run(tmp_path_factory.mktemp("run") / "saved", dreaming())


@pytest.mark.parametrize(
    ("replan_every", "num_frames", "every", "compared", "filmed"),
    [
        (4, 5, 1, [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8], [0, 1, 2, 3, 4, 5, 6, 7, 8]),  # all of it
        (2, 5, 1, [0, 1, 2, 2, 3, 4, 4, 5, 6, 6], [0, 1, 2, 3, 4, 5, 6]),  # the first half of it
        (6, 3, 1, [0, 1, 2, 6, 7, 8], [0, 1, 2, 6, 7, 8]),  # nothing is known of steps 3 to 5
        (4, 3, 3, [0, 3, 4, 7, 8], [0, 3, 4, 7, 8]),  # step 6 belongs to the next plan
    ],
)
def test_each_frame_that_was_lived_through_is_compared(
    tmp_path, replan_every, num_frames, every, compared, filmed
):
    recipe = dreaming(replan_every=replan_every, num_frames=num_frames, every=every)

    loaded = run(tmp_path / "run", recipe)

    record = loaded.records[0]
    assert comparison(loaded, record).step[: len(compared)].tolist() == compared
    steps, _ = frames((loaded.folder / record.imagined).read_bytes())
    assert steps[: len(filmed)] == filmed


def test_the_film_has_what_was_imagined_above_what_came(saved):
    record = saved.records[0]

    steps, pictures = frames((saved.folder / record.imagined).read_bytes())

    assert record.stop is StopReason.SUCCEEDED
    assert steps == list(range(record.num_steps + 1))
    assert pictures[0].shape == (2 * IMAGE_PX + GAP_PX, IMAGE_PX, 3)
    above, below = pictures[-1][:IMAGE_PX], pictures[-1][-IMAGE_PX:]
    # H.264 at quality 23 on 16 pixels: halves that are equal come out alike, not equal.
    assert np.abs(above.astype(int) - below).mean() < 8


def test_a_perfect_world_model_has_no_error(saved):
    found = comparison(saved, saved.records[0])

    assert found.error.max() == 0
    assert np.isposinf(found.psnr_db).all()
    assert found.still_error.max() > 0


def test_imagining_that_nothing_moves_has_the_error_of_a_still(tmp_path):
    loaded = run(tmp_path / "run", dreaming(sees_motion=False))

    found = comparison(loaded, loaded.records[0])

    assert found.error.max() > 0
    np.testing.assert_array_equal(found.error, found.still_error)
    assert np.isfinite(found.psnr_db[found.error > 0]).all()


def test_a_frame_knows_its_plan(saved):
    signals = load_signals(saved.folder, saved.records[0].key)

    planned = signals.plan_step[signals.imagined.plan]

    ahead = signals.imagined.step - planned
    assert set(ahead) == {0, 1, 2, 3, 4}
    assert set(signals.imagined.plan) == set(range(len(signals.plan_step)))


def test_comparing_changes_no_episode(saved, tmp_path):
    plain = run(tmp_path / "plain", dreaming(save_imagined=False))

    traces = {record.key: record.trace for record in plain.records}
    assert {record.key: record.trace for record in saved.records} == traces
    assert {record.imagined for record in plain.records} == {None}
    assert comparison(plain, plain.records[0]) is None


def test_the_policy_sees_nothing_of_the_comparison():
    key = PointMass(MASS).episodes()[0]
    policy = Dreamer(Dreamer.Config())
    policy.begin(key)
    requests = []

    def plan(request):
        requests.append(request)
        return policy.plan([request])[0]

    terms = Terms(policy="dreamer", spec=policy.spec, action_dim=2, replan_every=4)
    env = PointMass(MASS).make_env(key)
    rollout(env, plan, key, terms, step_limit=20, imagining=Imagining(control_hz=10))

    assert [len(one.images) for one in requests[1].observations] == [0, 0, 0, 1]


def test_a_recording_with_imagined_frames_repeats_itself(saved, tmp_path):
    assert replay(saved, saved.records[0], tmp_path / "film.mp4").is_equal


def test_frames_of_a_policy_that_imagines_nothing_are_not_waited_for(tmp_path):
    recipe = replace(dreaming(), policy=Dreamer.Config().inner)

    with pytest.raises(SpecError, match="the policy imagines none"):
        run(tmp_path / "run", recipe)


@pytest.mark.parametrize("save_imagined", [False, True])
def test_an_unread_camera_ends_the_episode_whether_frames_are_saved_or_not(tmp_path, save_imagined):
    loaded = run(tmp_path / "run", dreaming(camera="wrist", save_imagined=save_imagined))

    record = loaded.records[0]
    assert record.stop is StopReason.INVALID_PLAN
    assert "got camera 'wrist', expected one that the policy reads: top" in record.error


def test_frames_of_another_size_than_before_are_refused():
    spec = Dreamer(Dreamer.Config()).spec
    imagining = Imagining()
    imagining.check(frames_of(16), spec)

    with pytest.raises(ContractError, match=r"got frames of \[8, 8, 3\], expected \[16, 16, 3\]"):
        imagining.check(frames_of(8), spec)


def test_halving_an_image_takes_the_mean_of_four_pixels():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)

    half = resized(image, 2, 3)

    means = image.reshape(2, 2, 3, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(half, np.rint(means))


@pytest.mark.parametrize("size", [(11, 3), (7, 5), (3, 9)])
def test_an_even_surface_stays_even_in_any_size(size):
    image = np.full((7, 5, 3), 77, np.uint8)

    assert (resized(image, *size) == 77).all()


def test_a_run_from_before_the_setting_goes_on(tmp_path):
    recipe = dreaming(save_imagined=False)
    old = run(tmp_path / "run", recipe)
    path = old.folder / "run.json"
    path.write_text(path.read_text().replace(',\n    "save_imagined": false', ""))

    evaluate(recipe, old.folder, workers=1)

    assert "save_imagined" not in load_run(old.folder).info.config
    with pytest.raises(ConfigError, match="save_imagined: False there, True now"):
        evaluate(dreaming(), old.folder, workers=1)
