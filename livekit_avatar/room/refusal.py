"""A launch that failed, as this package's error and as livekit-agents' at once."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from livekit.agents import APIConnectionError, APIStatusError

from livekit_avatar.errors import LaunchError, LaunchRefusedError

_EXCERPT = 300  # characters of an answer that are shown
_FIXES = {
    400: "The host cannot use what it was sent; its answer says what.",
    401: "Check `api_secret` or `api_token`.",
    402: "The account has no credit left.",
    403: "Check that this `api_secret` or `api_token` may use this host.",
    404: "Check the path of `api_url`, and that the host knows this `avatar_id`.",
    405: "Check the path of `api_url`.",
    413: "Send a smaller picture.",
    415: "Try the other `request_format`.",
    422: "Check `avatar_id` and `model`, or try the other `request_format`.",
    429: "Every place is taken: try again later, or run more workers.",
    503: "Every place is taken: try again later, or run more workers.",
}


class CloudError(LaunchError, APIConnectionError):
    """A host could not be reached, or gave no answer in time."""

    def __init__(self, problem: str, *, fix: str) -> None:
        Exception.__init__(self, problem, fix)
        self.problem, self.fix = problem, fix
        self.message, self.body, self.retryable = problem, None, False

    def __str__(self) -> str:
        return f"{self.problem}. {self.fix}"


class CloudStatusError(CloudError, LaunchRefusedError, APIStatusError):
    """A host refused.

    Attributes:
        status_code: of its answer.
        body: the beginning of its answer, without secrets.
    """

    def __init__(self, problem: str, *, fix: str, status: int, body: str) -> None:
        super().__init__(problem, fix=fix)
        self.status_code, self.request_id, self.body = status, None, body


def refusal(
    url: str, status: int, answer: str, *, fix: str | None, secrets: Iterable[str]
) -> CloudStatusError:
    """The error that tells of a refusal.

    Args:
        url: that was asked.
        status: of the answer.
        answer: the answer's text.
        fix: what the host says to do about it.
        secrets: what must not be shown though the host may repeat it.
    """
    excerpt = redacted(answer, secrets)[:_EXCERPT].strip()
    said = f": {excerpt}" if excerpt else ", without a word"
    default = "Look into the host's log." if status >= 500 else "Check `api_url`."
    if 300 <= status < 400:
        default = "Give the address that it redirects to as `api_url`: a key is not carried to another place."
    return CloudStatusError(
        f"{shown(url)} refused to start the face with status {status}{said}",
        fix=redacted(fix, secrets) if fix else _FIXES.get(status, default),
        status=status,
        body=excerpt,
    )


def shown(url: str) -> str:
    """A URL without what may be secret in it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[secret]")
    return text
