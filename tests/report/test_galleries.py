import io
from dataclasses import replace

import av
import numpy as np
import pytest
from run_folders import key, loaded, record

from wamlab.core.failures import FailureMode
from wamlab.records.labels import Label, Reviewer
from wamlab.records.video import encode_mp4
from wamlab.report.build import write_report
from wamlab.report.document import Gallery, Notes
from wamlab.report.galleries import FRAME_PX, NUM_FRAMES, gallery_section
from wamlab.report.study import make_study

LEVELS = np.linspace(0, 240, 30)


@pytest.fixture
def study(tmp_path):
    """Six failures of four tasks and a success, all filmed but one; one film is broken."""
    folder = tmp_path / "run"
    records = [
        record(key(0, 0), success=True, video="videos/ok.mp4"),
        record(key(0, 1), success=False, video="videos/brighter.mp4", instruction="lift the bowl"),
        record(key(0, 2), success=False, video="videos/brighter.mp4"),
        record(key(1, 0), success=False),
        record(key(1, 1), success=False, video="videos/broken.mp4"),
        record(key(2, 0), success=False, video="videos/brighter.mp4"),
        record(key(3, 0), success=False, video="videos/gone.mp4"),
    ]
    run = loaded(folder, records)
    (folder / "videos").mkdir()
    film = encode_mp4([np.full((64, 64, 3), level, np.uint8) for level in LEVELS], fps=10)
    (folder / "videos/brighter.mp4").write_bytes(film)
    (folder / "videos/broken.mp4").write_bytes(film[:200])
    return make_study([run])


def strip(case):
    (frame,) = av.open(io.BytesIO(case.jpeg), format="mjpeg").decode(video=0)
    return frame.to_ndarray(format="rgb24")


def test_a_case_is_the_first_filmed_failure_of_its_task(study):
    (gallery,) = [b for b in gallery_section(study).blocks if isinstance(b, Gallery)]

    names = [case.name for case in gallery.cases]
    assert [name.split("__")[3:5] for name in names] == [["000", "init01"], ["002", "init00"]]
    assert gallery.title.en == "expert, LIBERO: 2 of 6 failures"
    assert gallery.cases[0].caption.en.startswith("lift the bowl · initial state 1 · step limit")


def test_a_strip_goes_from_the_first_frame_to_the_last(study):
    case = next(b for b in gallery_section(study).blocks if isinstance(b, Gallery)).cases[0]

    image = strip(case)

    assert image.shape == (FRAME_PX, NUM_FRAMES * FRAME_PX, 3)
    seen = image[:, FRAME_PX // 2 :: FRAME_PX].mean(axis=(0, 2))
    expected = LEVELS[np.linspace(0, 29, NUM_FRAMES).round().astype(int)]
    np.testing.assert_allclose(seen, expected, atol=6)


def test_page_and_markdown_show_every_case(study, tmp_path):
    write_report(study, tmp_path / "out")

    page = (tmp_path / "out/report.html").read_text()
    text = (tmp_path / "out/report.md").read_text()
    strips = sorted((tmp_path / "out/gallery").glob("*.jpg"))
    assert page.count("data:image/jpeg;base64,") == len(strips) == 2
    assert all(f"(gallery/{each.name})" in text for each in strips)


def test_failures_without_films_are_said_to_be(tmp_path):
    study = make_study([loaded(tmp_path / "run", [record(key(), success=False)])])

    (block,) = gallery_section(study).blocks

    assert isinstance(block, Notes)
    assert "No failure was filmed of expert" in block.sentences[0].en


def test_where_nothing_failed_there_is_no_gallery(tmp_path):
    study = make_study([loaded(tmp_path / "run", [record(key(), success=True)])])

    assert gallery_section(study) is None


def test_a_case_shows_who_labelled_it_as_what_and_the_note(study):
    def label(init, by, mode, **other):
        where, time = key(0, init), "2026-11-26T09:00:00+00:00"
        return Label(key=where, labeller=by, time=time, mode=mode, **other)

    [entry] = study.entries
    labels = (
        label(1, "anna", FailureMode.GRASP_MISSED, note="slid off"),
        label(1, "v1", FailureMode.TIMEOUT, reviewer=Reviewer.RULE),
    )
    run = replace(entry.runs[0], labels=labels)

    section = gallery_section(make_study([run]))

    (gallery,) = [block for block in section.blocks if isinstance(block, Gallery)]
    first, second = (case.caption for case in gallery.cases)
    ended = "action error (grasp missed) by anna: slid off · timeout by v1 (rule)"
    assert first.en.endswith(ended)
    assert (
        "\u52a8\u4f5c\u9519\u8bef\uff08grasp missed\uff09\uff0c\u6807\u6ce8\u8005 anna: slid off"
        in first.zh
    )
    assert second.en.endswith("not labelled")
    assert "who labelled it as what" in section.lead.en
