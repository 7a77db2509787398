"""The command line: `livekit-avatar`, one file a command."""

from __future__ import annotations

import sys

EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the program: a deliberate error is one line on stderr and exit status 2, Ctrl-C is 130."""
    from livekit_avatar.cli.app import app
    from livekit_avatar.errors import AvatarError

    try:
        app()
    except AvatarError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_REFUSED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
