"""A program for bitHuman's package, with its import changed and nothing else: docs/migration.md.

python examples/bithuman_program.py me.jpg speech.wav
"""

from __future__ import annotations

import asyncio
import sys

from livekit_avatar.audio.decode import decode
from livekit_avatar.compat.bithuman import AsyncBithuman, AudioChunk, VideoControl


async def main(model: str, path: str) -> None:
    """Speak a recording in pieces, as it would arrive from a voice, and read the frames meanwhile."""
    runtime = await AsyncBithuman.create(model_path=model, api_secret="any: it is not read")
    speech = decode(path)

    async def push() -> None:
        for start in range(0, len(speech.samples), 1_600):
            piece = AudioChunk(speech.samples[start : start + 1_600], speech.sample_rate, last_chunk=False)
            await runtime.push(VideoControl(audio=piece))
        await runtime.flush()

    pushing = asyncio.create_task(push())
    async for frame in runtime.run():
        if frame.has_image and frame.audio_chunk:
            print(f"frame {frame.frame_index}: {frame.shape}, {frame.audio_chunk.duration:.2f} s of speech")
        if frame.end_of_speech:
            break
    await pushing
    await runtime.stop()


asyncio.run(main(*sys.argv[1:]))
