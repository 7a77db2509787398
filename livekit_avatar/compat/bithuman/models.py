"""Which avatar a program written for bitHuman means, and what it passes that we have no use for."""

from __future__ import annotations

import logging
from typing import Any

from livekit_avatar.avatar import Avatar, Source, open_avatar
from livekit_avatar.compat.bithuman.errors import model_errors
from livekit_avatar.settings import settings

logger = logging.getLogger(__name__)

DEFAULT_AVATAR = "ada"


def chosen(model_path: Source | None, figure_id: str | None) -> Source:
    """The avatar that is meant: a model, else a figure, else BITHUMAN_MODEL_PATH, else "ada"."""
    if model_path is not None:
        return model_path
    if figure_id or settings().bithuman_model_path:
        return figure_id or settings().bithuman_model_path
    logger.info("no avatar was named: %s speaks", DEFAULT_AVATAR)
    return DEFAULT_AVATAR


def load(source: Source) -> Avatar:
    """Open an avatar; slow, call it off the event loop.

    Raises:
        ModelNotFoundError: there is no such file or built-in name.
        ModelLoadError: it cannot be a face, such as an .imx file; the message says what to do.
    """
    with model_errors():
        return open_avatar(source)


def ignore(**given: Any) -> None:
    """Say, without their values, which arguments mean nothing here."""
    names = ", ".join(name for name, value in given.items() if value)
    if names:
        logger.debug("no key, account or model server is needed; ignored: %s", names)
