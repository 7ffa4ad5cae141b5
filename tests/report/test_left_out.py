"""What could not run is counted below every table; repeats say how well a run repeats."""

from dataclasses import replace

from plus_folders import EQUAL, disturbed, plus_run
from run_folders import key, loaded, record

from wamlab.report.evaluation_notes import appendix_f
from wamlab.report.left_out import with_left_out
from wamlab.report.parts import conclusion_sections
from wamlab.report.plus import PLUS, table_2
from wamlab.report.study import make_study

NEEDS = "needs the asset pack"


def plus_study(folder, *skipped_of_each):
    """One row for each mapping: what is missing -> episodes left out."""
    runs = [
        plus_run(folder / name, disturbed(EQUAL, name=name), name=name, skipped=skipped)
        for name, skipped in zip(("first", "second"), skipped_of_each, strict=False)
    ]
    return make_study(runs)


def names(num):
    return tuple(f"libero_plus/libero_goal/{index:04d}/init00/seed0" for index in range(num))


def notes_of(study):
    plus = study.on(PLUS)
    return [[note.en for note in with_left_out(t, plus).notes] for t in table_2(study)]


def test_every_table_of_the_benchmark_counts_what_could_not_run(tmp_path):
    study = plus_study(tmp_path, {NEEDS: names(3)})

    found = {
        table.key: [note.en for note in table.notes if "could not run" in note.en]
        for section in conclusion_sections(study, ())
        for block in section.blocks
        for table in getattr(block, "tables", (block,))
        if getattr(table, "rows", None) and section.key in ("robustness", "appendices")
    }

    line = (
        "In no row: 3 episodes of LIBERO-Plus that could not run (needs the asset pack); "
        "run.json names them."
    )
    assert found["table2"] == found["appendix_b"] == [line]
    assert found["appendix_f"] == []


def test_rows_that_left_out_different_episodes_are_told_apart(tmp_path):
    [notes] = notes_of(plus_study(tmp_path, {NEEDS: names(3)}, {}))

    assert any(note.startswith("Not in the row of first: 3 episodes") for note in notes)
    assert not any("second:" in note for note in notes if "could not run" in note)


def test_nothing_is_said_where_nothing_was_left_out(tmp_path):
    [notes] = notes_of(plus_study(tmp_path, {}, {}))

    assert not any("could not run" in note for note in notes)


def test_what_another_run_of_the_row_holds_is_not_left_out(tmp_path):
    records = disturbed(EQUAL)
    ran = (str(records[0].key),)
    study = make_study([plus_run(tmp_path / "a", records, skipped={NEEDS: ran + names(1)})])

    [notes] = notes_of(study)
    assert any("In no row: 1 episodes" in note for note in notes)


def test_a_second_pass_says_how_many_end_alike_and_enters_no_rate(tmp_path):
    first = [record(key(init=init), success=init < 6) for init in range(10)]
    second = [
        replace(one, key=one.key.second_pass, repeats=one.key)
        for one in (first[0], first[1], first[8], record(key(init=9), success=True))
    ]
    run = loaded(tmp_path / "a", [*first, *second], num_repeats=4)

    [line] = appendix_f(make_study([run])).records()

    assert (line["alike"], line["run_twice"]) == (0.75, 4)
    assert line["success_episodes"] == 10
    # One of four differs: sd of an episode sqrt(1/8), of the mean of ten sqrt(1/80).
    assert abs(line["rerun_sd"] - (1 / 80) ** 0.5) < 1e-12


def test_without_a_second_pass_the_table_says_so(tmp_path):
    study = make_study([loaded(tmp_path / "a", [record(key(), success=True)])])

    [line] = appendix_f(study).records()

    assert line["alike"] is None
