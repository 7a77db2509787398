"""The command line: `livekit-avatar`, one file a command."""

from __future__ import annotations

import sys

EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the program: a deliberate error is one line on stderr and exit status 2, Ctrl-C is 130."""
    status = _run()
    if "livekit.rtc" in sys.modules:
        from livekit_avatar.demo.ending import end_process

        end_process(status)
    sys.exit(status)


def _run() -> int:
    from livekit_avatar.cli.app import app
    from livekit_avatar.errors import AvatarError

    try:
        app()
    except AvatarError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
