"""What must hold inside every table: sums, means, differences, quotients, and their headers."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from wamlab.core.failures import Category
from wamlab.report.faults import Fault, Line, lines_of, number_of
from wamlab.report.table import Column, Role, Table, Total, Value

EXACT = 1e-9
PRINTED = 0.00105
"""Error that rounding to 0.1 % leaves between a copied average and its copied parts."""
AVERAGES = ("average", "total")
"""Fields of this name, or that begin with it and an underscore, need the role AVERAGE."""
FIELD_PARTS = ("_low", "_high", "_successes", "_episodes", "_stderr", "_tasks")


def table_faults(table: Table) -> Iterator[Fault]:
    """Everything inside a table that cannot be right."""
    if table.missing is not None:
        return  # nothing of it is printed
    lines = list(lines_of(table))
    for column in table.columns:
        yield from _header_faults(table, column)
        for line in lines:
            yield from _derived_faults(line, column)
    for line in lines:
        yield from _count_faults(line)
        yield from _category_faults(line)
        yield from _interval_faults(line)
    for total in table.totals:
        yield from _total_faults(table, lines, total)
    yield from _block_faults(lines)


def _header_faults(table: Table, column: Column) -> Iterator[Fault]:
    """A mean says in its header, in both languages, how it weights its parts."""
    name = column.fields[0]
    texts = [text for text in (column.label, column.hint) if text is not None]
    english = " ".join(text.en for text in texts).lower()
    chinese = "".join(text.zh for text in texts)

    def fault(found: str, expected: str, rule: str) -> Fault:
        return Fault(table.key, "header", column.label.en, found, expected, rule)

    if column.role is not Role.AVERAGE:
        if any(name == word or name.startswith(f"{word}_") for word in AVERAGES):
            yield fault("no role", "Role.AVERAGE with its parts", "a mean names its parts")
        return
    if not column.of:
        yield fault("no parts", "the fields that it is the mean of", "a mean names its parts")
    if column.weights and len(column.weights) != len(column.of):
        found, expected = f"{len(column.weights)} weights", f"{len(column.of)}, one a part"
        yield fault(found, expected, "weights belong to parts")
    if len(column.of) < 2:
        return
    is_unweighted = "unweighted" in english, "\u4e0d\u52a0\u6743" in chinese
    is_told = "weighted" in english, "\u52a0\u6743" in chinese
    if is_told != (True, True) or is_unweighted != (not column.weights, not column.weights):
        words = "weighted / \u52a0\u6743" if column.weights else "unweighted / \u4e0d\u52a0\u6743"
        yield fault(f"{english!r} / {chinese!r}", words, "the header names the estimator")


def _derived_faults(line: Line, column: Column) -> Iterator[Fault]:
    """The first value of a column follows from other values of its row."""
    if not column.of or column.role in (Role.PLAIN, Role.NAME, Role.RATE):
        return
    name = column.fields[0]
    value = number_of(line.values[name])
    _, cell = line.column_of(name)
    if value is None and column.role is Role.DIFFERENCE:
        return  # the cell says why two numbers are not compared
    expected, rule = _expected(line, column)
    yield from _estimator_faults(line, column)
    if expected is None or (value is None and column.weights and _lacks_a_part(line, column)):
        if value is not None:
            yield line.fault(name, "nothing, since a part of it was not measured", rule)
        return
    slack = PRINTED if line.is_copied else EXACT
    if value is not None and isclose(value, expected, rel_tol=0, abs_tol=slack):
        return
    if line.is_copied and (cell.warns or cell.flag):
        return  # as published, and marked as what it is
    yield line.fault(name, expected, rule)


def _estimator_faults(line: Line, column: Column) -> Iterator[Fault]:
    """A row without weights in a column that is weighted says so."""
    weights = [number_of(line.values[name]) for name in column.weights]
    name = column.fields[0]
    if not weights or any(weights) or line.values[name] is None:
        return
    texts = [text for cell in line.cells for text in (cell.main, *cell.lines)]
    told = any("unweighted" in text.en and "\u4e0d\u52a0\u6743" in text.zh for text in texts)
    if not told:
        yield line.fault(name, "its weights, or the word unweighted", "the row names its estimator")


def _lacks_a_part(line: Line, column: Column) -> bool:
    return any(line.values[name.removeprefix("-")] is None for name in column.of)


def _expected(line: Line, column: Column) -> tuple[float | None, str]:
    """What the first value should be, and by which rule; None if a part is missing."""
    names = [name.removeprefix("-") for name in column.of]
    parts = [number_of(line.values[name]) for name in names]
    weights = [number_of(line.values[name]) for name in column.weights]
    # A part without episodes weighs nothing; a row without any weights counts each part alike.
    is_weighted = any(weights)
    if is_weighted and len(weights) == len(parts):
        known = [
            (part, weight)
            for part, weight in zip(parts, weights, strict=True)
            if part is not None and weight
        ]
        weighted = sum(p * w for p, w in known) / sum(w for _, w in known) if known else None
        return weighted, f"mean of {', '.join(names)} weighted by their episodes"
    numbers = [part for part in parts if part is not None]
    if len(numbers) < len(parts):
        return None, f"made of {', '.join(names)}"
    if column.role is Role.DIFFERENCE:
        return numbers[0] - numbers[1], f"{names[0]} minus {names[1]}, unrounded"
    if column.role is Role.COUNT:
        signs = [-1 if name.startswith("-") else 1 for name in column.of]
        total = sum(sign * number for sign, number in zip(signs, numbers, strict=True))
        return total, f"sum of {', '.join(column.of)}"
    return sum(numbers) / len(numbers), f"mean of {', '.join(names)}"


def _count_faults(line: Line) -> Iterator[Fault]:
    """A rate is its successes over its episodes; failures are the rest."""
    for name in line.values:
        prefix = name.removesuffix("_successes") if name.endswith("_successes") else None
        if name == "successes":
            prefix = ""
        if prefix is None:
            continue
        joint = f"{prefix}_" if prefix else ""
        successes = number_of(line.values[name])
        episodes = number_of(line.values.get(f"{joint}episodes"))
        if successes is None or episodes is None:
            continue
        if not 0 <= successes <= episodes:
            yield line.fault(name, f"0 to {episodes:g}", "successes are among episodes")
        rate = number_of(line.values.get(prefix))
        if rate is not None and episodes and not isclose(
            rate, successes / episodes, rel_tol=0, abs_tol=EXACT
        ):  # fmt: skip
            yield line.fault(prefix, successes / episodes, f"{successes:g} of {episodes:g}")
        failures = number_of(line.values.get(f"{joint}failures"))
        if failures is not None and failures != episodes - successes:
            expected = episodes - successes
            yield line.fault(f"{joint}failures", expected, "failures are episodes minus successes")


def _category_faults(line: Line) -> Iterator[Fault]:
    """Kinds of failures, and those that wait for a label, add up to the failures."""
    names = list(Category)
    kinds = [number_of(line.values.get(name)) for name in names]
    failures = number_of(line.values.get("failures"))
    known = [kind for kind in kinds if kind is not None]
    if failures is None or not known:
        return
    if len(known) < len(kinds):
        lacking = names[kinds.index(None)]
        yield line.fault(lacking, "a count, since others are labelled", "each failure has a kind")
        return
    total = sum(known) + (number_of(line.values.get("unlabelled")) or 0.0)
    if total != failures:
        yield line.fault("failures", total, "kinds of failures add up to the failures")


def _interval_faults(line: Line) -> Iterator[Fault]:
    """A number lies in its interval, and a p-value between 0 and 1."""
    for name, value in line.values.items():
        number = number_of(value)
        if number is None:
            continue
        low, high = (number_of(line.values.get(f"{name}{end}")) for end in ("_low", "_high"))
        if low is not None and high is not None and not low - EXACT <= number <= high + EXACT:
            yield line.fault(name, f"between {low:.6g} and {high:.6g}", "it lies in its interval")
        if name in ("p", "p_holm") and not 0 <= number <= 1:
            yield line.fault(name, "between 0 and 1", "it is a probability")
        if name == "p_holm" and number < (number_of(line.values.get("p")) or 0.0) - EXACT:
            yield line.fault(name, f"at least {line.values['p']}", "Holm never lowers p")


def _total_faults(table: Table, lines: list[Line], total: Total) -> Iterator[Fault]:
    """A total row: counts are sums, rates are means with the weights that it names."""
    by_name = {_first(line): line for line in lines}
    missing = [name for name in (total.row, *total.of) if name not in by_name]
    if missing:
        yield Fault(table.key, total.row, "", f"no row {missing[0]!r}", "a row of that name",
                    "a total row names its parts")  # fmt: skip
        return
    row, parts = by_name[total.row], [by_name[name] for name in total.of]
    for name in total.fields:
        found = number_of(row.values[name])
        numbers = [number_of(part.values[name]) for part in parts]
        known = [number for number in numbers if number is not None]
        if len(known) < len(numbers):
            if found is not None:
                yield row.fault(name, "nothing, since a part was not measured", "total of its rows")
            continue
        expected, rule = _total(name, known, parts, total)
        if found is None or not isclose(found, expected, rel_tol=0, abs_tol=EXACT):
            yield row.fault(name, expected, rule)


def _total(name: str, known: list[float], parts: list[Line], total: Total) -> tuple[float, str]:
    if all(isinstance(part.values[name], int) for part in parts):  # counts; rates are floats
        return sum(known), "sum of its rows"
    if total.weights is None:
        return sum(known) / len(known), "mean of its rows"
    weights = [number_of(part.values[total.weights]) or 0.0 for part in parts]
    weighted = sum(n * w for n, w in zip(known, weights, strict=True)) / sum(weights)
    return weighted, f"mean of its rows weighted by {total.weights}"


def _first(line: Line) -> Value:
    return line.cells[0].values[0]


def _block_faults(lines: list[Line]) -> Iterator[Fault]:
    """Rows that cover other suites do not stand in one table: they are another quantity."""
    covered = [line for line in lines if line.values.get("suites") is not None]
    for line in covered[1:]:
        if line.values["suites"] != covered[0].values["suites"]:
            expected = covered[0].values["suites"]
            yield line.fault("suites", expected, "a table holds rows of the same suites")
