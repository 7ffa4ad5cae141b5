import json
from dataclasses import replace

import numpy as np
import pytest
from plus_folders import EQUAL, disturbed, plus_run
from run_folders import INFO, MACHINE, episodes, key, loaded, record

from wamlab.core.episodes import StopReason
from wamlab.core.errors import ConfigError, StoreError
from wamlab.published.numbers import select
from wamlab.records.store import load_run
from wamlab.report.against_published import appendix_h
from wamlab.report.build import write_report
from wamlab.report.contrasts import Verdict, against_reference, by_suite
from wamlab.report.copied import copied_tables
from wamlab.report.evaluation_notes import appendix_f
from wamlab.report.facts import warnings
from wamlab.report.failures import table_8
from wamlab.report.forest import forest_figure
from wamlab.report.labellers import appendix_e
from wamlab.report.models import table_11
from wamlab.report.parts import conclusion_sections
from wamlab.report.printing import printing_faults
from wamlab.report.protocol_card import appendix_g
from wamlab.report.references import References
from wamlab.report.study import make_study
from wamlab.report.three_d import table_7

SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")
MODEL = {
    "class": "WAM",
    "role": "WAM, joint",
    "weights": "abc123",
    "origin": "libero_joint.pt (upstream)",
    "trained_here": "no",
    "num_parameters": "6020000000",
    "robot_actions": "no",
    "robot_video": "yes",
}


def small(name="expert", rate=0.5, num_inits=2):
    return episodes(dict.fromkeys(SUITES, rate), name=name, num_tasks=2, num_inits=num_inits)


def cells(table, field):
    place = next(i for i, column in enumerate(table.columns) if field in column.fields)
    return [row[place] for row in table.rows]


def test_a_model_is_what_its_run_recorded_of_it(tmp_path):
    study = make_study([loaded(tmp_path / "a", small(), model=MODEL)])

    [line] = table_11(study).records()

    assert line["evidence"] == "rerun of released checkpoint"
    assert (line["origin"], line["weights"]) == (MODEL["origin"], "abc123")
    assert line["num_parameters"] == 6_020_000_000
    assert cells(table_11(study), "num_parameters")[0].main.en == "6,020,000,000"
    assert not list(printing_faults(table_11(study)))
    assert cells(table_11(study), "web_video")[0].main.en == "\u2717 / \u2713 / not recorded"


def test_what_no_run_recorded_is_not_recorded_and_not_empty(study):
    table = table_11(study)

    for field in ("role", "origin", "robot_actions", "num_parameters"):
        assert {cell.main.en for cell in cells(table, field)} == {"not recorded"}
    assert {cell.main.zh for cell in cells(table, "role")} == {"\u672a\u8bb0\u5f55"}


def test_a_model_that_ran_two_benchmarks_is_one_row(tmp_path):
    runs = [
        loaded(tmp_path / "a", small("first"), name="first"),
        plus_run(tmp_path / "b", disturbed(EQUAL, suites=("libero_10",)), name="first"),
    ]

    [line] = table_11(make_study(runs)).records()

    assert line["benchmarks"] == "LIBERO, LIBERO-Plus"


def test_failures_are_episodes_minus_successes_and_categories_wait_for_labels(tmp_path):
    records = [record(key(init=init), success=init < 3) for init in range(8)]
    records[7] = replace(records[7], stop=StopReason.TERMINATED)
    broken = replace(record(key(init=9), success=False), stop=StopReason.SIMULATOR_ERROR)

    table = table_8(make_study([loaded(tmp_path / "a", [*records, broken])]))

    [line] = table.records()
    assert (line["failures"], line["episodes"], line["at_step_limit"]) == (5, 8, 4)
    assert cells(table, "perception")[0].main.en == "not measured"
    assert cells(table, "kappa")[0].main.zh == "\u672a\u6d4b"


