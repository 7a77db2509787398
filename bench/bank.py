"""How long a frame of a face with mouths of its own takes, beside encoding it as VP8 on one thread.

    python bench/bank.py AVATAR [--json]

AVATAR was made by `livekit-avatar create CLIP -o AVATAR`, or is the file of a built-in character. Frames run
through all visemes; a third of them are the first after a change of mouth, where two are laid over one
another, as in speech. The yardstick is libvpx in real-time mode, cpu-used 8, measured in the same run on the
same frames. Times are the thread's own processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from render import TURN, encode_time, encoder, talking

from livekit_avatar.avatars.bank import BASE, MOUTHS
from livekit_avatar.avatars.bundle import read_bundle
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.bank.mover import Shot, forth_and_back
from livekit_avatar.engines.portrait.bank.selection import PAINTED
from livekit_avatar.types import Floats

ROUNDS = 3


def shots(face: BankFace) -> list[Shot]:
    """The frames of a talk, as a session would decide them."""
    film, choice, decided = face.play(), face.selection.begin(), []
    for played, pose in enumerate(talking(still_head=True) * ROUNDS):
        picture = forth_and_back(played, face.pictures)
        target = face.target(pose)
        choice = face.selection.next(choice, target, face.turn(picture), pose)
        decided.append(Shot(film, picture, target + face.shift(picture), choice.layers, pose))
    return decided


def ms(times: list[float], part: float = 50) -> float:
    return round(1e3 * float(np.percentile(times, part)), 3) if times else 0.0


def measure(face: BankFace) -> dict[str, object]:
    vp8, draw, encode = encoder(face.size), [], []
    decided = shots(face)
    for first in range(0, len(decided), TURN):
        # by turns, so that other load on the machine falls on all alike
        turn = decided[first : first + TURN]
        frames = []
        for shot in turn:
            start = time.thread_time()
            frames.append(face.draw(shot))
            draw.append(time.thread_time() - start)
        encode += [encode_time(vp8, frame, first + i) for i, frame in enumerate(frames)]
    two = [t for t, shot in zip(draw, decided, strict=True) if len(shot.mouths) > 1]
    one = [t for t, shot in zip(draw, decided, strict=True) if len(shot.mouths) == 1]
    painted = [t for t, shot in zip(draw, decided, strict=True) if (PAINTED, 1.0) in shot.mouths]
    return {
        "size": "x".join(map(str, face.size)),
        "frame_ms": ms(draw),
        "frame_p95_ms": ms(draw, 95),
        "one_mouth_ms": ms(one),
        "two_mouths_ms": ms(two),
        "painted_ms": ms(painted),
        "film_ms": ms(film_times(face, decided)),
        "decide_ms": ms(decide_times(face, decided)),
        "vp8_ms": ms(encode),
        "frame_over_vp8": round(ms(draw) / ms(encode), 3),
        "changes": round(float(np.mean([len(shot.mouths) > 1 for shot in decided])), 3),
        "painted": round(float(np.mean([shot.mouths[-1][0] == PAINTED for shot in decided])), 3),
    }


def film_times(face: BankFace, decided: list[Shot]) -> list[float]:
    """Decoding the base film alone."""
    film, times = face.play(), []
    for shot in decided if film else ():
        start = time.thread_time()
        film.picture(shot.picture)
        times.append(time.thread_time() - start)
    return times


def decide_times(face: BankFace, decided: list[Shot]) -> list[float]:
    """Choosing the mouth alone."""
    choice, times = face.selection.begin(), []
    still: Floats = face.turn(0)
    for shot in decided:
        start = time.thread_time()
        choice = face.selection.next(choice, face.target(shot.pose), still, shot.pose)
        times.append(time.thread_time() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    bundle = read_bundle(arguments.avatar)
    start = time.process_time()
    face = BankFace(bundle)
    load = time.process_time() - start
    result = {
        **measure(face),
        "load_s": round(load, 3),
        "film_bytes": len(bundle.members.get(BASE, b"")),
        "mouths_bytes": len(bundle.members[MOUTHS]),
        "bytes": arguments.avatar.stat().st_size,
    }
    print(json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
