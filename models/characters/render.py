"""Builds a character in Blender and renders it, lids open or closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import brows
import eyes
import groom
import materials
import numpy as np
import stage
import tints
from camera import Camera
from character import Character
from head import Head
from lids import Lids
from lips import Lips
from ornaments import Ornament
from sdf import Array, Field, Surface, mirrored, surface, vector

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What a render costs.

    Attributes:
        size: edge of the picture in pixels.
        samples: light paths per pixel.
        step: edge of a cell of the head's mesh.
        density: of the hair, 1 is about 48,000 strands.
        threads: processor threads.
    """

    size: int = 960
    samples: int = 64
    step: float = 0.007
    density: float = 1.0
    threads: int = 2


class Studio:
    """A scene with one character; what does not move is built once."""

    def __init__(self, who: Character, quality: Quality, camera: Camera) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._who, self._quality = who, quality
        self._head = Head(who.head)
        self._lids, self._lips = Lids(who.eyes), Lips(who.lips, self._head)
        self._moving: list[bpy.types.Object] = []
        stage.configure(quality.size, quality.samples, quality.threads)
        stage.add_studio(who, camera)
        self._skin, self._fibre = materials.skin(who), materials.fibre("brow", who.brows.tint)
        self._lash = materials.fibre("lash", (0.012, 0.008, 0.006))
        self._add_eyes()
        self._add_clothes()
        self._add_hair()

    def pose(self, blink: float) -> None:
        """Shape the lids: 0 open, 1 closed."""
        for thing in self._moving:
            bpy.data.objects.remove(thing, do_unlink=True)
        who = self._who
        self._moving = [
            self._add_head(blink),
            add_strands("lashes", brows.lash_line(self._lids, blink), self._lash),
        ]
        if who.brows.hairs:
            hairs = brows.brows(who.brows, self._head, who.seed)
            self._moving.append(add_strands("brows", hairs, self._fibre))

    def render(self, path: Path, box: Box | None = None) -> None:
        """Write the picture, or the part of it inside `box`, as PNG."""
        settings, size = bpy.context.scene.render, self._quality.size
        settings.use_border = settings.use_crop_to_border = box is not None
        if box is not None:
            left, top, right, bottom = (edge / size for edge in box)
            settings.border_min_x, settings.border_max_x = left, right
            settings.border_min_y, settings.border_max_y = 1 - bottom, 1 - top
        settings.filepath = str(path.resolve())
        bpy.ops.render.render(write_still=True)

    def _add_head(self, blink: float) -> bpy.types.Object:
        field = head_field(self._head, self._lids, self._lips, blink)
        mesh = surface(field, (-1.05, -1.3, -2.0), (1.05, 1.0, 1.3), self._quality.step)
        tint = tints.skin_tint(mesh.vertices, self._who, self._lids, self._lips, blink)
        roughness = tints.skin_roughness(mesh.vertices, self._who, self._lips)
        return add_mesh("head", mesh, self._skin, tint, roughness)

    def _add_eyes(self) -> None:
        material, tint = materials.eye(), eyes.eye_tint(self._who.eyes)
        for side in (-1, 1):
            add_mesh("eye", eyes.eyeball(side, self._lids), material, tint)

    def _add_clothes(self) -> None:
        clothes, step = self._who.clothes, self._quality.step
        mesh = surface(clothes.solid, (-1.6, -1.1, -2.8), (1.6, 0.6, -0.7), step * 1.3)
        add_mesh("clothes", mesh, materials.cloth(self._who), clothes.tints(mesh.vertices))
        for thing in self._who.ornaments:
            self._add_ornament(thing)

    def _add_ornament(self, thing: Ornament) -> None:
        mesh = surface(thing.solid, thing.low, thing.high, self._quality.step)
        add_mesh("ornament", mesh, materials.enamel(thing))

    def _add_hair(self) -> None:
        material, random = materials.hair(self._who), np.random.default_rng(self._who.seed)
        for style in self._who.hair:
            add_strands("hair", style.strands(self._head, random, self._quality.density), material)


def head_field(head: Head, lids: Lids, lips: Lips, blink: float) -> Field:
    """The whole head as a field: face, lids and lips."""

    def field(points: Array) -> Array:
        half = mirrored(points)
        return lips.add(lids.add(head.face(half), half, blink), half)

    return field


def add_mesh(
    name: str,
    shape: Surface,
    material: bpy.types.Material,
    tint: Array | None = None,
    roughness: Array | None = None,
) -> bpy.types.Object:
    """Link a smooth-shaded mesh to the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(shape.vertices))
    mesh.vertices.foreach_set("co", _flat(shape.vertices))
    mesh.loops.add(shape.faces.size)
    # Blender's y is turned round, which turns the winding round as well.
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(shape.faces[:, ::-1]).ravel())
    mesh.polygons.add(len(shape.faces))
    mesh.polygons.foreach_set("loop_start", np.arange(len(shape.faces), dtype=np.int32) * 3)
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    if tint is not None:
        colours = np.column_stack([tint, np.ones(len(tint))]).astype(np.float32)
        mesh.attributes.new(materials.TINT, "FLOAT_COLOR", "POINT").data.foreach_set("color", colours.ravel())
    if roughness is not None:
        values = roughness.astype(np.float32)
        mesh.attributes.new(materials.ROUGHNESS, "FLOAT", "POINT").data.foreach_set("value", values)
    mesh.normals_split_custom_set_from_vertices((shape.normals * vector((1, -1, 1))).tolist())
    return _link(name, mesh, material)


def add_strands(name: str, strands: groom.Strands, material: bpy.types.Material) -> bpy.types.Object:
    """Link hair curves to the scene."""
    curves = bpy.data.hair_curves.new(name)
    count, length = strands.points.shape[:2]
    curves.add_curves([length] * count)
    curves.position_data.foreach_set("vector", _flat(strands.points.reshape(-1, 3)))
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    values = np.broadcast_to(strands.radii, (count, length)).astype(np.float32)
    radius.data.foreach_set("value", values.ravel())
    return _link(name, curves, material)


def _flat(points: Array) -> Array:
    return (points * vector((1, -1, 1))).astype(np.float32).ravel()


def _link(name: str, data: bpy.types.ID, material: bpy.types.Material) -> bpy.types.Object:
    data.materials.append(material)
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    return thing
