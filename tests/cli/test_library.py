"""`livekit-avatar list` and `remove`: what has a name on this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

from command import run

from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.avatars.store import Store

EVE = Bundle(Manifest("portrait", 1, "Eve", (64, 80), 25, licence="CC0-1.0"), {"a.json": b"{}"})


def test_built_in_avatars_and_those_of_the_library_are_listed(tmp_path: Path) -> None:
    Store().add(EVE, "eve")
    rows = json.loads(run("list", "--json", cwd=tmp_path).stdout)["avatars"]
    assert {*builtin_names(), "eve"} == {row["name"] for row in rows}
    (eve,) = [row for row in rows if row["name"] == "eve"]
    assert (eve["place"], eve["title"], eve["size"], eve["licence"]) == (
        "library", "Eve", [64, 80], "CC0-1.0",
    )  # fmt: skip
    assert re.search(r"^eve +library, 64x80, portrait", run("list", cwd=tmp_path).stdout, re.MULTILINE)


def test_a_broken_avatar_does_not_hide_the_others(tmp_path: Path) -> None:
    store = Store()
    store.add(EVE, "eve")
    store.find("eve").write_bytes(b"")
    shown = run("list", cwd=tmp_path).stdout
    assert "ada " in shown and re.search(r"^eve +library, broken", shown, re.MULTILINE)


def test_an_avatar_is_removed_by_its_name(tmp_path: Path) -> None:
    store = Store()
    path = store.add(EVE, "eve").path
    assert run("remove", "eve", cwd=tmp_path).stdout == "eve: removed\n"
    assert not path.exists() and store.list() == []


def test_prepared_pictures_are_forgotten_on_request(tmp_path: Path) -> None:
    store = Store()
    store.add(EVE, "eve")
    assert run("list", cwd=tmp_path).stderr == ""
    path = store.prepared("key", lambda: Bundle(EVE.manifest, {}))
    told = json.loads(run("list", "--json", cwd=tmp_path).stdout)
    assert told["prepared_bytes"] == path.stat().st_size
    removed = json.loads(run("remove", "--prepared", "--json", cwd=tmp_path).stdout)
    assert removed == {"removed": [], "freed_bytes": told["prepared_bytes"]}
    assert not path.exists() and store.find("eve").exists()


def test_nothing_is_removed_unless_all_names_are_right(tmp_path: Path) -> None:
    Store().add(EVE, "eve")
    for arguments, problem in (
        (["eve", "none"], "no avatar 'none'"), (["eve", "ada"], "built in"), ([], "nothing is named"),
    ):  # fmt: skip
        result = run("remove", *arguments, cwd=tmp_path)
        assert result.returncode == 2 and problem in result.stderr
    assert Store().find("eve").exists()
