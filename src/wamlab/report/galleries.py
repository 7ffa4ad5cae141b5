"""Appendix D: what failures look like, chosen by a rule before anybody has looked at one."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

import numpy as np

from wamlab.core.episodes import EpisodeRecord
from wamlab.records.video import encode_jpeg, sampled_frames
from wamlab.report.document import Block, Case, Gallery, Notes, Section
from wamlab.report.entries import Entry
from wamlab.report.labelled import Failure, failures_of
from wamlab.report.labellers import labeller_text
from wamlab.report.layout import benchmark_label
from wamlab.report.study import Study
from wamlab.report.texts import Text, joined, say
from wamlab.report.videos import film_path

MAX_CASES = 3  # of a policy
NUM_FRAMES = 6  # of a case, evenly spaced from the first to the last
FRAME_PX = 160  # height


def gallery_section(study: Study) -> Section | None:
    """Failures of each policy as strips of frames; None if nothing failed.

    A case is the first filmed failure of a task, tasks in their order.
    """
    entries = [entry for one in study.everything for entry in one.entries]
    failed = [entry for entry in entries if failures_of(entry)]
    if not failed:
        return None
    blocks: list[Block] = []
    unfilmed = []
    try:
        for entry in failed:
            cases = tuple(_cases(entry))
            blocks += [_gallery(entry, cases)] if cases else []
            unfilmed += [] if cases else [entry.name]
    except ModuleNotFoundError as error:
        blocks = [Notes(sentences=(say("gallery_no_decoder", package=error.name),))]
    if unfilmed:
        blocks.append(Notes(sentences=(say("gallery_unfilmed", names=", ".join(unfilmed)),)))
    labelled = any(one.labels for entry in failed for one in failures_of(entry))
    return Section(
        key="appendix-d",
        title=say("appendix_d"),
        lead=say("gallery_lead_labelled" if labelled else "gallery_lead", cases=MAX_CASES),
        blocks=tuple(blocks),
    )


def _gallery(entry: Entry, cases: tuple[Case, ...]) -> Gallery:
    number = len(failures_of(entry))
    benchmark = benchmark_label(next(iter(entry.records)).benchmark)
    title = say("gallery_of", name=entry.name, benchmark=benchmark, n=len(cases), failures=number)
    return Gallery(title=title, cases=cases)


def _cases(entry: Entry) -> Iterator[Case]:
    """At most a few; a film that is gone or broken is no case."""
    shown: set[tuple[str, str]] = set()
    failures = failures_of(entry)
    is_labelled = any(one.labels for one in failures)
    for one in failures:
        record = one.record
        task = (record.key.suite, record.key.task)
        path = film_path(entry, record)
        if len(shown) == MAX_CASES or task in shown or path is None or not path.is_file():
            continue
        frames = sampled_frames(path, NUM_FRAMES, FRAME_PX)
        if not frames:
            continue
        shown.add(task)
        yield Case(
            name=f"{entry.name}__{record.key.slug}",
            caption=joined([_how_it_ended(record), *(_labels(one) if is_labelled else [])]),
            jpeg=encode_jpeg(np.concatenate(frames, axis=1)),
        )


def _how_it_ended(record: EpisodeRecord) -> Text:
    return say(
        "gallery_case",
        task=record.instruction or record.key.task,
        init=record.key.init,
        stop=record.stop.replace("_", " "),
        steps="?" if record.num_steps is None else record.num_steps,
    )


def _labels(one: Failure) -> list[Text]:
    """What each labeller said, with the note; or that nobody did."""
    found = []
    for name, label in sorted(one.labels.items()):
        kind, mode = say(f"kind_{label.mode.category}"), label.mode.replace("_", " ")
        is_whole = label.mode.code == label.mode.code[0]
        who = labeller_text(name, label.reviewer)
        key = "gallery_label_category" if is_whole else "gallery_label"
        told = say(key, kind=kind, mode=mode, name=who)
        note = f": {label.note}" if label.note else ""
        found.append(Text(f"{told.en}{note}", f"{told.zh}{note}"))
    return found or [say("gallery_no_label")]


def inline(case: Case) -> str:
    """A strip as the address of an image, for a page that needs no other file."""
    return f"data:image/jpeg;base64,{base64.b64encode(case.jpeg).decode()}"


def strips_of(galleries: Sequence[Gallery]) -> dict[str, bytes]:
    """File of each case, beside the report."""
    return {f"gallery/{case.name}.jpg": case.jpeg for one in galleries for case in one.cases}
