"""Every error this package raises on purpose.

    AvatarError
    ├── ConfigurationError        arguments or environment variables that contradict or are missing
    ├── InputError                what the caller handed in cannot be used
    │   ├── PictureError
    │   │   ├── UnreadablePictureError
    │   │   ├── PictureTooLargeError
    │   │   ├── NoFaceError
    │   │   ├── SeveralFacesError
    │   │   ├── FaceTooSmallError
    │   │   └── FaceTurnedError
    │   ├── ClipError             a film cannot become a face
    │   │   ├── UnreadableClipError
    │   │   ├── ClipLengthError
    │   │   └── ClipCutError
    │   ├── AudioError
    │   │   ├── UnreadableAudioError
    │   │   └── AudioFormatError
    │   ├── BundleError           a .avatar file that is broken, hostile or too new
    │   ├── ForeignModelError     a model of another maker, which only their program can draw
    │   ├── AvatarNotFoundError   there is no avatar of that name, or no such file
    │   └── AvatarExistsError     the library has another avatar of that name
    ├── StoreError                the library's folder cannot be used
    ├── ModelError
    │   ├── ModelNotFoundError    a model file is not on this machine
    │   ├── ModelCorruptError     its sha256 is not the published one
    │   └── DownloadError
    ├── EngineError
    │   ├── EngineNotFoundError
    │   ├── EngineFailedError     an engine broke while it was loading, hearing or drawing
    │   └── PreparationCancelledError   the caller wanted no avatar any more
    ├── CapacityError             the machine has no room for one more session
    ├── RemoteError               a face on another machine
    │   ├── LaunchError           it could not be started
    │   │   └── LaunchRefusedError    the host answered with a refusal
    │   └── WishRefusedError      it runs, and cannot do what it was asked
    ├── MisuseError               a call at a moment when it cannot work
    │   ├── NotStartedError
    │   ├── AlreadyStartedError
    │   ├── ClosedError
    │   └── SecondConsumerError
    ├── RequestRefusedError       a worker refuses what it is asked for over HTTP
    └── DemoError                 a part of the demo (dev server, voice) cannot be had

Each says in one line what is wrong and what to do about it: `str(error)` is
"problem. fix", and the two halves are attributes.

Every one is a `BitHumanException` too, the name by which programs written for bitHuman's plugin catch errors.
"""

from __future__ import annotations


class BitHumanException(Exception):
    """What bitHuman's plugin calls an error."""


class AvatarError(BitHumanException):
    """Base of the tree.

    Attributes:
        problem: what is wrong, a phrase without a full stop.
        fix: what to do about it, a sentence.
    """

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(problem, fix)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem}. {self.fix}"


class ConfigurationError(AvatarError, ValueError):
    """Arguments or environment variables contradict one another or are missing."""


class InputError(AvatarError, ValueError):
    """Something the caller handed in cannot be used."""


class PictureError(InputError):
    """A picture cannot become a face."""


class UnreadablePictureError(PictureError):
    """The bytes are not a picture that can be decoded."""


class PictureTooLargeError(PictureError):
    """More bytes or pixels than the limit; refused before decoding."""


class NoFaceError(PictureError):
    """No face was found."""


class SeveralFacesError(PictureError):
    """Several faces, and none is clearly the largest."""


class FaceTooSmallError(PictureError):
    """The face has too few pixels to be animated."""


class FaceTurnedError(PictureError):
    """The face is turned too far from the camera."""


class ClipError(InputError):
    """A film cannot become a face. A face that is missing, small or not alone is a `PictureError`."""


class UnreadableClipError(ClipError):
    """The file is not a film that can be decoded."""


class ClipLengthError(ClipError):
    """The film is too short or too long."""


class ClipCutError(ClipError):
    """The film is not one take, or its face is lost in between."""


class AudioError(InputError):
    """A sound cannot be used as speech."""


class UnreadableAudioError(AudioError):
    """The file holds no sound that can be decoded."""


class AudioFormatError(AudioError):
    """An array, rate or channel count that is not speech PCM."""


class BundleError(InputError):
    """A .avatar file is broken, hostile, or newer than this program."""


class ForeignModelError(InputError):
    """A model of another maker, which only their program can draw."""


class AvatarNotFoundError(InputError):
    """There is no avatar of that name, or no such file."""


class AvatarExistsError(InputError):
    """The library has another avatar of that name."""


class StoreError(AvatarError):
    """The folder of the library cannot be read or written."""


class AddressError(InputError):
    """What a URL names cannot be had. The message names the host alone: the rest may be secret."""


class AddressRefusedError(AddressError):
    """The URL may not be fetched: it is not public, or not the web."""


class AddressUnreachableError(AddressError):
    """No answer came in time, or not the answer that was wanted."""


class AddressTooLargeError(AddressError):
    """What the URL names has more bytes than the limit."""


class ModelError(AvatarError):
    """A model file cannot be used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """A model file is not on this machine."""


class ModelCorruptError(ModelError):
    """A model file is not the published one."""


class DownloadError(ModelError):
    """A model file could not be fetched."""


class EngineError(AvatarError):
    """An engine cannot be used."""


class EngineNotFoundError(EngineError):
    """No engine of that name is installed."""


class EngineFailedError(EngineError):
    """An engine broke while it was loading, hearing or drawing."""


class PreparationCancelledError(EngineError):
    """The caller wanted no avatar any more."""


class CapacityError(AvatarError):
    """The machine has no room for one more session.

    Attributes:
        retry_after: seconds after which it is worth asking again.
    """

    def __init__(self, problem: str, *, fix: str, retry_after: float) -> None:
        super().__init__(problem, fix=fix)
        self.retry_after = retry_after


class RemoteError(AvatarError):
    """A face on another machine cannot be used."""


class LaunchError(RemoteError):
    """A face could not be started on another machine.

    What the room raises is an `APIConnectionError` of livekit-agents too.
    """


class LaunchRefusedError(LaunchError):
    """The host answered with a refusal.

    What the room raises is an `APIStatusError` of livekit-agents too, with `status_code` and `body`.
    """


class WishRefusedError(RemoteError):
    """A face on another machine runs, and cannot do what it was asked."""


class MisuseError(AvatarError, RuntimeError):
    """A call came at a moment when it cannot work."""


class NotStartedError(MisuseError):
    """The runtime or session has not been started."""


class AlreadyStartedError(MisuseError):
    """The runtime or session has been started before."""


class ClosedError(MisuseError):
    """The runtime or session has been closed."""


class SecondConsumerError(MisuseError):
    """Frames are being read by somebody else already."""


class RequestRefusedError(AvatarError):
    """A worker refuses what it is asked for over HTTP.

    Attributes:
        status: of the HTTP answer.
        code: for programs, such as "room_refused".
    """

    def __init__(self, problem: str, *, fix: str, status: int, code: str) -> None:
        super().__init__(problem, fix=fix)
        self.status = status
        self.code = code


class DemoError(AvatarError):
    """A part of the demo cannot be had on this machine."""
