"""Cycles materials. Tints come from a mesh's own colours where a field paints it."""

from __future__ import annotations

import bpy
from character import Character, Colour
from ornaments import Ornament

TINT = "tint"
"""Name of the mesh attribute with the diffuse colour."""

ROUGHNESS = "roughness"
"""Name of the mesh attribute with the roughness."""


def skin(who: Character) -> bpy.types.Material:
    """Subsurface skin."""
    material, shader = _principled("skin")
    _read(material, TINT, "Color", shader.inputs["Base Color"])
    _read(material, ROUGHNESS, "Fac", shader.inputs["Roughness"])
    _set(shader, {"Subsurface Weight": 0.6, "Subsurface Radius": who.skin.scatter, "Subsurface Scale": 0.06})
    _set(shader, {"Specular IOR Level": 0.40})
    pores = material.node_tree.nodes.new("ShaderNodeTexNoise")
    _set(pores, {"Scale": 85, "Detail": 3})
    _bump(material, shader, pores, strength=0.05, distance=0.02)
    return material


def eye() -> bpy.types.Material:
    """A matt ball under a clear wet coat."""
    material, shader = _principled("eye")
    _read(material, TINT, "Color", shader.inputs["Base Color"])
    _set(shader, {"Roughness": 0.6, "Specular IOR Level": 0})
    _set(shader, {"Coat Weight": 1, "Coat Roughness": 0.02, "Coat IOR": 1.45})
    return material


def wet() -> bpy.types.Material:
    """Teeth, gums and tongue: a little light goes in, and a wet film shines."""
    material, shader = _principled("wet")
    _read(material, TINT, "Color", shader.inputs["Base Color"])
    _set(shader, {"Subsurface Weight": 0.25, "Subsurface Radius": (1.0, 0.6, 0.4), "Subsurface Scale": 0.02})
    _set(shader, {"Roughness": 0.32, "Specular IOR Level": 0.45, "Coat Weight": 0.3, "Coat Roughness": 0.15})
    return material


def hair(who: Character) -> bpy.types.Material:
    """Strands coloured by melanin."""
    material, shader = _principled("hair")
    nodes = material.node_tree.nodes
    nodes.remove(shader)
    strand = nodes.new("ShaderNodeBsdfHairPrincipled")
    strand.parametrization = "MELANIN"
    _set(strand, {"Melanin": who.hair_tint.melanin, "Melanin Redness": who.hair_tint.redness})
    _set(strand, {"Tint": (*who.hair_tint.dye, 1)})
    _set(strand, {"Random Color": 0.25})
    _set(strand, {"Roughness": who.hair_tint.roughness, "Radial Roughness": 0.48, "Random Roughness": 0.3})
    material.node_tree.links.new(strand.outputs[0], nodes["Material Output"].inputs["Surface"])
    return material


def fibre(name: str, tint: Colour) -> bpy.types.Material:
    """Brow hairs and lashes."""
    material, shader = _principled(name)
    _set(shader, {"Base Color": (*tint, 1), "Roughness": 0.8})
    return material


def cloth(who: Character) -> bpy.types.Material:
    """Fine knitted wool."""
    material, shader = _principled("cloth")
    _read(material, TINT, "Color", shader.inputs["Base Color"])
    _set(shader, {"Roughness": 0.85, "Sheen Weight": who.clothes.sheen, "Sheen Roughness": 0.5})
    knit = material.node_tree.nodes.new("ShaderNodeTexWave")
    _set(knit, {"Scale": who.clothes.knit, "Distortion": 3, "Detail": 2, "Detail Scale": 6})
    _bump(material, shader, knit, strength=0.25, distance=0.015)
    return material


def enamel(thing: Ornament) -> bpy.types.Material:
    """Metal, horn or a lamp."""
    material, shader = _principled("ornament")
    _set(shader, {"Base Color": (*thing.tint, 1), "Metallic": thing.metal, "Roughness": thing.roughness})
    _set(shader, {"Emission Color": (*thing.tint, 1), "Emission Strength": thing.glow})
    return material


def wall(who: Character) -> bpy.types.Material:
    """A glowing backdrop, bright behind the head and dim in the corners."""
    material, shader = _principled("wall")
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.remove(shader)
    place, scale = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
    ball, ramp = nodes.new("ShaderNodeTexGradient"), nodes.new("ShaderNodeValToRGB")
    glow = nodes.new("ShaderNodeEmission")
    _set(scale, {"Scale": (0.30, 0.30, 0.30)})
    ball.gradient_type = "SPHERICAL"
    ramp.color_ramp.interpolation = "EASE"
    for element, brightness in zip(ramp.color_ramp.elements, (0.38, 0.95), strict=True):
        element.color = (*(c * brightness for c in who.background), 1)
    links.new(place.outputs["Object"], scale.inputs["Vector"])
    links.new(scale.outputs["Vector"], ball.inputs["Vector"])
    links.new(ball.outputs["Fac"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], glow.inputs["Color"])
    links.new(glow.outputs["Emission"], nodes["Material Output"].inputs["Surface"])
    return material


def _principled(name: str) -> tuple[bpy.types.Material, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    return material, material.node_tree.nodes["Principled BSDF"]


def _set(node: bpy.types.Node, values: dict[str, object]) -> None:
    for name, value in values.items():
        node.inputs[name].default_value = value


def _read(material: bpy.types.Material, attribute: str, output: str, socket: bpy.types.NodeSocket) -> None:
    node = material.node_tree.nodes.new("ShaderNodeAttribute")
    node.attribute_name = attribute
    material.node_tree.links.new(node.outputs[output], socket)


def _bump(
    material: bpy.types.Material,
    shader: bpy.types.Node,
    texture: bpy.types.Node,
    strength: float,
    distance: float,
) -> None:
    bump = material.node_tree.nodes.new("ShaderNodeBump")
    _set(bump, {"Strength": strength, "Distance": distance})
    material.node_tree.links.new(texture.outputs["Fac"], bump.inputs["Height"])
    material.node_tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
