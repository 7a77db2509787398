"""Builds a character in Blender and renders it, with open or closed lids and any mouth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import bpy
import brows
import eyes
import groom
import materials
import numpy as np
import stage
import teeth
import tints
from camera import Camera
from character import Character
from head import Head
from jaw import Jaw
from lids import Lids
from lips import Lips
from ornaments import Ornament
from poses import REST, MouthPose
from sdf import Array, Field, Surface, both_sides, joined, mirrored, outside, surface, vector

WIDEST = MouthPose(jaw=0.2, gap=0.25, raised=0.04)
"""What moves with this mouth moves at all, if it goes further than `STILL`."""

STILL = 1e-4

HEAD_LOW, HEAD_HIGH = (-1.05, -1.3, -2.0), (1.05, 1.0, 1.3)
FACE_LOW, FACE_HIGH = (-0.9, -0.5, -1.5), (0.9, 1.0, -0.30)
"""Boxes around the head and around what an opening mouth moves."""

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
        self._jaw = Jaw(self._lips)
        self._moving: list[bpy.types.Object] = []
        stage.configure(quality.size, quality.samples, quality.threads)
        stage.add_studio(who, camera)
        self._skin, self._fibre = materials.skin(who), materials.fibre("brow", who.brows.tint)
        self._lash = materials.fibre("lash", (0.012, 0.008, 0.006))
        self._inside = materials.wet()
        self._add_eyes()
        self._add_clothes()
        self._hair = materials.hair(who)
        self._beards = self._add_hair()

    def pose(self, blink: float, mouth: MouthPose = REST) -> None:
        """Shape the face.

        Args:
            blink: of the lids, 0 (open) or 1 (closed); open if the mouth has moved.
            mouth: of jaw, lips and tongue.
        """
        for thing in self._moving:
            bpy.data.objects.remove(thing, do_unlink=True)
        who = self._who
        self._moving = [
            self._add_head(blink, mouth),
            add_strands("lashes", brows.lash_line(self._lids, blink), self._lash),
            *self._add_mouth(mouth),
            *self._add_beards(mouth),
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

    def _add_head(self, blink: float, mouth: MouthPose) -> bpy.types.Object:
        field = head_field(self._head, self._lids, self._lips, blink, mouth)
        if mouth.rests:
            mesh = surface(field, HEAD_LOW, HEAD_HIGH, self._quality.step)
        else:
            mesh = joined(self._upper_head, self._lower_face(mouth))
        place = tints.Place(mesh.vertices, self._jaw.back(mesh.vertices, mouth), blink, mouth)
        tint = tints.skin_tint(place, self._who, self._lids, self._lips)
        roughness = tints.skin_roughness(place, self._who, self._lips)
        return add_mesh("head", mesh, self._skin, tint, roughness)

    @cached_property
    def _upper_head(self) -> Surface:
        """What an opening mouth leaves alone, coarsely: it is not in the window that is rendered."""
        field = head_field(self._head, self._lids, self._lips, blink=0)
        return outside(surface(field, HEAD_LOW, HEAD_HIGH, 1.6 * self._quality.step), FACE_LOW, FACE_HIGH)

    def _lower_face(self, mouth: MouthPose) -> Surface:
        """Mouth, jaw and the front of the neck. They are far from the ears, and both sides are alike."""

        def field(points: Array) -> Array:
            half = mirrored(points)
            back = self._jaw.back(half, mouth)
            return self._lips.add(self._lids.add(self._head.bare(back), back, 0), half, mouth)

        low = (0.0, *FACE_LOW[1:])
        return both_sides(surface(field, low, FACE_HIGH, self._quality.step))

    def _add_mouth(self, mouth: MouthPose) -> list[bpy.types.Object]:
        """Teeth and tongue, where the lips are open."""
        if not self._lips.is_open(mouth):
            return []
        step, who = self._quality.step, self._who
        things = [
            add_mesh("teeth", teeth.opened(mesh, angle), self._inside, tint)
            for (mesh, tint), angle in zip(self._rows, (0.0, mouth.jaw), strict=True)
        ]
        mesh = teeth.tongue(mouth, 1.5 * step)
        tint = np.repeat(vector(who.inside.tongue)[None], len(mesh.vertices), 0)
        return [*things, add_mesh("tongue", mesh, self._inside, tint)]

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

    def _add_hair(self) -> list[groom.Strands]:
        """Link the hair that nothing moves; the rest is returned."""
        random, beards = np.random.default_rng(self._who.seed), []
        for style in self._who.hair:
            strands = style.strands(self._head, random, self._quality.density)
            if self._follows(strands):
                beards.append(strands)
            else:
                add_strands("hair", strands, self._hair)
        return beards

    def _follows(self, strands: groom.Strands) -> bool:
        """Whether hair grows where an opening mouth moves the skin."""
        roots = strands.points[:, 0]
        return bool(np.abs(self._jaw.back(roots, WIDEST) - roots).max() > STILL)

    @cached_property
    def _rows(self) -> list[tuple[Surface, Array]]:
        """The upper and the lower row of teeth with their tints, the jaw shut."""
        rows, inside = (teeth.Row(upper=True), teeth.Row(upper=False)), self._who.inside
        meshes = [row.surface(self._quality.step) for row in rows]
        return [
            (mesh, row.tint(mesh.vertices, inside.teeth, inside.gums))
            for row, mesh in zip(rows, meshes, strict=True)
        ]

    def _add_beards(self, mouth: MouthPose) -> list[bpy.types.Object]:
        """Hair that grows where the face moves; each strand goes with its root."""
        things = []
        for beard in self._beards:
            roots = beard.points[:, 0]
            way = self._jaw.moved(roots, mouth) - roots
            moved = groom.Strands(beard.points + way[:, None], beard.radii)
            things.append(add_strands("beard", moved, self._hair))
        return things


def head_field(head: Head, lids: Lids, lips: Lips, blink: float, mouth: MouthPose = REST) -> Field:
    """The whole head as a field: face, lids and lips."""
    jaw = Jaw(lips)

    def field(points: Array) -> Array:
        half = mirrored(points)
        back = jaw.back(half, mouth)
        return lips.add(lids.add(head.face(back), back, blink), half, mouth)

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
