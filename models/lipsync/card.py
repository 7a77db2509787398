"""The card of the model: what it is, how it was made, how good it is, what it is weak at."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import network
import onnx
from corpus import VOICES
from lipsync import compare, load

from livekit_avatar.lipsync.model import LipSync

TEMPLATE = Path(__file__).with_name("card.md")
NOT_MEASURED = "Not measured: give `train.py` a folder of real clips with `--clips`."


def write_card(path: Path, model: Path, clips: Path | None, command: str) -> None:
    """Fill in `card.md`; with a folder of real clips the figures are measured on them."""
    data = model.read_bytes()
    path.write_text(
        TEMPLATE.read_text().format(
            sha256=hashlib.sha256(data).hexdigest(),
            megabytes=f"{len(data) / 1e6:.1f}",
            weights=f"{sum(each.numel() for each in network.LipNet().parameters()):,}".replace(",", " "),
            memory=_memory(model),
            hidden=network.HIDDEN,
            command=command,
            voices=len(set(VOICES)),
            languages=len({voice.split("-")[0] for voice in VOICES}),
            figures=_figures(compare(load(clips), LipSync(model), {})) if clips else NOT_MEASURED,
        )
    )


def _memory(model: Path) -> int:
    size: int = onnx.load(model).graph.input[1].type.tensor_type.shape.dim[1].dim_value
    return size


def _figures(results: dict[str, dict[str, Any]]) -> str:
    """Two tables: the conditions, and the groups of clips."""
    lines = ["| | aperture | width | closures F1 | precision | recall | area | lag, ms |", "|---" * 8 + "|"]
    for name, r in results.items():
        share = " | ".join(f"{r[key]:.2f}" for key in ("closure_f1", "precision", "recall", "area"))
        lines.append(
            f"| {name} | {r['aperture']:.3f} | {r['width']:.3f} | {share} | {r['aperture_lag_ms']:+d} |"
        )
    lines += ["", "By group of clips, 80 ms ahead:", "", "| | clips | aperture | width |", "|---" * 4 + "|"]
    groups = results["lips"]["groups"].items()
    lines += [f"| {name} | {count} | {a:.2f} | {w:.2f} |" for name, (a, w, count) in groups]
    return "\n".join(lines)
