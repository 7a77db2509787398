"""A live face without a room: it speaks, is interrupted, and speaks again.

python examples/live_runtime.py speech.wav
"""

from __future__ import annotations

import asyncio
import sys

from livekit_avatar import AvatarRuntime
from livekit_avatar.audio.decode import decode


async def main(path: str) -> None:
    """Show a line for each change between speech and silence."""
    speech = decode(path)
    async with await AvatarRuntime.create("ada") as runtime:
        await runtime.push_audio(speech.samples, speech.sample_rate)
        spoke = False
        async for frame in runtime.run():  # 25 a second by the clock, also while nobody speaks
            speaks = frame.audio is not None
            if speaks is not spoke:
                print(f"frame {frame.number}: {'speaks' if speaks else 'is silent'}")
            spoke = speaks
            if frame.number == 10:
                await runtime.interrupt()  # the next frame is silent, and the mouth closes
            if frame.number == 20:
                await runtime.push_audio(speech.samples[: speech.sample_rate // 2], speech.sample_rate)
                await runtime.flush()
            if frame.last:
                return


asyncio.run(main(sys.argv[1]))
