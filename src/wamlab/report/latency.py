"""Table 4 and Figure 4 of the report: how long a plan takes, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from statistics import median

from wamlab.report.cells import absent
from wamlab.report.entries import Entry
from wamlab.report.estimates import average, pooled, rate
from wamlab.report.figures import Figure, Panel
from wamlab.report.numbers import percent, percent_interval
from wamlab.report.study import Study
from wamlab.report.svg import NUM_COLORS, across, nice_ticks, plot, up
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import Text, same, say
from wamlab.report.timed import Interval, Timed

BUSY = 1.5  # load average from which another program competed; the timed one is 1 of it


def latency_tables(study: Study, timed: Sequence[Timed]) -> list[Table]:
    """Table 4, one block for each device: times of two devices are not compared.

    Returns:
        One table that says what is missing if nothing was timed.
    """
    if not timed:
        return [_table("table4", say("table4_title"), (), missing=say("why_table4"))]
    devices = list(dict.fromkeys(one.device for one in timed))
    found = []
    for index, device in enumerate(devices):
        rows = tuple(_row(study, one) for one in timed if one.device == device)
        is_first = index == 0
        title = say("table4_title") if is_first else say("table4_block", device=device)
        key = "table4" if is_first else f"table4_{index + 1}"
        found.append(
            _table(
                key,
                title,
                rows,
                notes=(say("note_latency"), say("note_setting"), say("note_outside")),
            )
        )
    return found


def success_of(study: Study, one: Timed) -> Entry | None:
    """The row that was evaluated with exactly these settings, if there is one."""
    for entry in study.entries:
        info = entry.runs[0].info
        is_same = info.config.get("policy") == one.policy
        is_prompt = not info.config.get("delay_steps")
        if is_same and is_prompt and info.config.get("replan_every") == one.executed:
            return entry
    return None


def _table(
    key: str,
    title: Text,
    rows: tuple[tuple[Cell, ...], ...],
    *,
    notes: tuple[Text, ...] = (),
    missing: Text | None = None,
) -> Table:
    ms = say("ms")
    return Table(
        key=key,
        title=title,
        columns=(
            Column(label=say("group"), fields=("group",), is_number=False),
            Column(label=say("model"), fields=("model",), is_number=False, role=Role.NAME),
            Column(label=say("latency"), fields=("mean_ms", "sd_ms"), hint=ms),
            Column(label=say("hardware"), fields=("hardware", "load"), is_number=False),
            Column(label=say("data_source"), fields=("data_source",), is_number=False),
            Column(label=say("p50"), fields=("p50_ms", "p50_low", "p50_high"), hint=ms),
            Column(label=say("p95"), fields=("p95_ms", "p95_low", "p95_high"), hint=ms),
            Column(label=say("num_calls"), fields=("num_calls",)),
            Column(label=say("denoise_steps"), fields=("denoise_steps",)),
            Column(label=say("executed_predicted"), fields=("executed", "predicted")),
            Column(label=say("ms_per_action"), fields=("ms_per_action",), hint=ms),
            Column(label=say("queue_wire"), fields=("queue_ms", "wire_ms"), hint=ms),
            Column(label=say("success_at_setting"),
                   fields=("success", "success_low", "success_high"), hint=say("pct"),
                   role=Role.RATE),
        ),
        rows=rows,
        notes=notes,
        missing=missing,
    )  # fmt: skip


def _row(study: Study, one: Timed) -> tuple[Cell, ...]:
    is_busy = one.load > BUSY
    steps = one.denoise_steps
    return (
        absent(1, "not_recorded")
        if one.group is None
        else Cell(main=same(one.group), values=(one.group,)),
        Cell(main=same(one.name), values=(one.name,)),
        Cell(
            main=same(f"{one.mean_ms:.1f}"),
            lines=(same(f"\u00b1 {one.sd_ms:.1f}"),),
            values=(one.mean_ms, one.sd_ms),
        ),
        Cell(
            main=same(one.device),
            lines=(say("busy", load=f"{one.load:.1f}"),) if is_busy else (),
            values=(one.device, one.load),
            warns=is_busy,
        ),
        Cell(main=say("own_run"), values=("own run",)),
        _percentile(one.p50_ms, one.p50_interval),
        _percentile(one.p95_ms, one.p95_interval),
        Cell(main=same(str(one.num_calls)), values=(one.num_calls,)),
        absent(1, "not_recorded")
        if steps is None
        else Cell(main=same(str(steps)), values=(steps,)),
        Cell(main=same(f"{one.executed} / {one.predicted}"), values=(one.executed, one.predicted)),
        Cell(main=same(f"{one.ms_per_action:.2f}"), values=(one.ms_per_action,)),
        _outside(study, one),
        _success(study, one),
    )


def _outside(study: Study, one: Timed) -> Cell:
    """What a plan took beside the policy's own call, in the evaluation of these settings."""
    entry = success_of(study, one)
    plans = [
        (queued_ms, plan_ms - forward_ms - queued_ms)
        for record in (entry.finished.values() if entry else ())
        for plan_ms, forward_ms, queued_ms in zip(
            record.plan_ms, record.forward_ms, record.queued_ms, strict=False
        )
    ]
    if entry is None or not plans:
        return absent(2)
    queue_ms, wire_ms = (median(times) for times in zip(*plans, strict=True))
    workers = sorted({session.workers for run in entry.runs for session in run.info.sessions})
    return Cell(
        main=same(f"{queue_ms:.1f} + {wire_ms:.1f}"),
        lines=(say("with_workers", num=" / ".join(map(str, workers))),) if workers else (),
        values=(queue_ms, wire_ms),
        query=entry.link(),
    )


