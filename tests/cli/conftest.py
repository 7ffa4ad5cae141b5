import shutil
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A user's folder with the recipes of this repository and nothing else."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(RECIPES, folder / "recipes", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def wamlab(home, monkeypatch, capfd):
    """Runs the command line in the user's folder; returns exit code, stdout and stderr."""
    from wamlab.cli import main

    monkeypatch.chdir(home)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def seek_run(home):
    """A finished run: `wamlab eval recipes.quickstart:seek`, shortened."""
    from wamlab.cli._recipes import load_recipe
    from wamlab.engine.run import evaluate

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        settings = ["benchmark.num_inits=3", "policy.cameras=top", "video_every=2"]
        recipe = load_recipe("recipes.quickstart:seek", settings)
        evaluate(recipe.run, recipe.folder, workers=2, recipe=recipe.name)
        return recipe.folder.absolute()
