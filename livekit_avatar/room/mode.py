"""Where a face is drawn: what the arguments of an `AvatarSession` and the environment say together.

| given                                                | drawn                                           |
|------------------------------------------------------|-------------------------------------------------|
| `worker`                                             | by a worker of that name, by LiveKit's dispatch |
| `model_path` or `runtime`                            | in the agent's process                          |
| `api_url`, or a URL in the environment               | by that host                                    |
| `avatar_image` or `avatar_id`, and a secret or token | by bitHuman's hosts                             |
| anything else                                        | in the agent's process                          |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room import wire
from livekit_avatar.room.look import Name, Raw, recognise
from livekit_avatar.settings import Settings

DEFAULT_AVATAR = "ada"

BITHUMAN_URL = "https://auth.api.bithuman.ai/v1/runtime-tokens/request"
"""Where bitHuman's plugin asks for a face if nothing else is said."""

_BITHUMAN_HOSTS = {"auth.api.bithuman.ai", "api.bithuman.ai"}
_FACES = ("avatar", "avatar_image", "avatar_id", "model_path", "runtime")
_LOCAL_FACES = ("model_path", "runtime")
_PLACES = ("worker", "api_url")

RequestFormat: TypeAlias = Literal["json", "form"]


@dataclass(frozen=True, slots=True)
class Host:
    """Who is asked over HTTP for a face.

    Attributes:
        url: where a launch is posted.
        request_format: of the request's body.
        key: proves who asks.
    """

    url: str
    request_format: RequestFormat
    key: str = field(repr=False)

    @property
    def is_bithuman(self) -> bool:
        """Whether it is one of bitHuman's own."""
        return urlsplit(self.url).hostname in _BITHUMAN_HOSTS

    @property
    def headers(self) -> dict[str, str]:
        """That prove who asks."""
        if self.request_format == "json":
            return {wire.API_SECRET_HEADER: self.key}
        return {wire.AUTHORIZATION_HEADER: f"Bearer {self.key}"}

    @property
    def async_mode(self) -> bool | None:
        """Whether it is to answer before the face has joined; None, which hosts take for no: not said."""
        said = parse_qs(urlsplit(self.url).query).get("async", [""])[0].lower()
        return {"true": True, "false": False}.get(said)


@dataclass(frozen=True, slots=True)
class Local:
    """Drawn in the agent's process.

    Attributes:
        source: what the face looks like, or its runtime.
    """

    source: Any


@dataclass(frozen=True, slots=True)
class Cloud:
    """Drawn by a host that is asked over HTTP.

    Attributes:
        host: who is asked.
        image: what the face looks like.
        avatar_id: the name under which the host knows it.
        model: what draws it, in the host's words.
    """

    host: Host
    image: Raw | None
    avatar_id: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Drawn by a worker that LiveKit's agent dispatch calls.

    Attributes:
        worker: its name.
        image: what the face looks like.
        avatar_id: the name under which the worker knows it.
        model: what draws it, in the worker's words.
    """

    worker: str
    image: Raw | None
    avatar_id: str | None
    model: str | None


Mode: TypeAlias = "Local | Cloud | Dispatch"


def choose_mode(given: Mapping[str, Any], env: Settings) -> Mode:
    """Decide where a face is drawn.

    Args:
        given: the arguments that were given, by name.
        env: the environment.

    Raises:
        ConfigurationError: arguments that contradict one another, or a host without a key.
        InputError: a picture that is none.
    """
    faces = [name for name in _FACES if name in given]
    places = [name for name in _PLACES if name in given]
    _refuse_two(places, "say where the face is drawn")
    for place in places:
        _refuse_two([place, *(name for name in faces if name in _LOCAL_FACES)], "say where the face is drawn")
    if places == ["worker"]:
        _refuse_two(faces, "say whose face it is")
        return Dispatch(given["worker"], *_remote_face(given, default=DEFAULT_AVATAR))
    url = _host_url(given, env, faces)
    if url is None:
        _refuse_two(faces, "say whose face it is")
        return Local(given[faces[0]] if faces else env.bithuman_model_path or DEFAULT_AVATAR)
    if faces != ["avatar_image", "avatar_id"]:  # bitHuman's hosts take these two together
        _refuse_two(faces, "say whose face it is")
    return _cloud(url, given, env)


def _refuse_two(names: list[str], what: str) -> None:
    if len(names) > 1:
        raise ConfigurationError(
            f"{' and '.join(f'`{name}`' for name in names)} both {what}", fix="Give one of them."
        )


def _host_url(given: Mapping[str, Any], env: Settings, faces: list[str]) -> str | None:
    """Who is asked for the face; None if it is drawn here."""
    if "api_url" in given:
        return str(given["api_url"])
    if any(name in given for name in _LOCAL_FACES) or (not faces and env.bithuman_model_path):
        return None
    if env.api_url or env.bithuman_api_url:
        return env.api_url or env.bithuman_api_url
    for_bithuman = {"avatar_image", "avatar_id"} & set(faces)
    return BITHUMAN_URL if for_bithuman and _key(given, env, BITHUMAN_URL) else None


def _cloud(url: str, given: Mapping[str, Any], env: Settings) -> Cloud:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "`api_url` is not the URL of a host", fix="Give one such as https://worker.example.com/launch."
        )
    bithuman = parts.hostname in _BITHUMAN_HOSTS
    key = _key(given, env, url)
    if not key:
        names = "BITHUMAN_API_SECRET" if bithuman else "LIVEKIT_AVATAR_API_TOKEN"
        raise ConfigurationError(
            f"no secret or token for {parts.hostname}",
            fix=f"Pass `api_secret` or `api_token`, or set {names}.",
        )
    host = Host(url, given.get("request_format") or ("json" if bithuman else "form"), key)
    image, name, model = _remote_face(given, default=None if bithuman else DEFAULT_AVATAR)
    if image is None and name is None:
        raise ConfigurationError(
            "bitHuman's hosts are not told whose face it is", fix="Give `avatar_image` or `avatar_id`."
        )
    return Cloud(host, image, name, model)


def _key(given: Mapping[str, Any], env: Settings, url: str) -> str:
    """What proves to a host who asks; a key of the environment goes only to the host that it is for."""
    bithuman_secret = env.bithuman_api_secret.get_secret_value()
    bithuman_token = env.bithuman_api_token.get_secret_value()
    own_token = env.api_token.get_secret_value()
    secret, token = given.get("api_secret"), given.get("api_token")
    if urlsplit(url).hostname in _BITHUMAN_HOSTS:
        candidates = [secret, token, bithuman_secret, bithuman_token]
    elif "api_url" not in given and env.api_url:
        candidates = [token, secret, own_token]
    else:
        candidates = [token, secret, own_token, bithuman_token, bithuman_secret]
    return next((str(key) for key in candidates if key), "")


def _remote_face(
    given: Mapping[str, Any], *, default: str | None
) -> tuple[Raw | None, str | None, str | None]:
    """(picture, name, model) of a face that is drawn elsewhere."""
    image: Raw | None = None
    name, model = given.get("avatar_id"), given.get("model")
    if "avatar" in given:
        image = recognise(given["avatar"], names=True)
    elif "avatar_image" in given:
        image = recognise(given["avatar_image"], names=False)
    if isinstance(image, Name):
        name, image = image.name, None
    return image, name or (default if image is None else None), str(model) if model else None