def _percentile(value: float, interval: Interval) -> Cell:
    low, high = interval
    ends = ("?" if low is None else f"{low:.1f}", "?" if high is None else f"{high:.1f}")
    return Cell(
        main=same(f"{value:.1f}"),
        lines=(same(f"[{ends[0]}, {ends[1]}]"),),
        values=(value, low, high),
    )


def _success(study: Study, one: Timed) -> Cell:
    entry = success_of(study, one)
    mean = average(entry, study.counted) if entry else None
    found = rate(pooled(entry, study.counted)) if entry else None
    if entry is None or mean is None or found is None:
        return absent(3)
    return Cell(
        main=same(percent(mean)),
        lines=(same(percent_interval(found.low, found.high)),),
        values=(mean, found.low, found.high),
        query=entry.link(),
    )


def frontier_figure(study: Study, timed: Sequence[Timed]) -> Figure | None:
    """Figure 4, a panel for each device; None if no policy was both timed and evaluated."""
    panels = []
    for device in dict.fromkeys(one.device for one in timed):
        points = [
            (one, 100 * mean)
            for one in timed
            if one.device == device
            and (entry := success_of(study, one)) is not None
            and (mean := average(entry, study.counted)) is not None
        ]
        if points:
            panels.append(
                Panel(title=same(device), svg=_plot(study, points), across=say("latency_across"))
            )
    if not panels:
        return None
    return Figure(
        key="figure4",
        title=say("fig4_title"),
        note=say("fig4_text"),
        panels=tuple(panels),
        legend=tuple(
            (name, color) for name, color in study.colors.items() if name in {t.name for t in timed}
        ),
    )


def _plot(study: Study, points: Sequence[tuple[Timed, float]]) -> str:
    """Median latency to the right, success up; a line joins what nothing else beats in both."""
    slowest, lowest = max(one.p50_ms for one, _ in points), min(share for _, share in points)
    start = next(bound for bound in (80, 50, 0) if lowest >= bound)
    x, y = across(1.08 * slowest), up(start, 100, nice_ticks(start, 100))
    best = _unbeaten(points)
    path = " ".join(f"{x(one.p50_ms)},{y(share)}" for one, share in best)
    parts = [f'<polyline class="frontier" points="{path}"/>']
    for one, share in points:
        words = f"{one.name}: {one.p50_ms:.1f} ms, {share:.1f} %"
        color = study.colors.get(one.name, 0) % NUM_COLORS
        parts.append(
            f'<g class="c{color}"><title>{escape(words)}</title>'
            f'<circle class="dot" cx="{x(one.p50_ms)}" cy="{y(share)}" r="5"/></g>'
        )
    spoken = "; ".join(f"{one.name} {one.p50_ms:.1f} ms {share:.1f} %" for one, share in points)
    return plot(x, y, parts, label=spoken)


def _unbeaten(points: Sequence[tuple[Timed, float]]) -> list[tuple[Timed, float]]:
    """The points to which no other is at least as fast and better, from fast to slow."""
    found: list[tuple[Timed, float]] = []
    for one, share in sorted(points, key=lambda point: (point[0].p50_ms, -point[1])):
        if not found or share > found[-1][1]:
            found.append((one, share))
    return found
