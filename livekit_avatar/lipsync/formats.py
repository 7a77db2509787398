"""Mouths written down: curves as CSV and JSON, and the cue files that other programs read.

- Rhubarb Lip Sync's TSV, XML, JSON and Moho switch files (its README, "Output formats"): times in seconds
  with two digits, the last one the end of the recording;
- the precomputed sequence of the Oculus lip-sync SDK (`OVRLipSyncSequence` as JSON);
- the CSV of Live Link Face, which Unreal, Blender and Unity tools import as ARKit motion.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree  # written only, never parsed

from livekit_avatar.lipsync.cues import Cue, Take, rhubarb_cues, viseme_cues
from livekit_avatar.types import FPS, MOUTH_SHAPES, VISEMES, Floats

Writer = Callable[[Take], str]

MOHO_FPS = 24
"""Frames a second of a Moho project unless its owner chose others."""

LIVE_LINK_FACE: Final = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose",
    "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight",
    "MouthFrownLeft", "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft",
    "MouthStretchRight", "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper",
    "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft",
    "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft",
    "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut", "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch",
    "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
"""Columns of a recording of Live Link Face after the time code and the count."""


def to_csv(take: Take) -> str:
    """One row a frame: its time, the curves, the coefficients and the visemes."""
    head = ("time", "aperture", "width", "speech", *MOUTH_SHAPES, *VISEMES)
    rows = (
        (f"{k / FPS:.2f}", *_digits((s.aperture, s.width, s.speech, *s.shapes, *s.visemes)))
        for k, s in enumerate(take.states)
    )
    return _table(head, rows)


def to_json(take: Take) -> str:
    """The same as one object, with the cues of the most probable viseme; a frame is a line."""
    frames = [
        {
            "time": round(k / FPS, 2),
            "aperture": _short(s.aperture),
            "width": _short(s.width),
            "speech": _short(s.speech),
            "shapes": _rounded(s.shapes),
            "visemes": _rounded(s.visemes),
        }
        for k, s in enumerate(take.states)
    ]
    cues = [
        {"start": start, "end": end, "viseme": value}
        for start, end, value in _timed(take, viseme_cues(take.states))
    ]
    head = {
        "sound": take.sound,
        "duration": round(take.duration, 3),
        "fps": FPS,
        "shapes": MOUTH_SHAPES,
        "visemes": VISEMES,
    }
    return _lines(head, frames=frames, cues=cues)


def to_rhubarb_tsv(take: Take) -> str:
    """`start<TAB>mouth` a line; the last one is the end of the recording."""
    cues = _timed(take, rhubarb_cues(take.states))
    lines = [f"{start:.2f}\t{value}" for start, _, value in cues]
    return "\n".join([*lines, f"{_end(take):.2f}\tX", ""])


def to_rhubarb_json(take: Take) -> str:
    """`metadata` and `mouthCues`."""
    cues = [
        {"start": start, "end": end, "value": value}
        for start, end, value in _timed(take, rhubarb_cues(take.states))
    ]
    return _lines({"metadata": {"soundFile": take.sound, "duration": _end(take)}}, mouthCues=cues)


def to_rhubarb_xml(take: Take) -> str:
    """`rhubarbResult` with `metadata` and `mouthCues`."""
    root = ElementTree.Element("rhubarbResult")
    metadata = ElementTree.SubElement(root, "metadata")
    ElementTree.SubElement(metadata, "soundFile").text = _printable(take.sound)
    ElementTree.SubElement(metadata, "duration").text = f"{_end(take):.2f}"
    cues = ElementTree.SubElement(root, "mouthCues")
    for start, end, value in _timed(take, rhubarb_cues(take.states)):
        ElementTree.SubElement(cues, "mouthCue", start=f"{start:.2f}", end=f"{end:.2f}").text = value
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def to_moho(take: Take) -> str:
    """A switch file: the frame, counted from 1, at which each mouth is switched on."""
    switched: dict[int, str] = {}
    for start, _, value in _timed(take, rhubarb_cues(take.states)):
        switched.setdefault(1 + int(start * MOHO_FPS), value)
    last = 1 + int(_end(take) * MOHO_FPS)
    switched[max([last, *(frame + 1 for frame in switched)])] = "X"
    return "\n".join(["MohoSwitch1", *(f"{frame} {value}" for frame, value in switched.items()), ""])


def to_oculus(take: Take) -> str:
    """The weights of the fifteen visemes, a frame a line, named as the SDK's sequence names them."""
    entries = [
        {"frameNumber": k, "frameDelay": 0, "Visemes": _rounded(state.visemes), "laughterScore": 0.0}
        for k, state in enumerate(take.states)
    ]
    return _lines({"length": round(take.duration, 3)}, entries=entries)


def to_live_link(take: Take) -> str:
    """61 ARKit channels a frame; those that are no part of a mouth are 0. Time codes count 25 frames."""
    place = [LIVE_LINK_FACE.index(name[0].upper() + name[1:]) for name in MOUTH_SHAPES]
    rows = []
    for k, state in enumerate(take.states):
        values = [0.0] * len(LIVE_LINK_FACE)
        for at, value in zip(place, state.shapes.tolist(), strict=True):
            values[at] = value
        minutes, seconds = divmod(k // FPS, 60)
        timecode = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}:{k % FPS:02d}.000"
        rows.append((timecode, str(len(LIVE_LINK_FACE)), *_digits(values)))
    return _table(("Timecode", "BlendShapeCount", *LIVE_LINK_FACE), rows)


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a take down as text.

    Attributes:
        name: as `livekit-avatar lipsync --format` takes it.
        suffix: of the files that are written so unless something else is asked for; "" if none are.
        write: the text of a take.
    """

    name: str
    suffix: str
    write: Writer


FORMATS: Final = (
    Format("csv", ".csv", to_csv),
    Format("json", ".json", to_json),
    Format("rhubarb-tsv", ".tsv", to_rhubarb_tsv),
    Format("rhubarb-json", "", to_rhubarb_json),
    Format("rhubarb-xml", ".xml", to_rhubarb_xml),
    Format("moho", ".dat", to_moho),
    Format("oculus", "", to_oculus),
    Format("livelink", "", to_live_link),
)
"""Every format of text."""


def _timed(take: Take, cues: list[Cue]) -> list[tuple[float, float, str]]:
    """(start, end, value) of cues in seconds with two digits; none reaches beyond the recording."""
    end = _end(take)
    times = [(min(cue.start / FPS, end), min(cue.stop / FPS, end), cue.value) for cue in cues]
    return [(round(start, 2), round(stop, 2), value) for start, stop, value in times if stop > start]


def _end(take: Take) -> float:
    """The end of a recording, cut to whole hundredths of a second as Rhubarb does."""
    return int(take.duration * 100) / 100


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _lines(head: dict[str, object], **lists: list[dict[str, object]]) -> str:
    """An object whose lists have an item a line."""
    parts = [f'  "{key}": {json.dumps(value)}' for key, value in head.items()]
    for key, items in lists.items():
        rows = ",\n".join(f"    {json.dumps(item)}" for item in items)
        parts.append(f'  "{key}": [\n{rows}\n  ]' if items else f'  "{key}": []')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _digits(values: Iterable[float]) -> list[str]:
    return [f"{_short(value):.4f}" for value in values]


def _rounded(values: Floats) -> list[float]:
    return [_short(value) for value in values.tolist()]


def _short(value: float) -> float:
    """Four digits, and no negative zero."""
    return round(float(value), 4) + 0.0


def _printable(text: str) -> str:
    """The text without what XML cannot hold."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
