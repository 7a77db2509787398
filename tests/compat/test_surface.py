"""Names and signatures are those of bitHuman's packages, as they are installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
from requirements import skip
from surface import surface_of

NOT_OURS = {"Fixture", "Runtime", "__abi_version__", "__core_version__"}
"""Handles and versions of bitHuman's native library; `AsyncBithuman` and `Bithuman` stand on our engines."""


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return surface_of("livekit_avatar.compat.bithuman")


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    if find_spec("bithuman") is None:
        skip("bithuman", "`bithuman` is not installed")
    return surface_of("bithuman")


@pytest.fixture(scope="module")
def plugin() -> dict[str, Any]:
    if find_spec("livekit.plugins.bithuman") is None:
        skip("bithuman", "`livekit-plugins-bithuman` is not installed")
    return surface_of("livekit.plugins.bithuman")


def test_every_name_is_there_but_those_of_the_native_library(
    ours: dict[str, Any], theirs: dict[str, Any], plugin: dict[str, Any]
) -> None:
    assert theirs.keys() - ours.keys() == NOT_OURS
    assert plugin.keys() <= ours.keys()
    assert ours["__version__"] == theirs["__version__"]


def test_every_class_has_their_members_and_their_parameters(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    classes = {name: value for name, value in theirs.items() if "members" in value}
    for name in classes.keys() - NOT_OURS:
        _has_members(name, ours[name], classes[name])
        if name != "Avatar":  # made by `open`, theirs with handles of the native library
            assert_takes(f"{name}()", ours[name]["new"], classes[name]["new"])


def test_functions_take_what_theirs_take(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name, value in theirs.items():
        if "call" in value:
            assert_takes(name, ours[name]["call"]["parameters"], value["call"]["parameters"])


def test_errors_are_caught_by_the_same_names_and_carry_the_same_codes(
    ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    for name, value in theirs.items():
        if "Exception" in value.get("bases", ()):
            caught_by = {base for base in value["bases"] if base in theirs}
            assert caught_by <= set(ours[name]["bases"]), name
            assert ours[name]["code"] == value["code"], name


def test_enumerations_have_the_same_values(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name in ("EP", "Emotion"):
        assert ours[name]["values"] == theirs[name]["values"]


def test_the_session_takes_what_the_plugins_takes(ours: dict[str, Any], plugin: dict[str, Any]) -> None:
    for name in ("AvatarSession", "BitHumanException"):
        assert_takes(f"{name}()", ours[name]["new"], plugin[name]["new"])
        _has_members(name, ours[name], plugin[name])


def _has_members(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for member, value in theirs["members"].items():
        found = ours["members"].get(member)
        assert found is not None, f"{name}.{member} is missing"
        if isinstance(value, dict):
            assert isinstance(found, dict) and found["awaited"] == value["awaited"], f"{name}.{member}"
            assert found.get("of_class") == value.get("of_class"), f"{name}.{member}"
            assert_takes(f"{name}.{member}", found["parameters"], value["parameters"])
        elif value == "property":
            assert found == "property", f"{name}.{member}"


def assert_takes(what: str, ours: list[list[str]] | None, theirs: list[list[str]] | None) -> None:
    """Their parameters are ours: order, kind and default. What we add are keywords that may be left out."""
    if theirs is None:  # an exception that is made in C and takes anything
        return
    assert ours is not None, what
    assert not [each for each in theirs if each not in ours], what
    assert [each for each in ours if each[1] != "KEYWORD_ONLY"] == [
        each for each in theirs if each[1] != "KEYWORD_ONLY"
    ], what
    assert all(each[2] for each in ours if each not in theirs), what
