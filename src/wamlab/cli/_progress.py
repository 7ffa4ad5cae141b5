"""Shows on stderr how far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from datetime import timedelta
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from wamlab.cli._runs import success_text
from wamlab.engine.run import Tally

LINE_EVERY_S = 10.0


class ProgressDisplay:
    """Takes tallies while a run goes on."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar: Progress | None = None
        self._last_line = -LINE_EVERY_S
        if console.is_terminal:
            self._bar = Progress(
                BarColumn(bar_width=24),
                TextColumn("{task.completed}/{task.total}"),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> ProgressDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, tally: Tally) -> None:
        done = tally.num_finished + tally.num_errors
        if self._bar is not None:
            text = progress_text(tally)
            self._bar.update(self._task, completed=done, total=tally.num_total, description=text)
        elif monotonic() - self._last_line >= LINE_EVERY_S or done == tally.num_total:
            self._last_line = monotonic()
            print(f"{done}/{tally.num_total}  {progress_text(tally)}", file=sys.stderr)


def progress_text(tally: Tally) -> str:
    """One line: success with interval, errors, time to go."""
    parts = [success_text(tally.num_successes, tally.num_finished), f"errors {tally.num_errors}"]
    if tally.eta_s is not None:
        parts.append(f"ETA {timedelta(seconds=round(tally.eta_s))}")
    return "  ".join(parts)
