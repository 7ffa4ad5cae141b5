"""A made-up asset pack, of the names and shapes of the authors', from files of LIBERO.

Rooms are LIBERO's with another light and another table; images are other images of LIBERO; added
objects are its ketchup, as a model with the object one level down and as one without.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

from wamlab.benchmarks.libero import package as libero
from wamlab.benchmarks.libero_plus import asset_pack, package
from wamlab.benchmarks.libero_plus.variants import Variant

MODEL = "stable_hope_objects/ketchup/ketchup.xml"
IMAGE = "textures/brown_ceramic_tile.png"


def make_pack(folder: Path, variants: list[Variant], *, flat: bool = False) -> Path:
    """Writes what these tasks need beside LIBERO's own files, which it links.

    Args:
        flat: Whether added objects lie directly in the world.
    """
    base = libero.assets_root()
    for path in base.rglob("*"):
        place = folder / path.relative_to(base)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    for variant in variants:
        for name in asset_pack.parts(variant).names():
            place = folder / name
            if place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if name.startswith("scenes/"):
                _write_room(folder, place, variant)
            elif name.startswith("new_objects/"):
                _write_object(folder, place, flat=flat)
            else:
                shutil.copyfile(base / IMAGE, place)
    return folder


def _write_room(folder: Path, place: Path, variant: Variant) -> None:
    own = _own_room(variant)
    tree = ElementTree.parse(folder / own)
    for element in tree.iter():
        if "file" in element.attrib:
            target = folder / own.parent / element.attrib["file"]
            element.set("file", os.path.relpath(target, place.parent))
        if element.tag == "texture" and element.get("name") == "tex-table":
            element.set("file", os.path.relpath(folder / IMAGE, place.parent))
    lights = [*tree.iter("light")]
    assert lights, f"{own} has no light to change"
    for light in lights:
        light.set("diffuse", ".2 .1 .4")
    tree.write(place)


def _own_room(variant: Variant) -> Path:
    """LIBERO's room for the task."""
    plain = next(
        v
        for v in package.variants(variant.suite)
        if v.base == variant.base and not v.needs_pack and v.textures is None
    )
    scene = asset_pack.parts(plain).scene
    assert scene is not None
    return Path(scene)


def _write_object(folder: Path, place: Path, *, flat: bool) -> None:
    tree = ElementTree.parse(folder / MODEL)
    for element in tree.iter():
        if "file" in element.attrib:
            target = folder / Path(MODEL).parent / element.attrib["file"]
            element.set("file", os.path.relpath(target, place.parent))
    world = tree.getroot().find("worldbody")
    assert world is not None
    (outer,) = world
    if flat:
        body = outer.find("body[@name='object']")
        assert body is not None
        body.extend([child for child in outer if child is not body])
        world.remove(outer)
        world.append(body)
    tree.write(place)