def test_a_table_of_which_nothing_was_measured_is_one_line_with_its_columns(study, tmp_path):
    write_report(study, tmp_path)

    content = json.loads((tmp_path / "report.json").read_text())["tables"]
    assert content["table4"]["rows"] == []
    assert "batch 1" in content["table4"]["not_measured"]
    assert content["table4"]["columns"][0] == "Group"
    assert not (tmp_path / "tables" / "table4.csv").exists()
    markdown = (tmp_path / "report.md").read_text()
    assert "**Table 4. Inference speed**: not measured" in markdown
    page = (tmp_path / "report.html").read_text()
    assert page.count('id="table4"') == 1
    assert '<table id="table4"' not in page


def test_every_missing_table_says_what_to_run(study):
    for table in (table_7(study), *appendix_e(study)):
        assert "needs" in table.missing.en
        assert "\u9700\u8981" in table.missing.zh


def test_notes_say_on_what_and_how_long(tmp_path):
    machine = replace(MACHINE, gpu="NVIDIA A800, 550.1\nNVIDIA A800, 550.1")
    session = replace(INFO.sessions[0], machine=machine, workers=4)
    records = [replace(one, wall_s=36.0) for one in small()]

    [line] = appendix_f(
        make_study([loaded(tmp_path / "a", records, sessions=(session,))])
    ).records()

    assert (line["machine"], line["num_gpus"]) == ("NVIDIA A800 \u00d7 2", 2)
    assert line["episode_hours"] == pytest.approx(len(records) / 100)
    assert line["hours"] == pytest.approx(len(records) / 400)


def test_the_card_has_what_was_recorded_and_says_what_was_not(tmp_path):
    records = [record(key(init=init), success=init > 0) for init in range(3)]
    config = {
        "replan_every": 5,
        "policy": {"class": "x:Y", "config": {"num_denoise_steps": 10, "dtype": "bfloat16"}},
    }

    [line] = appendix_g(make_study([loaded(tmp_path / "a", records, config=config)])).records()

    assert line["trials"] == "3 x 1"
    assert line["inits"] == "0\u20132"
    assert line["limits"] == "Spatial 220"
    assert (line["chunk"], line["denoise"], line["settle"]) == ("5 / 8", "10", "10")
    assert line["dtype"] == "bfloat16"
    assert (line["images"], line["settled"]) == (None, None)


def test_the_forest_holds_every_contrast_of_the_tables(study):
    figure = forest_figure(study)

    drawn = "".join(panel.svg for panel in figure.panels)
    contrasts = [*by_suite(study).values(), *against_reference(study, study.average_of).values()]
    assert drawn.count('class="dot"') == len(contrasts)
    resolved = [c for c in contrasts if c.verdict in (Verdict.HIGHER, Verdict.LOWER)]
    assert drawn.count("*</text>") == len(resolved) > 0


def test_one_row_alone_has_no_forest(runs):
    assert forest_figure(make_study(runs[:1])) is None


def test_copied_rows_are_marked_cited_and_in_no_test():
    references = References()

    one, two = copied_tables(["Fast-WAM-Joint@report-v0.2"], references)

    assert one.flag == two.flag == "\u2020"
    assert {cell.main.en for cell in cells(one, "source")} == {"copied [1] T1"}
    assert references.listed()[0].en.startswith("[1] report-v0.2: T1")
    names = {name for column in (*one.columns, *two.columns) for name in column.fields}
    assert not {name for name in names if "p_holm" in name or "difference" in name}


def test_copied_numbers_are_those_of_the_source():
    [number] = [
        one
        for one in select(model="Fast-WAM-Joint", source="report-v0.2:T3")
        if (one.setting, one.metric) == ("noise", "success_rate")
    ]

    [table] = copied_tables(["Fast-WAM-Joint@report-v0.2:T3"], References())

    [line] = [line for line in table.records() if line["publication"] == number.source]
    assert line["noise"] == pytest.approx(float(number.printed) / 100)
    assert line["original"] is None


def test_a_report_with_copied_rows_holds_together_and_cites_them(study, tmp_path):
    models = ["Fast-WAM@report-v0.2", "pi0.5@report-v0.2:T1"]

    content = write_report(study, tmp_path, published=models)

    assert {"table1_published", "table2_published"} <= content["tables"].keys()
    text = (tmp_path / "report.md").read_text()
    assert "- [1] report-v0.2: T1" in text
    assert "copied [1] T1" in text


