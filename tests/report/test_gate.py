"""The consistency gate: a correct report passes, and one altered cell is found and named."""

from dataclasses import replace

import pytest
from gate_documents import (
    SUITES,
    altered,
    document_of,
    faults,
    map_tables,
    said,
    study_of_two,
    value_of,
)
from run_folders import episodes, loaded

from wamlab.core.errors import ConfigError, ConsistencyError
from wamlab.core.failures import Category
from wamlab.report.build import write_report
from wamlab.report.cross_checks import EQUAL, equal_rates, labels_of
from wamlab.report.gate import check_document
from wamlab.report.printing import differ, rounds_to
from wamlab.report.study import make_study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import Text, same


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return study_of_two(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def document(study):
    return document_of(study)


def printed(text):
    return lambda cell: replace(cell, main=same(text))


def lines(**changes):
    """Replaces parts of the smaller lines of a cell."""

    def change(cell):
        texts = cell.lines
        for old, new in changes["parts"].items():
            texts = tuple(Text(one.en.replace(old, new), one.zh.replace(old, new)) for one in texts)
        assert texts != cell.lines
        return replace(cell, lines=texts)

    return change


def test_a_correct_report_has_no_fault(document):
    assert [str(fault) for fault in faults(document)] == []
    check_document(document)


@pytest.mark.parametrize(
    ("table", "row", "field", "value", "rule"),
    [
        ("table1", "joint", "average", 0.9, "mean of libero_spatial, libero_object"),
        ("table1", "joint", "libero_goal", 0.5, "of "),
        ("table1", "joint", "libero_goal_successes", 1, "1 of"),
        ("table1", "joint", "libero_goal_episodes", 500, "of 500"),
        ("table1", "joint", "libero_goal_successes", 900, "successes are among episodes"),
        ("table1", "joint", "libero_goal_low", 0.999, "it lies in its interval"),
        ("table1", "joint", "p_holm", 1.5, "it is a probability"),
        ("table2", "joint", "camera", 0.5, "of "),
        ("table2", "joint", "total_weighted", 0.5, "weighted by their episodes"),
        ("table2", "joint", "total_unweighted", 0.5, "mean of camera, robot"),
        ("table2", "joint", "suites", "libero_10", "rows of the same suites"),
        ("table3", "Camera", "difference", 0.123, "first minus second, unrounded"),
        ("table3", "Total", "first", 0.5, "mean of its rows weighted by pairs"),
        ("table3", "Total", "pairs", 7, "sum of its rows"),
        ("table8", "joint", "failures", 3, "sum of episodes, -successes"),
        ("table8", "joint", "episodes", 3, "sum of episodes, -successes"),
        ("appendix_b", 0, "total", 0.5, "weighted by their episodes"),
        ("twins", "joint", "total", 0.5, "weighted by their episodes"),
    ],
)
def test_one_altered_value_is_refused_by_its_cell(document, table, row, field, value, rule):
    found = faults(altered(document, table, row, field, value=value))

    assert [one for one in found if one.table == table and rule in one.rule]


@pytest.mark.parametrize(
    ("table", "row", "field", "text", "rule"),
    [
        ("table1", "joint", "average", "99.9", "it prints the rounded value"),
        ("table1", "joint", "libero_10", "about 90", "it prints its value"),
        ("table2", "joint", "noise", "12.3", "it prints the rounded value"),
        ("table3", "Camera", "difference", "+99.0", "it prints the rounded value"),
        ("table8", "joint", "failures", "77", "it prints the rounded value"),
        ("detectable", 0, "pairs", "77", "it prints the rounded value"),
    ],
)
def test_one_altered_digit_in_print_is_refused(document, table, row, field, text, rule):
    found = faults(altered(document, table, row, field, change=printed(text)))

    assert [(one.table, one.rule, one.found) for one in found] == [(table, rule, text)]


def test_a_count_that_is_printed_is_the_one_behind_it(document):
    n = value_of(document, "table1", "joint", "libero_goal_episodes")
    change = lines(parts={f"/{n}": f"/{n + 1}"})

    [fault] = faults(altered(document, "table1", "joint", "libero_goal", change=change))

    assert (fault.row, fault.column, fault.rule) == ("joint", "Goal", "it prints its counts")


def test_an_interval_that_is_printed_is_the_one_behind_it(document):
    change = lines(parts={"[": "[1"})

    [fault] = faults(altered(document, "table1", "joint", "libero_goal", change=change))

    assert fault.rule == "it prints its interval"


def test_a_difference_of_rounded_numbers_is_refused(document):
    first = round(value_of(document, "table3", "Camera", "first"), 2)
    second = round(value_of(document, "table3", "Camera", "second"), 2)
    wrong = altered(document, "table3", "Camera", "difference", value=first - second)

    assert [one.column for one in faults(wrong) if "unrounded" in one.rule] == ["Difference (pp)"]


def test_a_number_in_a_cell_that_says_not_measured_is_refused(document):
    missing = altered(
        document, "table1", "joint", "libero_goal", change=lambda c: replace(c, is_absent=True)
    )

    assert [one for one in faults(missing) if one.expected == "no value"]


def test_an_average_over_a_suite_that_nobody_measured_is_refused(document):
    nothing = Cell(main=same("not measured"), values=(None,) * 5, is_absent=True)

    wrong = altered(document, "table1", "joint", "libero_goal", change=lambda _: nothing)

    found = [one for one in faults(wrong) if one.column == "Average"]
    assert [one.expected for one in found] == ["nothing, since a part of it was not measured"]


def test_one_name_is_one_checkpoint_in_all_tables(document):
    wrong = altered(document, "table2", "joint", "policy", value="another-digest")

    found = [one for one in faults(wrong) if one.rule == "one name is one checkpoint"]

    assert {one.row for one in found} == {"joint"}
    assert {one.table for one in found} >= {"table2"}


def test_one_quantity_is_one_number_in_all_tables(document):
    table = next(table for table in document.tables if table.key == "table1")
    copy = replace(table, key="copy", title=same("A copy"))
    twice = map_tables(document, lambda one: one)
    section = twice.sections[0]
    twice = replace(twice, sections=(replace(section, blocks=(*section.blocks, copy)),))
    twice = replace(twice, sections=(*document.sections, *twice.sections))
    n = value_of(document, "table1", "joint", "libero_goal_successes")

    wrong = altered(twice, "copy", "joint", "libero_goal_successes", value=n - 1)

    assert [one.table for one in faults(wrong) if one.rule == "one quantity, one number"]


@pytest.mark.parametrize(("table", "field"), [("table1", "average"), ("table2", "total_weighted")])
def test_a_mean_names_its_estimator_in_both_languages(document, table, field):
    def silent(one):
        columns = [
            replace(c, label=same("Mean"), hint=same("%")) if field in c.fields else c
            for c in one.columns
        ]
        return replace(one, columns=tuple(columns)) if one.key == table else one

    [fault] = faults(map_tables(document, silent))

    assert (fault.table, fault.row, fault.rule) == (
        table,
        "header",
        "the header names the estimator",
    )


def labelled(document, counts):
    """The document with the failures of joint put into kinds."""
    for name, count in zip(Category, counts, strict=True):
        cell = Cell(main=same(str(count)), values=(count, None, None, None))
        document = altered(document, "table8", "joint", name, change=lambda _, cell=cell: cell)
    return document


def test_kinds_of_failures_add_up_to_the_failures(document):
    failures = value_of(document, "table8", "joint", "failures")
    right = [failures - 3, 2, 1, *[0] * (len(Category) - 3)]
    wrong = [failures - 4, *right[1:]]

    assert faults(labelled(document, right)) == []
    [fault] = faults(labelled(document, wrong))
    assert (fault.row, fault.found, fault.expected) == ("joint", str(failures), str(failures - 1))


def test_a_mean_that_calls_itself_weighted_is_refused(document):
    def swapped(one):
        columns = [
            replace(c, hint=Text("weighted", "\u52a0\u6743")) if "average" in c.fields else c
            for c in one.columns
        ]
        return replace(one, columns=tuple(columns)) if one.key == "table1" else one

    assert [one.table for one in faults(map_tables(document, swapped))] == ["table1"]


def test_a_column_of_averages_without_its_parts_is_refused(document):
    def bare(one):
        columns = [
            replace(c, role=Role.PLAIN, of=()) if "average" in c.fields else c for c in one.columns
        ]
        return replace(one, columns=tuple(columns)) if one.key == "table1" else one

    assert [one.rule for one in faults(map_tables(document, bare))] == ["a mean names its parts"]


def rates(*rows, source="own run", names=("a", "b")):
    """A small table of two axes."""
    columns = [Column(label=same("Model"), fields=("model", "policy"), role=Role.NAME,
                      is_number=False)]  # fmt: skip
    columns += [Column(label=same(n), fields=(n,), hint=same("%"), role=Role.RATE) for n in names]
    columns.append(Column(label=same("Source"), fields=("source",), is_number=False))
    made = []
    for index, row in enumerate(rows):
        name = Cell(main=same(f"m{index}"), values=(f"m{index}", f"digest{index}"))
        cells = [Cell(main=same(f"{100 * x:.1f}"), values=(x,)) for x in row]
        told = Cell(main=same(source), values=(source,))
        made.append((name, *cells, told))
    return Table(key="small", title=same("Small"), columns=tuple(columns), rows=tuple(made))


def with_table(document, table):
    section = replace(document.sections[0], key="more", title=None, lead=None, blocks=(table,))
    return replace(document, sections=(*document.sections, section))


def test_two_axes_that_agree_in_every_digit_are_marked(document):
    table = rates((0.302, 0.302))

    found = faults(with_table(document, table))

    assert [(one.row, one.column) for one in found] == [("m0", "a"), ("m0", "b")]
    assert all("every digit" in one.rule for one in found)


def test_the_report_marks_equal_rates_itself_and_says_what_the_mark_means(document):
    table = next(table for table in document.tables if table.key == "appendix_b")
    marked = [cell for row in table.rows for cell in row if EQUAL in cell.flag]

    assert len(marked) == len(equal_rates(table)) > 0
    assert [note for note in table.notes if note.en.startswith("= ")]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_and_everything_are_no_coincidence(document, share):
    assert faults(with_table(document, rates((share, share)))) == []


def test_two_rows_with_the_same_numbers_are_one_measurement(document):
    names = ("a", "b", "c")
    table = rates((0.1, 0.2, 0.3), (0.1, 0.2, 0.3), names=names)

    [fault] = faults(with_table(document, table))

    assert (fault.row, fault.expected) == ("m1", "other numbers than row 'm0'")


def test_a_copied_row_carries_its_citation(document):
    [fault] = faults(with_table(document, rates((0.1, 0.2), source="2603.22078")))

    assert (fault.row, fault.expected) == ("m0", "a citation, e.g. [3]")


def test_a_citation_resolves_and_each_work_is_cited(document):
    listed = said(document, "[1] arXiv 2603.22078: T4", key="references")
    cited = with_table(listed, rates((0.1, 0.2), source="[1] T4"))

    assert faults(cited) == []
    assert [one.found for one in faults(listed)] == ["never cited"]
    assert [one.found for one in faults(said(cited, "As in [2]."))] == ["[2]"]


def test_a_work_is_listed_once(document):
    cited = said(document, "As in [1] and [2].")
    twice = said(said(cited, "[1] arXiv 1", key="references"), "[2] arXiv 1", key="references")

    assert [one.rule for one in faults(twice)] == ["each work is listed once"]


@pytest.mark.parametrize(
    ("en", "zh", "found"),
    [
        ("See Table 99.", "\u89c1\u8868 99\u3002", "Table 99"),
        ("See Figure B9.", "\u89c1\u56fe B9\u3002", "Figure B9"),
        ("Nothing here.", "\u89c1\u8868 99\u3002", "Table 99"),
    ],
)
def test_a_cross_reference_resolves(document, en, zh, found):
    assert [one.found for one in faults(said(document, en, zh))] == [found]
    assert faults(said(document, "See Table 2.", "\u89c1\u8868 2\u3002")) == []


def test_labels_are_read_in_both_languages():
    found = labels_of(
        Text("Table 1.1 and Appendix B", "\u8868 1.1\u3001\u56fe 2\u3001\u9644\u5f55 B")
    )
    assert found == {("Table", "1.1"), ("Appendix", "B"), ("Figure", "2")}


def test_both_languages_print_the_same_numbers(document):
    change = lambda cell: replace(cell, main=Text("12", "13"))  # noqa: E731 - one expression
    found = faults(altered(document, "table8", "joint", "kappa", change=change))

    assert [one.rule for one in found] == ["both languages agree"]
    assert not differ(Text("10 of 50", "50 \u4e2a\u4e2d\u7684 10 \u4e2a"))


@pytest.mark.parametrize(
    ("value", "text", "fits"),
    [
        (98.25, "98.3", True),
        (98.25, "98.2", True),
        (98.25, "98.1", False),
        (-3.14, "\u22123.1", True),
        (1234.0, "1,234", True),
        (96.65, "97", True),
        (5.1234e-5, "5.12e-05", True),
        (5.2e-5, "5.12e-05", False),
        (1234.0, "1.23e+03", True),
    ],
)
def test_a_printed_number_is_a_rounding_of_its_value(value, text, fits):
    assert rounds_to(value, text) is fits


def test_suites_of_unequal_size_are_no_fault(tmp_path):
    records = [
        one
        for index, suite in enumerate(SUITES)
        for one in episodes({suite: 0.5}, num_inits=3 + 2 * index, settles=0.7)
    ]

    study = make_study([loaded(tmp_path / "a", records)])

    assert [str(one) for one in faults(document_of(study))] == []


def test_the_report_is_not_written_and_the_command_ends_with_2(study, tmp_path, monkeypatch):
    from wamlab.report import contents as module

    true_table = module.table_1

    def wrong(one):
        table = true_table(one)
        column = next(i for i, c in enumerate(table.columns) if "average" in c.fields)
        row = list(table.rows[0])
        row[column] = replace(row[column], values=(0.123,))
        return replace(table, rows=(tuple(row), *table.rows[1:]))

    monkeypatch.setattr(module, "table_1", wrong)

    with pytest.raises(
        ConsistencyError, match=r"table table1, row 'action-only', column 'Average'"
    ):
        write_report(study, tmp_path / "report")

    assert issubclass(ConsistencyError, ConfigError)  # which the command line ends with 2
    assert not (tmp_path / "report").exists()
