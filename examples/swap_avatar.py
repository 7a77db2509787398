"""Another face takes over in mid-sentence; the speech goes on without a gap.

python examples/swap_avatar.py ada me.jpg speech.wav faces.png
"""

from __future__ import annotations

import asyncio
import sys

import numpy as np
from PIL import Image

from livekit_avatar import AvatarRuntime
from livekit_avatar.audio.decode import decode


async def main(first: str, second: str, path: str, sheet: str) -> None:
    """Write a sheet with every fifth picture, and say how much of the speech came out."""
    speech = decode(path)
    pictures, spoken = [], 0
    async with await AvatarRuntime.create(first) as runtime:
        await runtime.push_audio(speech.samples, speech.sample_rate)
        change: asyncio.Task[None] | None = None
        async for frame in await runtime.run():  # awaited: ends with the speech
            if change is None:  # opened while the first goes on speaking, then cross-faded
                change = asyncio.create_task(runtime.set_avatar(second))
            spoken += len(frame.audio.samples) if frame.audio else 0
            if frame.number % 5 == 0:
                pictures.append(frame.image)
        if change:
            await change
    Image.fromarray(np.hstack(pictures)).save(sheet)
    print(f"{spoken} of {len(speech.samples)} samples were spoken by two faces")


asyncio.run(main(*sys.argv[1:]))
