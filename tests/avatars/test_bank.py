"""The films inside an avatar, and the arrays that say where their mouths lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from livekit_avatar.avatars.bank import (
    ARRAYS,
    BASE,
    MOUTHS,
    Bank,
    encode_bank,
    has_bank,
    has_film,
    open_base,
    read_bank,
)
from livekit_avatar.avatars.bundle import Bundle, Manifest, encode_arrays
from livekit_avatar.avatars.playback import GROUP, Playback, decode_film, encode_film
from livekit_avatar.errors import BundleError
from livekit_avatar.types import Image

SIZE = (64, 48)
COUNT = 2 * GROUP + 7
CONTROLS = 5


def grey(level: int) -> Image:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


@pytest.fixture(scope="module")
def film() -> bytes:
    """Each picture is 7 levels brighter than the one before."""
    return encode_film((grey(20 + 7 * number) for number in range(COUNT)), SIZE, quality=12)


def number_of(picture: Image) -> int:
    return round((float(picture[..., :3].mean()) - 20) / 7)


def bank() -> Bank:
    n, m = COUNT, 3
    upright = np.tile(np.eye(2, 3, dtype=np.float32), (n, 1, 1))
    zeros = np.zeros((500, 2), np.float32)
    return Bank(
        unit=np.array([20], np.float32), size=np.array([40, 40], np.float32), rest=zeros[:478], base=upright,
        base_shift=zeros[:n], base_turn=zeros[:n], points=np.zeros((m, CONTROLS, 2), np.float32),
        shift=zeros[:m], turn=zeros[:m], tongue=zeros[:m, 0], tuck=zeros[:m, 0], looks=zeros[:m],
    )  # fmt: skip


def bundle(film: bytes, arrays: bytes) -> Bundle:
    manifest = Manifest("portrait", 1, "clip", SIZE, 25)
    return Bundle(manifest, {BASE: film, MOUTHS: film, ARRAYS: arrays})


def test_a_film_is_the_same_bytes_each_time(film: bytes) -> None:
    assert encode_film((grey(20 + 7 * number) for number in range(COUNT)), SIZE, quality=12) == film


def test_pictures_come_in_any_order(film: bytes) -> None:
    playback = Playback(film, COUNT, SIZE)
    order = [0, 1, 13, 12, 11, 30, 29, 5, 24, 23, 0]
    assert [number_of(playback.picture(number)) for number in order] == order


def test_pictures_come_forwards_and_backwards(film: bytes) -> None:
    playback = Playback(film, COUNT, SIZE)
    there = [number_of(playback.picture(number)) for number in range(COUNT)]
    back = [number_of(playback.picture(number)) for number in reversed(range(COUNT))]
    assert there == back[::-1] == list(range(COUNT))


def test_the_same_picture_is_the_same_bytes_however_it_was_reached(film: bytes) -> None:
    one, other = Playback(film, COUNT, SIZE), Playback(film, COUNT, SIZE)
    for number in range(20):
        one.picture(number)
    assert (one.picture(20) == other.picture(20)).all()


def test_a_picture_is_the_callers_own(film: bytes) -> None:
    playback = Playback(film, COUNT, SIZE)
    playback.picture(3)[:] = 0
    assert number_of(playback.picture(3)) == 3
    assert playback.picture(3).flags.c_contiguous


def test_a_film_without_groups_is_read_too() -> None:
    film = encode_film((grey(20 + 7 * number) for number in range(9)), SIZE, quality=12, group=1)
    assert [number_of(picture) for picture in decode_film(film, 9, SIZE)] == list(range(9))


def test_a_film_that_is_shorter_than_said_is_refused(film: bytes) -> None:
    with pytest.raises(BundleError, match="film"):
        list(decode_film(film, COUNT + 1, SIZE))


def test_a_film_of_another_size_is_refused(film: bytes) -> None:
    with pytest.raises(BundleError, match="film"):
        Playback(film, COUNT, (128, 96))


@pytest.mark.parametrize("cut", [0, 10, 200, 900])
def test_a_film_that_is_cut_short_is_refused(film: bytes, cut: int) -> None:
    with pytest.raises(BundleError, match="film"):
        list(decode_film(film[:cut], COUNT, SIZE))


def test_what_is_no_film_is_refused() -> None:
    with pytest.raises(BundleError, match="film"):
        Playback(b"#EXTM3U\nhttp://127.0.0.1/secret.mp4\n", COUNT, SIZE)


def test_a_bank_is_read_as_it_was_written(film: bytes) -> None:
    whole = bundle(film, encode_bank(bank()))
    assert has_bank(whole)
    found = read_bank(whole, controls=CONTROLS)
    assert found.plane_size == (40, 40)
    assert (found.base == bank().base).all()
    assert number_of(open_base(whole, found).picture(COUNT - 1)) == COUNT - 1


@pytest.mark.parametrize(
    "broken",
    [
        {"unit": np.array([np.nan], np.float32)},
        {"base_shift": np.zeros((COUNT - 1, 2), np.float32)},
        {"points": np.zeros((3, CONTROLS + 1, 2), np.float32)},
        {"looks": np.zeros(3, np.float32)},
        {"size": np.array([1e9, 24], np.float32)},
        {"unit": np.array([0], np.float32)},
        {"size": np.array([80, 40], np.float32)},
        {"base": np.zeros((COUNT, 2, 3), np.float32)},
        {"points": np.full((3, CONTROLS, 2), 1e6, np.float32)},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_a_bank_that_does_not_fit_together_is_refused(film: bytes, broken: dict[str, np.ndarray]) -> None:
    arrays = encode_bank(replace(bank(), **broken))
    with pytest.raises(BundleError, match="bank"):
        read_bank(bundle(film, arrays), controls=CONTROLS)


def test_without_a_film_mouths_are_laid_over_one_picture(film: bytes) -> None:
    one = replace(bank(), **{name: getattr(bank(), name)[:1] for name in ("base", "base_shift", "base_turn")})
    many, few = (
        Bundle(bundle(film, b"").manifest, {MOUTHS: film, ARRAYS: encode_bank(each)})
        for each in (bank(), one)
    )
    assert has_film(bundle(film, b""))
    assert not has_film(few)
    assert len(read_bank(few, controls=CONTROLS).base) == 1
    with pytest.raises(BundleError, match="impossible size"):
        read_bank(many, controls=CONTROLS)


def test_a_bank_without_an_array_is_refused(film: bytes) -> None:
    arrays = {name: np.asarray(getattr(bank(), name)) for name in ("unit", "size")}
    with pytest.raises(BundleError, match="without 'rest'"):
        read_bank(bundle(film, encode_arrays(arrays)), controls=CONTROLS)
