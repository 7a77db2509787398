"""Transparent pictures get a background, or show their matte beside them; opaque ones stay as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from livekit_avatar.errors import ConfigurationError, UnreadablePictureError
from livekit_avatar.runtime.finish import Finish, covering
from livekit_avatar.runtime.picture import fitted
from livekit_avatar.types import Image


@pytest.fixture
def clear() -> Image:
    """A picture with pixels of every opacity."""
    return np.random.default_rng(1).integers(0, 256, (40, 60, 4), np.uint8)


def over(image: Image, colour: object) -> np.ndarray:
    """What the formula of straight alpha says."""
    alpha = image[..., 3:] / 255
    return image[..., :3] * alpha + np.asarray(colour) * (1 - alpha)


@pytest.mark.parametrize(
    ("background", "colour"),
    [(None, (255, 255, 255)), ("teal", (0, 128, 128)), ("#102030", (16, 32, 48)), ((1, 2, 3), (1, 2, 3))],
)
def test_a_colour_shines_through(clear: Image, background: object, colour: tuple[int, ...]) -> None:
    finished = Finish(background)(clear)
    assert np.abs(finished[..., :3] - over(clear, colour)).max() < 1
    assert (finished[..., 3] == 255).all()


def test_a_picture_fills_the_frame_whatever_its_shape(clear: Image, tmp_path: Path) -> None:
    wide = np.zeros((20, 90, 3), np.uint8)
    wide[:, 45:] = 200
    Pillow.fromarray(wide).save(tmp_path / "wide.png")
    clear[..., 3] = 0
    for background in (tmp_path / "wide.png", str(tmp_path / "wide.png"), wide, Pillow.fromarray(wide)):
        finished = Finish(background)(clear)
        assert (finished[:, :28, :3] == 0).all() and (finished[:, 32:, :3] == 200).all()


def test_an_opaque_picture_is_handed_on_untouched(clear: Image) -> None:
    clear[..., 3] = 255
    assert Finish("teal")(clear) is clear


def test_faces_of_different_sizes_share_a_background(clear: Image) -> None:
    finish = Finish((9, 9, 9))
    for image in (clear, clear[:20, :30].copy(), clear):
        assert np.abs(finish(image)[..., :3] - over(image, (9, 9, 9))).max() < 1


def test_a_matte_stands_on_the_right_of_the_colours(clear: Image) -> None:
    finish = Finish(matte="side-by-side")
    both = finish(clear)
    assert finish.size((60, 40)) == (120, 40) == both.shape[1::-1]
    assert (both[:, :60, :3] == clear[..., :3]).all()
    assert all((both[:, 60:, channel] == clear[..., 3]).all() for channel in range(3))
    assert (both[..., 3] == 255).all()


def test_what_is_behind_a_transparent_background_is_white(clear: Image) -> None:
    clear[..., 3] = 0
    assert (Finish(np.zeros((4, 4, 4), np.uint8))(clear) == 255).all()


def test_a_background_that_covers_is_cut_in_its_middle() -> None:
    ramp = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None], 10, 0).repeat(4, 2)
    assert covering(ramp, (10, 10))[0, :, 0].tolist() == list(range(45, 55))


def test_bars_beside_a_cut_out_face_are_clear(clear: Image) -> None:
    assert fitted(clear, (120, 40))[0, 0].tolist() == [0, 0, 0, 0]
    clear[..., 3] = 255
    assert fitted(clear, (120, 40))[0, 0].tolist() == [0, 0, 0, 255]


def test_what_is_no_background_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'tael' is neither a colour nor a file"):
        Finish("tael")
    with pytest.raises(ConfigurationError, match="no colour"):
        Finish((1, 2, 300))
    with pytest.raises(ConfigurationError, match="both given"):
        Finish("teal", "side-by-side")
    with pytest.raises(ConfigurationError, match="no matte"):
        Finish(matte="above")  # type: ignore[arg-type]
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(UnreadablePictureError):
        Finish(tmp_path / "text.png")
