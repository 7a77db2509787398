"""How long one frame of a portrait takes to draw, beside encoding the same frame as VP8 on one thread.

    python bench/render.py PICTURE [--json]

The picture is framed like a call (the eyes 0.17 of the height apart) at 512x512 and 1280x720; poses run
through all visemes with head sway, glances and blinks. The yardstick is libvpx in real-time mode, cpu-used 8,
measured in the same run on the same frames. Times are the thread's own processor time, so that other work on
the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import prepare_portrait
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.face.picture import read_picture
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import Image

SIZES = ((512, 512), (1280, 720))
FRAMES = 150
ROUNDS = 3
TURN = 15
IOD_SHARE = 0.17


def framed(picture: Image, mesh: FaceMesh, size: tuple[int, int]) -> Image:
    points = mesh.find(picture)[0].points
    scale = IOD_SHARE * size[1] / float(np.linalg.norm(points[473] - points[468]))
    centre = (points[10, :2] + points[152, :2]) / 2
    matrix = np.array(
        [[scale, 0, size[0] / 2 - scale * centre[0]], [0, scale, size[1] * 0.45 - scale * centre[1]]]
    )
    soft = picture if scale > 0.7 else cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    return np.asarray(cv2.warpAffine(soft, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def load(picture: Image, mesh: FaceMesh) -> tuple[PortraitFace, float, int]:
    prepared = prepare_portrait(picture, mesh.find(picture)[0], size=max(picture.shape[:2]))
    bundle = Bundle(Manifest("portrait", 1, "bench", prepared.size, 25), prepared.members)
    start = time.perf_counter()
    face = PortraitFace.load(bundle)
    return face, time.perf_counter() - start, sum(map(len, prepared.members.values()))


def talking(still_head: bool = False) -> list[Pose]:
    poses = []
    for i in range(FRAMES):
        viseme, part = divmod(i / 3, 1)
        a, b = VISEME_SHAPES[int(viseme) % 15], VISEME_SHAPES[(int(viseme) + 1) % 15]
        shapes = np.zeros(len(SHAPES), np.float32)
        shapes[: VISEME_SHAPES.shape[1]] = a + (b - a) * part
        if still_head:
            poses.append(Pose(shapes))
            continue
        shapes[[SHAPES.index("eyeBlinkLeft"), SHAPES.index("eyeBlinkRight")]] = max(
            0.0, 1 - abs(i % 75 - 10) / 3
        )
        sway = np.sin(np.array([0.05, 0.08, 0.03]) * i)
        yaw, pitch, roll = (sway * (0.04, 0.03, 0.03)).tolist()
        gaze = 0.3 if i % 50 < 15 else 0.0
        poses.append(Pose(shapes, yaw, pitch, roll, gaze_x=gaze, breath=0.5 + 0.5 * float(np.sin(0.07 * i))))
    return poses


def draw_time(face: PortraitFace, pose: Pose) -> float:
    start = time.thread_time()
    face.draw(pose)
    return time.thread_time() - start


def encoder(size: tuple[int, int]) -> av.VideoCodecContext:
    context = av.CodecContext.create("libvpx", "w")
    context.width, context.height = size
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
    context.bit_rate, context.thread_count = 1_500_000, 1
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
    return context


def encode_time(context: av.VideoCodecContext, frame: Image, number: int) -> float:
    picture = av.VideoFrame.from_ndarray(frame, format="rgba").reformat(format="yuv420p")
    picture.pts = number
    start = time.thread_time()
    context.encode(picture)
    return time.thread_time() - start


def measure(picture: Image, mesh: FaceMesh, size: tuple[int, int]) -> dict[str, object]:
    face, load_seconds, size_bytes = load(framed(picture, mesh, size), mesh)
    vp8, talk, mouth, encode = encoder(size), [], [], []
    poses, stills = talking() * ROUNDS, talking(still_head=True) * ROUNDS
    for first in range(0, len(poses), TURN):
        # by turns, so that other load on the machine falls on all alike
        turn = range(first, min(first + TURN, len(poses)))
        talk += [draw_time(face, poses[i]) for i in turn]
        mouth += [draw_time(face, stills[i]) for i in turn]
        encode += [
            encode_time(vp8, frame, i)
            for i, frame in zip(turn, [face.draw(poses[i]) for i in turn], strict=True)
        ]
    return {
        "size": f"{size[0]}x{size[1]}",
        "talking_ms": round(1e3 * float(np.median(talk)), 3),
        "talking_p95_ms": round(1e3 * float(np.percentile(talk, 95)), 3),
        "mouth_only_ms": round(1e3 * float(np.median(mouth)), 3),
        "vp8_ms": round(1e3 * float(np.median(encode)), 3),
        "talking_over_vp8": round(float(np.median(talk) / np.median(encode)), 3),
        "mouth_only_over_vp8": round(float(np.median(mouth) / np.median(encode)), 3),
        "load_s": round(load_seconds, 3),
        "bundle_bytes": size_bytes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    picture, mesh = read_picture(arguments.picture), FaceMesh()
    results = [measure(picture, mesh, size) for size in SIZES]
    if arguments.json:
        print(json.dumps(results))
        return
    for r in results:
        print(
            f"{r['size']}: talking {r['talking_ms']} ms ({r['talking_over_vp8']} x VP8), "
            f"mouth only {r['mouth_only_ms']} ms ({r['mouth_only_over_vp8']} x VP8), VP8 {r['vp8_ms']} ms, "
            f"load {r['load_s']} s, {r['bundle_bytes']} bytes"
        )


if __name__ == "__main__":
    main()
