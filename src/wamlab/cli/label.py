"""Labels failed episodes: why did they fail?"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from wamlab.cli._parser import Parser
from wamlab.cli._runs import find_episode, open_run
from wamlab.core.episodes import Outcome
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.core.failures import failure_mode
from wamlab.records.labels import Label, Reviewer, append_labels, newest
from wamlab.records.store import LoadedRun

COLUMNS = ("episode", "mode", "labeller", "note", "time", "reviewer")

HELP = """\
usage: wamlab label RUN EPISODE MODE --by NAME [--note TEXT] [--reviewer KIND]
       wamlab label RUN --csv FILE [--by NAME] [--reviewer KIND]

Says why a failed episode failed. Labels are appended to labels.jsonl in the run folder and never
overwritten; of one labeller's for one episode the newest counts. Two people who label every
failure without seeing each other's labels fill the categories of the report.

  RUN         run folder; not a bundle
  EPISODE     its key, or a part of it that no other episode has, e.g. init03
  MODE        name or code, e.g. grasp_missed or A1; wamlab list failure-modes explains them
  --by NAME   who labels, the same name every time
  --note      what was seen
  --reviewer  person, rule or ai; only labels of persons fill categories  [person]
  --csv FILE  a table with the columns episode and mode, and labeller, note, time, reviewer where
              the options above do not say it; all of its lines are taken, or none
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("label")
    parser.add_argument("run", type=Path)
    parser.add_argument("episode", nargs="?")
    parser.add_argument("mode", nargs="?")
    parser.add_argument("--by")
    parser.add_argument("--note", default="")
    parser.add_argument("--reviewer", choices=list(Reviewer), default=Reviewer.PERSON)
    parser.add_argument("--csv", type=Path)
    asked = parser.parse_args(arguments)
    if asked.run.is_file():
        raise ConfigError(
            f"{asked.run}: is a file, expected the run folder; a bundle is not changed"
        )
    loaded = open_run(asked.run)
    fields = {"labeller": asked.by, "note": asked.note, "reviewer": str(asked.reviewer)}
    if asked.csv is None:
        if asked.episode is None or asked.mode is None or asked.by is None:
            raise ConfigError("expected RUN EPISODE MODE --by NAME; see wamlab label --help")
        labels = [_label(loaded, fields | {"episode": asked.episode, "mode": asked.mode})]
    elif asked.episode is not None:
        raise ConfigError(f"got {asked.episode!r} and --csv, expected one of both")
    else:
        labels = list(_from_csv(loaded, asked.csv, fields))
    added = append_labels(loaded.folder, labels, loaded.records)
    print("\n".join(_told(loaded, labels, added)))
    return 0


def _label(loaded: LoadedRun, fields: Mapping[str, str | None]) -> Label:
    """One label of its parts in words; what is None is not known."""
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    return Label(
        key=find_episode(loaded.records, fields["episode"] or "").key,
        labeller=fields["labeller"] or "",
        time=fields.get("time") or now,
        mode=failure_mode(fields["mode"] or ""),
        note=fields["note"] or "",
        reviewer=_reviewer(fields["reviewer"] or Reviewer.PERSON),
    )


def _reviewer(name: str) -> Reviewer:
    if name not in list(Reviewer):
        raise unknown_name("reviewer", name, list(Reviewer))
    return Reviewer(name)


def _from_csv(loaded: LoadedRun, path: Path, given: Mapping[str, str | None]) -> Iterator[Label]:
    """The labels of a table; a cell that is filled counts more than what was given for all."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}; expected a CSV file in UTF-8") from error
    rows = csv.DictReader(io.StringIO(content, newline=""))
    header = rows.fieldnames or []
    if lacking := [name for name in ("episode", "mode") if name not in header]:
        raise ConfigError(
            f"{path}: has no column {lacking[0]!r}, expected {', '.join(COLUMNS[:2])}"
        )
    for name in header:
        if name not in COLUMNS:
            raise unknown_name("column", name, COLUMNS)
    for row in rows:
        try:
            if None in row or None in row.values():
                raise ConfigError(f"got another number of cells than {len(header)}")
            yield _label(loaded, {**given, **{name: cell for name, cell in row.items() if cell}})
        except ConfigError as error:
            raise ConfigError(f"{path}, line {rows.line_num}: {error}") from error


def _told(loaded: LoadedRun, labels: Sequence[Label], added: Sequence[Label]) -> Iterator[str]:
    """What was added, and how many failures each labeller has labelled."""
    if len(labels) == 1:
        [label] = labels
        yield f"{label.key}  {label.mode} ({label.mode.category})  {label.labeller}"
    if len(added) < len(labels):
        yield f"{len(labels) - len(added)} of {len(labels)} were there already"
    num_failures = sum(record.outcome is Outcome.FAILURE for record in loaded.records)
    current = newest([*loaded.labels, *added])
    for name in sorted({label.labeller for label in labels}):
        done = sum(labeller == name for _, labeller in current)
        yield f"{name} has labelled {done} of {num_failures} failures of {loaded.folder}"
