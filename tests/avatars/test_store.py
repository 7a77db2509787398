"""The library keeps what has a name, prepares a picture once, and drops what was not used for longest."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from livekit_avatar.avatars.bundle import Bundle, encode_bundle, read_bundle, write_bundle
from livekit_avatar.avatars.store import Store, name_for
from livekit_avatar.errors import (
    AvatarExistsError,
    AvatarNotFoundError,
    BundleError,
    ConfigurationError,
    ModelNotFoundError,
    StoreError,
)
from livekit_avatar.settings import settings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "avatars")


def called(bundle: Bundle, name: str) -> Bundle:
    """The same avatar under another name of its manifest: other content."""
    return replace(bundle, manifest=replace(bundle.manifest, name=name))


def age(store: Store, seconds: float) -> None:
    """Let so much time pass for all that lies in the library."""
    for path in store.folder.rglob("*"):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def never() -> Bundle:
    raise AssertionError("prepared a second time")


def test_the_library_lies_in_the_home_folder() -> None:
    assert Store().folder == settings().home / "avatars"


def test_an_avatar_is_found_by_its_name(store: Store, small: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "ada.avatar", small)
    entry = store.add(tmp_path / "ada.avatar", "ada")
    (tmp_path / "ada.avatar").unlink()
    assert store.find("ada") == entry.path
    assert read_bundle(entry.path).members == dict(small.members)
    assert store.list() == [entry]
    assert entry.size == entry.path.stat().st_size
    assert entry.path.stem == entry.sha256


def test_the_same_avatar_under_two_names_is_kept_once(store: Store, small: Bundle) -> None:
    assert store.add(small, "one").path == store.add(small, "two").path
    store.remove("one")
    assert store.find("two").is_file()
    store.remove("two")
    assert not list((store.folder / "content").iterdir())


def test_a_name_is_not_taken_over_by_accident(store: Store, small: Bundle) -> None:
    store.add(small, "ada")
    store.add(small, "ada")
    other = called(small, "Eve")
    with pytest.raises(AvatarExistsError, match="another avatar 'ada'"):
        store.add(other, "ada")
    store.add(other, "ada", replace=True)
    assert read_bundle(store.find("ada")).manifest.name == "Eve"


def test_unknown_and_impossible_names_are_not_found(store: Store, small: Bundle) -> None:
    with pytest.raises(AvatarNotFoundError, match="It is empty"):
        store.find("ada")
    store.add(small, "ada")
    for name in ("eve", "", "..", "../content", "a/b", "Ada", "ada\n", "x" * 65, "\x00"):
        with pytest.raises(AvatarNotFoundError, match="It has: ada"):
            store.find(name)
        with pytest.raises(AvatarNotFoundError):
            store.remove(name)


@pytest.mark.parametrize("name", ["", ".", "../a", "A", "a.b", "-a", "a b", "x" * 65])
def test_a_name_that_could_be_a_path_is_refused(store: Store, small: Bundle, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a name"):
        store.add(small, name)
    assert not store.folder.exists()


def test_a_name_is_made_of_any_text() -> None:
    assert name_for("Me and You!") == "me-and-you"
    assert name_for(" IMG_1234 (2)") == "img_1234-2"
    assert len(name_for("a" * 200)) == 64
    with pytest.raises(ConfigurationError):
        name_for("???")


def test_a_broken_file_is_not_taken(store: Store, tmp_path: Path) -> None:
    (tmp_path / "bad.avatar").write_bytes(b"PK\3\4")
    with pytest.raises(BundleError):
        store.add(tmp_path / "bad.avatar", "bad")
    assert store.list() == []


def test_a_picture_is_prepared_once(store: Store, small: Bundle) -> None:
    path = store.prepared("picture", lambda: small)
    assert store.prepared("picture", never) == path
    assert Store(store.folder).prepared("picture", never) == path
    assert store.prepared("another", lambda: called(small, "Eve")) != path
    assert store.list() == [], "what was prepared has no name"


def test_a_failed_preparation_leaves_nothing_and_is_tried_again(store: Store, small: Bundle) -> None:
    def fail() -> Bundle:
        raise ModelNotFoundError("no model", fix="Fetch it.")

    with pytest.raises(ModelNotFoundError):
        store.prepared("picture", fail)
    assert store.prepared("picture", lambda: small).is_file()


def test_an_interrupted_preparation_lets_the_next_one_try(store: Store, small: Bundle) -> None:
    def interrupt() -> Bundle:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.prepared("picture", interrupt)
    assert store.prepared("picture", lambda: small).is_file()


def test_what_was_damaged_on_the_disk_is_prepared_again(store: Store, small: Bundle) -> None:
    path = store.prepared("picture", lambda: small)
    path.write_bytes(b"")
    assert store.prepared("picture", lambda: small) == path
    assert path.read_bytes() == encode_bundle(small)


def test_threads_that_want_one_picture_prepare_it_once(store: Store, small: Bundle) -> None:
    made: list[int] = []
    all_here = threading.Barrier(4)

    def make() -> Bundle:
        made.append(threading.get_ident())
        return small

    def want() -> Path:
        all_here.wait()
        return Store(store.folder).prepared("picture", make)

    with ThreadPoolExecutor(4) as pool:
        paths = {future.result() for future in [pool.submit(want) for _ in range(4)]}
    assert len(paths) == len(made) == 1


PROCESS = """
import sys
from pathlib import Path
from livekit_avatar.avatars.bundle import read_bundle
from livekit_avatar.avatars.store import Store

