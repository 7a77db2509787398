"""Where a face is drawn: arguments and environment together."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from livekit_avatar.errors import BitHumanException, ConfigurationError, InputError
from livekit_avatar.room.look import Url, recognise
from livekit_avatar.room.mode import BITHUMAN_URL, Cloud, Dispatch, Local, Mode, choose_mode
from livekit_avatar.settings import Settings

WORKER = "https://worker.example.com/launch"


def mode(**given: Any) -> Mode:
    return choose_mode(given, Settings())


def cloud(**given: Any) -> Cloud:
    chosen = mode(**given)
    assert isinstance(chosen, Cloud)
    return chosen


def test_without_anything_it_is_ada_drawn_here() -> None:
    assert mode() == Local("ada")


@pytest.mark.parametrize("name", ["avatar", "avatar_image", "avatar_id", "model_path", "runtime"])
def test_a_face_alone_is_drawn_here(name: str) -> None:
    assert mode(**{name: "me"}) == Local("me")


def test_a_url_says_that_it_is_drawn_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cloud(api_url=WORKER, api_token="t", avatar="ada").avatar_id == "ada"
    monkeypatch.setenv("LIVEKIT_AVATAR_API_URL", WORKER)
    monkeypatch.setenv("LIVEKIT_AVATAR_API_TOKEN", "t")
    for given in ({}, {"avatar": "ada"}, {"avatar_id": "ada"}):
        assert cloud(**given).avatar_id == "ada"
    assert mode(model_path="me.avatar") == Local("me.avatar"), "unless it is said that it is drawn here"


@pytest.mark.parametrize("proof", ["api_secret", "api_token", "BITHUMAN_API_SECRET", "BITHUMAN_API_TOKEN"])
def test_a_face_with_a_secret_or_token_is_drawn_by_bithuman(
    proof: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"avatar_id": "A31KJC8622"}
    if proof.isupper():
        monkeypatch.setenv(proof, "s")
    else:
        given[proof] = "s"
    host = cloud(**given).host
    assert (host.url, host.request_format, host.headers) == (BITHUMAN_URL, "json", {"api-secret": "s"})


def test_a_worker_s_token_is_not_sent_to_bithuman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_AVATAR_API_TOKEN", "ours")
    assert mode(avatar_id="ada") == Local("ada")


def test_bithuman_s_secret_is_not_sent_to_the_worker_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIVEKIT_AVATAR_API_URL", WORKER)
    monkeypatch.setenv("BITHUMAN_API_SECRET", "theirs")
    with pytest.raises(ConfigurationError, match="LIVEKIT_AVATAR_API_TOKEN"):
        mode(avatar_id="ada")


def test_a_worker_of_livekit_s_dispatch_goes_before_a_url_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIVEKIT_AVATAR_API_URL", WORKER)
    assert mode(worker="faces", avatar_id="ada") == Dispatch("faces", None, "ada", None)


CONTRADICTIONS = [
    {"worker": "faces", "api_url": WORKER},
    {"worker": "faces", "runtime": object()},
    {"worker": "faces", "model_path": "me.avatar"},
    {"api_url": WORKER, "runtime": object()},
    {"api_url": WORKER, "model_path": "me.avatar"},
    {"avatar": "ada", "avatar_id": "ada"},
    {"avatar": "ada", "avatar_image": "me.jpg"},
    {"avatar_image": "me.jpg", "avatar_id": "ada"},
    {"avatar": "ada", "runtime": object()},
    {"model_path": "me.avatar", "runtime": object()},
]


@pytest.mark.parametrize("given", CONTRADICTIONS, ids="-".join)
def test_a_contradiction_names_both_sides(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        mode(**given)
    assert all(f"`{name}`" in str(refused.value) for name in given)
    assert isinstance(refused.value, BitHumanException)


def test_bithuman_s_hosts_are_told_whose_face_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="avatar_id"):
        mode(api_url=BITHUMAN_URL, api_secret="s")


@pytest.mark.parametrize("url", ["worker.example.com", "ftp://worker.example.com", "https://", "/launch"])
def test_what_is_no_url_of_a_host_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="api_url"):
        mode(api_url=url, api_token="t")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (WORKER, None),
        (WORKER + "?async=true", True),
        (WORKER + "?async=FALSE", False),
        (WORKER + "?async=maybe", None),
    ],
)
def test_the_query_says_whether_to_wait(url: str, said: bool | None) -> None:
    assert cloud(api_url=url, api_token="t").host.async_mode is said


def test_no_key_is_shown() -> None:
    assert "a-secret" not in repr(mode(api_url=WORKER, api_secret="a-secret"))


def test_whatever_a_picture_comes_as_is_recognised(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    png, path = buffer.getvalue(), tmp_path / "me.png"
    path.write_bytes(png)
    text = base64.b64encode(png).decode()
    assert recognise("https://example.com/me.png", names=False) == Url("https://example.com/me.png")
    assert recognise(str(path), names=False) == path
    assert recognise(text, names=False) == png
    assert recognise(f"data:image/png;base64,{text}", names=False) == png
    assert recognise(png, names=False) is png


@pytest.mark.parametrize("source", ["data:,", "data:image/png;base64,%%%", "nowhere/me.png", "a" * 10_000])
def test_what_is_no_picture_is_refused_in_a_few_words(source: str) -> None:
    with pytest.raises(InputError) as refused:
        recognise(source, names=False)
    assert len(str(refused.value)) < 250
