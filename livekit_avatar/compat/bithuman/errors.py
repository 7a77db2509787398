"""bitHuman's exceptions, as part of our own tree.

    AvatarError (livekit_avatar.errors)
    ├── InvalidAvatar            of `open(...)`: there is no such avatar, or it is none
    ├── NotSupported             this avatar cannot run here
    ├── NotAuthorised            never raised: there is no key
    ├── Failed                   anything else
    └── BithumanError            of `AsyncBithuman` and `Bithuman`
        ├── TokenError           these five are never raised
        │   ├── TokenExpiredError
        │   ├── TokenValidationError
        │   ├── TokenRequestError
        │   └── AccountStatusError
        ├── ModelError
        │   ├── ModelNotFoundError
        │   ├── ModelLoadError
        │   └── ModelSecurityError   never raised
        └── RuntimeNotReadyError

Names, codes and texts in brackets are those of the package `bithuman`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from livekit_avatar.errors import (
    AvatarError,
    AvatarNotFoundError,
    EngineNotFoundError,
    ForeignModelError,
    InputError,
    PreparationCancelledError,
)


class _Refusal(AvatarError):
    """A refusal of `open(...)` and what it returns; may be made with a text alone."""

    def __init__(self, problem: str = "", *, fix: str = "") -> None:
        super().__init__(problem, fix=fix)

    def __str__(self) -> str:
        return super().__str__() if self.fix else self.problem


class InvalidAvatar(_Refusal):
    """There is no such avatar, or it is none."""


class NotSupported(_Refusal):
    """This avatar cannot run here."""


class NotAuthorised(_Refusal):
    """The key is missing or invalid: never raised, because no key is needed."""


class Failed(_Refusal):
    """It could not be done; the message says why."""


class BithumanError(_Refusal):
    """Base of what `AsyncBithuman` and `Bithuman` raise.

    Attributes:
        code: a word that does not change, such as "model_not_found".
    """

    code: str = "unknown"

    def __init__(self, message: str = "", *, code: str | None = None, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.code = code or self.code

    def __str__(self) -> str:
        return f"[{self.code}] {super().__str__()}".rstrip()

    @property
    def docs_url(self) -> str:
        """The page about the code, on the site of bitHuman."""
        return f"https://docs.bithuman.ai/api-reference/errors#{self.code}"


class TokenError(BithumanError):
    """A token cannot be used."""

    code = "token_error"


class TokenExpiredError(TokenError):
    """A token has expired."""

    code = "token_expired"


class TokenValidationError(TokenError):
    """A token is not valid."""

    code = "token_invalid"


class TokenRequestError(TokenError):
    """No token could be had."""

    code = "token_request_failed"


class AccountStatusError(TokenError):
    """The account may not render."""

    code = "account_status_invalid"


class ModelError(BithumanError):
    """An avatar cannot be used."""

    code = "model_error"


class ModelNotFoundError(ModelError, FileNotFoundError):
    """There is no such avatar."""

    code = "model_not_found"


class ModelLoadError(ModelError):
    """The avatar cannot be loaded."""

    code = "model_load_failed"


class ModelSecurityError(ModelError):
    """The avatar failed a check of its integrity."""

    code = "model_security_violation"


class RuntimeNotReadyError(BithumanError, RuntimeError):
    """A call came before the runtime was ready."""

    code = "runtime_not_ready"


@contextmanager
def model_errors() -> Iterator[None]:
    """Raise our errors as those that `AsyncBithuman` and `Bithuman` have for a model."""
    try:
        yield
    except BithumanError:
        raise
    except AvatarNotFoundError as error:
        raise ModelNotFoundError(error.problem, fix=error.fix) from error
    except AvatarError as error:
        raise ModelLoadError(error.problem, fix=error.fix) from error


@contextmanager
def refusals() -> Iterator[None]:
    """Raise our errors as one of the four that `open(...)` has."""
    try:
        yield
    except _Refusal:
        raise
    except (ForeignModelError, EngineNotFoundError) as error:
        raise NotSupported(error.problem, fix=error.fix) from error
    except (InputError, PreparationCancelledError) as error:
        raise InvalidAvatar(error.problem, fix=error.fix) from error
    except AvatarError as error:
        raise Failed(error.problem, fix=error.fix) from error
