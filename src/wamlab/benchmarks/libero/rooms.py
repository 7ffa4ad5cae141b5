"""What a simulator loads in place of a task's own room, and beside its own objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from wamlab.benchmarks.libero import package
from wamlab.benchmarks.libero.third_party import OBJECTS_DICT, STYLE_MAPPING, MujocoXMLObject
from wamlab.core.errors import ConfigError

DAMPING = "0.0005"  # of a free object's joint, as LIBERO-Plus and LIBERO's own objects have it


def room(files: package.TaskFiles) -> dict[str, Any]:
    """Keyword arguments of a LIBERO environment; empty for the task's own room.

    LIBERO knows images by style names of its own and takes them to lie where the room's own are;
    here an image's path from there becomes a name.
    """
    arguments: dict[str, Any] = {}
    if files.scene is not None:
        arguments["scene_xml"] = str(files.scene)
    if files.floor_and_wall is not None:
        styles = {}
        for kind, texture, image in zip(
            ("floor", "wall"), package.FLOOR_AND_WALL, files.floor_and_wall, strict=True
        ):
            style = os.path.relpath(image.resolve(), _images_folder(files.scene, texture))
            STYLE_MAPPING[kind][style] = style
            styles[f"{kind}_style"] = style
        arguments["scene_properties"] = styles
    return arguments


def add_objects(models: Mapping[str, Path]) -> None:
    """Makes kinds of objects known that LIBERO does not have.

    They lie as LIBERO-Plus places its own (envs/objects/custom_objects.py).
    """
    for kind, model in models.items():
        OBJECTS_DICT[kind] = partial(_Added, kind, model)


class _Added(MujocoXMLObject):  # type: ignore[misc]  # robosuite is untyped
    """An object that can be pushed and lifted, of any model."""

    def __init__(self, kind: str, model: Path, name: str) -> None:
        super().__init__(
            str(model),
            name=name,
            joints=[{"type": "free", "damping": DAMPING}],
            obj_type="all",
            duplicate_collision_geoms=False,
        )
        self.category_name = kind
        self.object_properties: dict[str, Any] = {"vis_site_names": {}}
        quarter, half = np.pi / 2, np.pi
        self.rotation = {"x": (-quarter, -quarter), "y": (-half, -half), "z": (half, half)}
        self.rotation_axis = None

    def _get_object_subtree(self) -> Any:  # noqa: ANN401 - robosuite is untyped
        if self.worldbody.find("./body/body[@name='object']") is not None:
            return super()._get_object_subtree()
        # Some models have it one level above where robosuite looks; their sites stay there.
        body = self.worldbody.find("./body[@name='object']")
        if body is None:
            raise ConfigError(f"{self.file}: has no body named object; unpack the pack again")
        outer = ElementTree.SubElement(self.worldbody, "body")
        outer.append(body)
        tree = super()._get_object_subtree()
        self.worldbody.remove(outer)
        return tree


def _images_folder(scene: Path | None, texture: str) -> Path:
    """Where LIBERO looks for that image of a room."""
    if scene is None:
        return (package.assets_root() / "textures").resolve()
    named = ElementTree.parse(scene).find(f"./asset/texture[@name='{texture}']")
    if named is None or "file" not in named.attrib:
        raise ConfigError(f"{scene}: has no texture {texture!r} with a file; unpack the pack again")
    return (scene.parent / named.attrib["file"]).parent.resolve()
