"""What is asked of the demo, checked before anything is loaded or started."""

from __future__ import annotations

from pathlib import Path

from livekit_avatar.errors import ConfigurationError

LONGEST_TEXT = 14_000
"""Bytes of text that can be said at once: LiveKit's RPC carries 15 KiB."""


def check_text(text: str) -> str:
    """The text to say, without white space around it.

    Raises:
        ConfigurationError: it is empty or too long.
    """
    text = text.strip()
    if not text:
        raise ConfigurationError("the text to say is empty", fix="Give --say a sentence.")
    if len(text.encode()) > LONGEST_TEXT:
        raise ConfigurationError(
            f"the text to say is longer than {LONGEST_TEXT} bytes", fix="Say it in several parts."
        )
    return text


def check_path(path: Path) -> Path:
    """The file to record to, absolute.

    Raises:
        ConfigurationError: it is not an mp4 file, or nothing can be written there.
    """
    path = path.expanduser().absolute()
    if path.suffix.lower() != ".mp4":
        raise ConfigurationError(f"{str(path)!r} is not an mp4 file", fix="Give a name that ends in .mp4.")
    probe = path.with_name(f".{path.name}.probe")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be written: {error.strerror}", fix="Choose another place."
        ) from error
    return path
