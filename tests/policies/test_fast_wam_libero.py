"""Random weights on the real simulator: the whole way from cameras to an imagined film."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("libero")

from recipes.fast_wam import libero_imagined
from tiny_wam import tiny_card, tiny_wam_folder

from wamlab.core.episodes import StopReason
from wamlab.engine.run import evaluate
from wamlab.nn.card import Variant
from wamlab.records.signals import load_signals
from wamlab.records.store import load_run

pytestmark = pytest.mark.sim


@pytest.mark.parametrize("variant", [Variant.ACTION_ONLY, Variant.JOINT, Variant.IDM])
def test_a_variant_acts_on_libero_and_its_imagination_is_kept(tmp_path, variant):
    folder = tiny_wam_folder(tmp_path / "wam", tiny_card(variant))
    asked = libero_imagined()
    run = replace(
        asked,
        policy=replace(asked.policy, checkpoint=folder, num_denoise_steps=2),
        benchmark=replace(asked.benchmark, suites=("libero_object",), tasks=(0,), step_limit=15),
    )

    evaluate(run, tmp_path / "run", workers=1)

    (record,) = load_run(tmp_path / "run").records
    assert record.stop is StopReason.STEP_LIMIT, record.error
    assert (record.num_plans, record.num_steps) == (2, 15)
    assert (tmp_path / "run" / record.imagined).stat().st_size > 1000
    signals = load_signals(tmp_path / "run", record.key)
    # plans at steps 0 and 10, a frame each 4: 0, 4, 8 and 10, 14
    assert signals.imagined.step.tolist() == [0, 4, 8, 10, 14]
    assert np.isfinite(signals.imagined.error).all()
