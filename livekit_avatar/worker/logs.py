"""What a worker logs: which session it is about, and never a secret."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import datetime, timezone

SESSION: ContextVar[str] = ContextVar("livekit_avatar_session", default="")
"""Id of the session on whose behalf something is done; empty outside of sessions."""

_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


class Discretion(logging.Filter):
    """Takes tokens out of log records: LiveKit's native part writes a refused one into its warnings."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, without tokens."""
        message = record.getMessage()
        if _TOKEN.search(message):
            record.msg, record.args = _TOKEN.sub("[token]", message), None
        return True


class SessionFormatter(logging.Formatter):
    """A line a record, with the id of the session.

    Args:
        as_json: an object a line instead of text.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        session = SESSION.get()
        if not self._as_json:
            line = _TOKEN.sub("[token]", super().format(record))
            return f"{line} [session {session}]" if session else line
        entry = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _TOKEN.sub("[token]", record.getMessage()),
        }
        if session:
            entry["session_id"] = session
        if record.exc_info:
            entry["exception"] = _TOKEN.sub("[token]", self.formatException(record.exc_info))
        return json.dumps(entry)


def be_discreet() -> None:
    """Keep tokens out of LiveKit's own log, whoever reads it."""
    for name in ("livekit", "livekit.agents", "livekit_avatar"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, Discretion) for each in logger.filters):
            logger.addFilter(Discretion())


def log_to_stderr(*, as_json: bool = False, verbose: bool = False) -> None:
    """Send the log of a worker's process to standard error.

    Args:
        as_json: an object a line instead of text.
        verbose: also what LiveKit's parts say about everyday matters.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(SessionFormatter(as_json=as_json))
    handler.addFilter(Discretion())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("livekit_avatar").setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in ("livekit", "livekit.agents"):
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.ERROR)