folder, source, log = map(Path, sys.argv[1:])

def make():
    with log.open("a") as file:
        file.write("made\\n")
    print("making", flush=True)
    sys.stdin.readline()
    return read_bundle(source)

print("asking", flush=True)
print(Store(folder).prepared("picture", make), flush=True)
"""


def test_processes_that_want_one_picture_prepare_it_once(store: Store, small: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "source.avatar", small)
    log = tmp_path / "log"
    command = [sys.executable, "-c", PROCESS, store.folder, tmp_path / "source.avatar", log]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first, subprocess.Popen(command, **pipes) as second:
        told = [first.stdout.readline(), second.stdout.readline()]
        assert told == ["asking\n"] * 2
        for process in (first, second):
            process.stdin.write("\n")
            process.stdin.flush()
        results = {process.communicate()[0].splitlines()[-1] for process in (first, second)}
    assert results == {str(store.prepared("picture", never))}
    assert (first.returncode, second.returncode) == (0, 0)
    assert log.read_text() == "made\n"


def test_a_process_that_dies_while_it_prepares_holds_up_nobody(
    store: Store, small: Bundle, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", PROCESS, store.folder, tmp_path, tmp_path / "log"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert [process.stdout.readline() for _ in range(2)] == ["asking\n", "making\n"]
        process.kill()
    assert store.prepared("picture", lambda: small).is_file()


def test_above_the_cap_the_picture_that_was_not_used_for_longest_goes(small: Bundle, tmp_path: Path) -> None:
    size = len(encode_bundle(small))
    store = Store(tmp_path, cap=int(2.5 * size))
    paths = {}
    for name in "abc":
        age(store, 1000)
        paths[name] = store.prepared(name, lambda name=name: called(small, name))
        if name == "b":
            age(store, 1)
            store.prepared("a", never)  # "a" was used after "b"
    assert [name for name in "abc" if paths[name].exists()] == ["a", "c"]


def test_what_was_used_a_moment_ago_stays_whatever_the_cap(small: Bundle, tmp_path: Path) -> None:
    store = Store(tmp_path, cap=0)
    first = store.prepared("a", lambda: called(small, "a"))
    store.prepared("b", lambda: called(small, "b"))
    assert first.exists(), "whoever was told the path may not have opened it yet"
    age(store, 1000)
    store.prepared("c", lambda: called(small, "c"))
    assert not first.exists()


def test_avatars_with_a_name_stay_whatever_the_cap(small: Bundle, tmp_path: Path) -> None:
    store = Store(tmp_path, cap=0)
    store.add(small, "ada")
    store.prepared("the same", lambda: small)
    age(store, 10_000)
    store.prepared("other", lambda: called(small, "other"))
    assert store.find("ada").is_file()
    assert store.clear() == len(encode_bundle(called(small, "other")))
    assert store.find("ada").is_file()


def test_what_a_dead_process_left_aside_is_swept_up(store: Store, small: Bundle) -> None:
    store.add(small, "ada")
    aside = store.folder / "content" / ".half.avatar.12345678"
    aside.write_bytes(b"half")
    store.add(small, "eve")
    assert aside.exists(), "it may still be written"
    then = time.time() - 4000
    os.utime(aside, (then, then))
    store.add(small, "eva")
    assert not aside.exists()


def test_a_library_that_cannot_be_written_is_said_with_a_fix(small: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "avatars")
    for work in (
        lambda: store.add(small, "ada"),
        lambda: store.prepared("picture", lambda: small),
        store.clear,
    ):
        with pytest.raises(StoreError, match="LIVEKIT_AVATAR_HOME"):
            work()