def test_a_model_that_nobody_publishes_is_refused(study):
    with pytest.raises(ConfigError, match="no model 'no-such-model'"):
        list(conclusion_sections(study, ["no-such-model"]))


@pytest.mark.parametrize(
    ("source", "mark"),
    [
        ("arXiv:2603.16666 T1", "[1] T1"),
        ("arXiv:2603.16666v3 T4", "[1] T4"),
        ("GaussianWAM arXiv:2608.24714 T1", "[2] T1"),
        ("github:sylvestf/LIBERO-plus README@4976dc3", "[3] README@4976dc3"),
        ("report-v0.2:AppB", "[4] AppB"),
    ],
)
def test_a_publication_has_one_number_whatever_its_table(source, mark):
    references = References()
    for earlier in ("arXiv:2603.16666 T1", "arXiv:2608.24714v2", "github:sylvestf/LIBERO-plus"):
        references.mark(earlier)

    assert references.mark(source) == mark


def test_an_own_row_stands_beside_what_is_published_of_that_model(tmp_path):
    records = episodes(dict.fromkeys(SUITES, 0.9), name="Fast-WAM", num_inits=10)
    study = make_study([loaded(tmp_path / "a", records, name="Fast-WAM")])

    lines = appendix_h(study, References()).records()

    spatial = next(line for line in lines if line["number"] == "fast-wam/libero/spatial@"
                   "arxiv-2603.16666-t2")  # fmt: skip
    own = np.mean([r.stop is StopReason.SUCCEEDED for r in records
                   if r.key.suite == "libero_spatial"])  # fmt: skip
    assert spatial["own"] == pytest.approx(own)
    assert spatial["difference"] == pytest.approx(own - spatial["published"], abs=0.002)


def test_a_row_of_another_name_has_nothing_to_be_held_against(study):
    assert "bears the name of a published model" in appendix_h(study, References()).missing.en


def test_a_broken_line_is_named_in_the_warnings_and_the_rest_is_reported(tmp_path):
    records = small()
    folder = loaded(tmp_path / "a", records).folder
    path = folder / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b'{"key": torn\n'
    lines[5] = lines[5].replace(b'"schema_version":1', b'"schema_version":3')
    path.write_bytes(b"".join(lines))

    study = make_study([load_run(folder, skips_bad_lines=True)])

    [told] = [text.en for text in warnings(study) if "lines of the record files" in text.en]
    assert told.startswith("Incomplete: 2 lines")
    assert "episodes.jsonl, line 3: " in told
    assert len(study.reference.records) == len(records) - 2
    assert study.reference.num_missing == 2


def test_without_being_told_so_a_broken_line_is_not_skipped(tmp_path):
    folder = loaded(tmp_path / "a", small()).folder
    path = folder / "episodes.jsonl"
    path.write_bytes(path.read_bytes() + b"{}\n")

    with pytest.raises(StoreError, match=r"episodes\.jsonl, line 17: "):
        load_run(folder)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_report_of_two_benchmarks_has_every_part(tmp_path, lang):
    suites = ("libero_10",)
    runs = []
    for name in ("first", "second"):
        runs += [
            loaded(tmp_path / f"{name}_a", small(name, num_inits=3), name=name),
            plus_run(tmp_path / f"{name}_b", disturbed(EQUAL, name=name, suites=suites), name=name),
        ]

    content = write_report(make_study(runs), tmp_path / "out", languages=(lang,))

    tables = content["tables"]
    assert {"table11", "table1", "table2_libero_10", "table3", "table8", "appendix_b",
            "appendix_levels", "appendix_f", "appendix_g"} <= tables.keys()  # fmt: skip
    written = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert {"figure1.svg", "figure3.svg", "figure5.svg"} <= written
    drawing = (tmp_path / "out" / "figures" / "figure3.svg").read_text()
    assert ("Camera" in drawing) == (lang == "en")
