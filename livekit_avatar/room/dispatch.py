"""Having LiveKit's own agent dispatch call a worker, which joins the room as the face.

Workers register with the LiveKit server under one name; the server (with Redis, any node of it) gives each
dispatch to one that has room.
"""

from __future__ import annotations

import contextlib
import json
import logging

import aiohttp
from livekit import api

from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room import wire
from livekit_avatar.room.cloud import Invitation
from livekit_avatar.room.refusal import CloudError

logger = logging.getLogger(__name__)


class DispatchLauncher:
    """Has faces started by workers of one name.

    Args:
        worker: their name.
        invitation: what the one that comes is told.

    Raises:
        ConfigurationError: a picture, which a dispatch cannot carry.
    """

    def __init__(self, worker: str, invitation: Invitation) -> None:
        if invitation.look.picture is not None or invitation.look.bundle is not None:
            raise ConfigurationError(
                "a dispatch cannot carry a picture",
                fix="Name an avatar that the worker knows, give the URL of a picture, or use `api_url`.",
            )
        self._worker = worker
        self._invitation = invitation
        self._dispatch: str | None = None  # id of the last one

    async def launch(self, identity: str) -> None:
        """Have a worker called that will join under this identity.

        Raises:
            CloudError: the LiveKit server cannot be reached or refuses.
        """
        request = api.CreateAgentDispatchRequest(
            agent_name=self._worker, room=self._invitation.room, metadata=self._metadata(identity)
        )
        try:
            async with self._invitation.server.client() as livekit:
                self._dispatch = (await livekit.agent_dispatch.create_dispatch(request)).id
        except (api.TwirpError, aiohttp.ClientError) as error:
            raise CloudError(
                f"the LiveKit server did not dispatch {self._worker!r} ({type(error).__name__}: {error})",
                fix="Check LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
            ) from error

    async def end(self) -> None:
        """Take the dispatch back."""
        dispatch, self._dispatch = self._dispatch, None
        if dispatch is None:
            return
        with contextlib.suppress(api.TwirpError, aiohttp.ClientError):
            async with self._invitation.server.client() as livekit:
                await livekit.agent_dispatch.delete_dispatch(dispatch, self._invitation.room)

    def _metadata(self, identity: str) -> str:
        invitation = self._invitation
        fields = {
            wire.AVATAR_IDENTITY: identity,
            wire.AGENT_IDENTITY: invitation.agent,
            wire.PARTICIPANT_NAME: invitation.name,
            wire.MODEL: invitation.model,
            wire.AVATAR_ID: invitation.look.name,
            wire.AVATAR_IMAGE_URL: invitation.look.url,
        }
        return json.dumps({name: value for name, value in fields.items() if value is not None})
