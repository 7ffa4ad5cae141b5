"""wamlab eval --on: what is refused before anything runs."""

import pytest

from wamlab.cli import _place, main


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--replicas", "2"], "--replicas 2: a local run has one policy"),
        (["--on", "somewhere"], "--on somewhere: expected local, ray, HOST:PORT"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused(options, error, tmp_path, capsys):
    if "--on" in options:
        pytest.importorskip("ray", reason="ray is not installed: pip install 'wamlab[cluster]'")

    status = main(["eval", "recipes.quickstart:seek", "--out", str(tmp_path / "run"), *options])

    assert status == 2
    assert error in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_ray_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_place, "find_spec", lambda name: None)

    status = main(
        ["eval", "recipes.quickstart:seek", "--out", str(tmp_path / "run"), "--on", "ray"]
    )

    assert status == 2
    assert "pip install 'wamlab[cluster]'" in capsys.readouterr().err
