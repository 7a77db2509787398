"""`AvatarSession` as bitHuman's plugin has it: ours, whose `runtime` is an `AsyncBithuman`."""

from __future__ import annotations

from typing import Any

from livekit_avatar.compat.bithuman.models import ignore
from livekit_avatar.compat.bithuman.runtime import AsyncBithuman
from livekit_avatar.room import session as ours
from livekit_avatar.room.local import LocalFace
from livekit_avatar.room.mode import Local, Mode


class AvatarSession(ours.AvatarSession):
    """Gives an agent a face; see `livekit_avatar.AvatarSession`.

    Arguments that ours refuses together are read as the plugin reads them: `avatar_image` or `avatar_id` say
    that the face is elsewhere (here if there is no secret, token or URL), whatever `model_path` says; without
    them it is here, whatever `api_url` says, and `runtime` goes before `model_path`.

    `runtime` may be an `AsyncBithuman`, also one that was in a room before: each session begins a new
    transaction with it, and leaves it ready for the next.
    """

    _of_face: AsyncBithuman | None = None

    def _choose_mode(self, given: dict[str, Any]) -> Mode:
        unread = _unread(given)
        ignore(**{name: given[name] for name in unread})
        return super()._choose_mode({name: value for name, value in given.items() if name not in unread})

    @property
    def runtime(self) -> AsyncBithuman:  # type: ignore[override, unused-ignore]  # the other interface to the same face
        """The runtime that was given, or one of the face that is drawn here.

        Raises:
            NotStartedError: (a BitHumanException) none was given and `start` was not called.
            ConfigurationError: (a BitHumanException) the face is drawn elsewhere.
        """
        source = self._mode.source if isinstance(self._mode, Local) else None
        given = source if isinstance(source, AsyncBithuman) else None
        drawn = self._face.runtime if isinstance(self._face, LocalFace) else None
        if given is not None and drawn is None:
            return given
        self._of_face = given or self._of_face or AsyncBithuman()
        self._of_face.adopt(drawn or super().runtime)
        return self._of_face


def _unread(given: dict[str, Any]) -> set[str]:
    """The arguments that the plugin does not read beside the others."""
    if "avatar_image" in given or "avatar_id" in given:
        return {"model_path", "runtime"} & given.keys()
    if "runtime" in given:
        return {"model_path", "api_url"} & given.keys()
    return {"api_url"} & given.keys() if "model_path" in given else set()
