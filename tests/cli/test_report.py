import json
import shutil

import pytest

pytest.importorskip("jinja2")


def test_a_run_becomes_a_page_beside_its_tables(wamlab, seek_run):
    code, out, _ = wamlab("report", seek_run)

    assert code == 0
    assert out.strip() == str(seek_run / "report" / "report.html")
    names = {path.name for path in (seek_run / "report").iterdir()}
    assert names == {"report.html", "report.md", "report.json", "tables", "figures", "gallery"}


def test_json_carries_the_tables(wamlab, seek_run, tmp_path):
    code, out, _ = wamlab("report", seek_run, "--out", tmp_path, "--json")

    [row] = json.loads(out)["tables"]["table1"]["rows"]
    assert (code, row["model"], row["plane_episodes"]) == (0, "seek", 9)


def test_a_row_gets_the_name_that_is_asked_for(wamlab, seek_run, tmp_path):
    renamed = shutil.copytree(seek_run, tmp_path / "seek=copy")

    for asked, expected in ((f"other={seek_run}", "other"), (renamed, "seek")):
        code, out, _ = wamlab("report", asked, "--out", tmp_path / "out", "--json")

        [row] = json.loads(out)["tables"]["table1"]["rows"]
        assert (code, row["model"]) == (0, expected)


def test_tasks_are_given_in_words(wamlab, seek_run, tmp_path):
    wamlab("report", seek_run, "--out", tmp_path)
    assert "go to (0.75, 0.75)" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such folder, expected a run folder or a bundle; see wamlab ls"),
        (["other=nowhere"], "nowhere: no such folder, expected a run folder"),
        ([], "the following arguments are required: runs"),
        (["{run}", "--lang", "fr"], "invalid choice: 'fr'"),
        (["{run}", "--reference", "sek"], "no policy 'sek'. Did you mean seek?"),
        (["{run}", "--limits", "openpi"], "no protocol 'openpi'"),
        (["{run}", "{run}"], "9 episodes are in both"),
        (["{run}", "--out", "/dev/null/report"], "cannot be written"),
        (["{run}", "--curves", "seek"], "--curves: got 'seek', expected NAME=FOLDER"),
        (["{run}", "--curves", "sek=x"], "no policy 'sek'. Did you mean seek?"),
        (["{run}", "--curves", "seek=x"], "--curves seek=x: no such folder, expected curves.jsonl"),
    ],
)
def test_a_wrong_request_ends_before_anything_is_written(wamlab, seek_run, arguments, message):
    filled = [argument.replace("{run}", str(seek_run)) for argument in arguments]

    code, out, err = wamlab("report", *filled)

    assert (code, out) == (2, "")
    assert message in err


def test_curves_of_a_training_that_moved_are_drawn(wamlab, seek_run, tmp_path):
    line = '{"step": %d, "losses": {"action": 0.5}, "learning_rate": 1e-3, "grad_norm": 1.0, '
    line += '"examples_per_s": 10.0, "spans_ms": {}}\n'
    (tmp_path / "curves.jsonl").write_text(line % 1 + line % 2)

    code, _, _ = wamlab(
        "report", seek_run, "--out", tmp_path / "out", "--curves", f"seek={tmp_path}"
    )

    assert code == 0
    assert (tmp_path / "out" / "figures" / "figureB1.svg").is_file()
    assert (tmp_path / "out" / "tables" / "curves.csv").read_text().count("\n") == 3


def test_a_report_on_paper_beside_the_page(wamlab, seek_run, tmp_path):
    pytest.importorskip("weasyprint")

    code, _, err = wamlab("report", seek_run, "--out", tmp_path, "--lang", "en", "--pdf")

    assert code == 0, err
    assert (tmp_path / "report_en.pdf").read_bytes().startswith(b"%PDF-")
    assert not (tmp_path / "report_zh.pdf").exists()


def test_a_run_without_episodes_says_how_to_make_some(wamlab, seek_run, tmp_path):
    (tmp_path / "empty").mkdir()
    shutil.copy(seek_run / "run.json", tmp_path / "empty")

    code, _, err = wamlab("report", tmp_path / "empty")

    assert code == 2
    assert "has no episode yet, expected at least one; run wamlab eval" in err
