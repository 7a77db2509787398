"""The studio: lights, wall, camera and render settings, shared by all characters."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import materials
from camera import Camera
from character import Character, Colour
from mathutils import Vector


@dataclass(frozen=True, slots=True)
class Softbox:
    """A round area light aimed at the face.

    Attributes:
        position: in the space of `sdf`.
        size: diameter.
        watts: its power.
        tint: its colour.
        mirrored: whether eyes and skin show its reflection.
    """

    position: tuple[float, float, float]
    size: float
    watts: float
    tint: Colour
    mirrored: bool = True


SOFTBOXES = (
    Softbox((-2.3, 4.9, 2.3), 2.2, 290, (1, 0.955, 0.90)),  # key
    Softbox((3.6, 3.8, 0.6), 3.6, 120, (0.93, 0.96, 1), mirrored=False),  # fill
    Softbox(
        (0, 4.2, -2.6), 2.8, 52, (1, 0.95, 0.92), mirrored=False
    ),  # from below, softens the nose's shadow
    Softbox((2.6, -2.8, 2.6), 1.8, 105, (1, 0.93, 0.85)),  # rims, behind the hair
    Softbox((-2.8, -2.6, 2.2), 1.6, 80, (0.85, 0.93, 1)),
)

WORTH_ADAPTING = 16
"""Fewer samples a pixel are taken everywhere: finding out where they are needed costs more than it saves."""


def to_blender(point: tuple[float, float, float]) -> Vector:
    """Blender's y points away from its camera."""
    return Vector((point[0], -point[1], point[2]))


def add_studio(who: Character, camera: Camera) -> None:
    """Fill an empty scene with everything but the character."""
    for box in SOFTBOXES:
        _add_light(box)
    _add_sky()
    _add_wall(who)
    _add_camera(camera)


def _link(data: bpy.types.ID, position: tuple[float, float, float]) -> bpy.types.Object:
    thing = bpy.data.objects.new(data.name, data)
    thing.location = to_blender(position)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _aim(thing: bpy.types.Object, target: tuple[float, float, float]) -> None:
    thing.rotation_euler = (to_blender(target) - thing.location).to_track_quat("-Z", "Y").to_euler()


def _add_light(box: Softbox) -> None:
    light = bpy.data.lights.new("softbox", "AREA")
    light.shape, light.size, light.energy, light.color = "DISK", box.size, box.watts, box.tint
    lamp = _link(light, box.position)
    lamp.visible_glossy = box.mirrored
    _aim(lamp, (0, 0, -0.35))


def _add_sky() -> None:
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (0.78, 0.83, 0.9, 1)
    background.inputs["Strength"].default_value = 0.26


def _add_wall(who: Character) -> None:
    mesh = bpy.data.meshes.new("wall")
    mesh.from_pydata([(-8, 0, -8), (8, 0, -8), (8, 0, 8), (-8, 0, 8)], [], [(0, 1, 2, 3)])
    mesh.materials.append(materials.wall(who))
    wall = _link(mesh, (0, -3.2, -0.1))
    wall.visible_diffuse = wall.visible_glossy = wall.visible_transmission = False


def _add_camera(camera: Camera) -> None:
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit, lens.sensor_height = "VERTICAL", 24
    lens.lens = lens.sensor_height * camera.distance / camera.frame
    bpy.context.scene.camera = _link(lens, camera.position)
    _aim(bpy.context.scene.camera, camera.target)


def configure(size: int, samples: int, threads: int) -> None:
    """Cycles on the CPU with a fixed seed, denoised, through the AgX view transform."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.image_settings.file_format = "PNG"
    scene.render.use_persistent_data = True
    scene.cycles.debug_bvh_type = "DYNAMIC_BVH"  # with persistent data: hair stays built between mouths
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = 0.35
    cycles = scene.cycles
    cycles.device, cycles.seed, cycles.samples = "CPU", 0, samples
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = samples >= WORTH_ADAPTING, 0.015
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_quality = "HIGH" if samples >= WORTH_ADAPTING else "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 6, 2, 3
    cycles.transmission_bounces, cycles.transparent_max_bounces = 5, 6
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4
