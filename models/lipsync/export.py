"""Writing the graph as ONNX, checked against the network it was made from."""

from __future__ import annotations

import warnings
from pathlib import Path

import features
import numpy as np
import onnx
import onnxruntime
import torch
from gain import levelled
from graph import LipGraph
from labels import CURVES
from network import FRAME, LOOKAHEADS, LipNet, agreed, spoken

from livekit_avatar.types import SAMPLES_PER_FRAME, VISEMES

OPSET = 17
TOLERANCE = 1e-3


def export(net: LipNet, path: Path) -> None:
    """Write the shipped model aside, check it, and put it in its place."""
    graph = LipGraph(net).eval()
    inputs = (torch.zeros(2, SAMPLES_PER_FRAME), torch.zeros(2, sum(graph.parts)))
    part = path.with_suffix(".part.onnx")
    part.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph, inputs, str(part), opset_version=OPSET, dynamo=False,
            input_names=["speech", "memory"], output_names=["curves", "visemes", "new_memory"],
            dynamic_axes={n: {0: "n"} for n in ("speech", "memory", "curves", "visemes", "new_memory")},
        )  # fmt: skip
    _describe(part)
    _check(net, part)
    part.replace(path)


def _describe(path: Path) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(
        model,
        {
            "curves": " ".join(CURVES),
            "visemes": " ".join(VISEMES),
            "lookahead_samples": " ".join(str(frames * FRAME * features.HOP) for frames in LOOKAHEADS),
            "licence": "Apache-2.0",
        },
    )
    onnx.save(model, path)


def _check(net: LipNet, path: Path) -> None:
    """The graph, fed frame by frame, says what the network says about the whole sound."""
    rng = np.random.default_rng(0)
    swell = np.sin(np.linspace(0, 9, 50 * SAMPLES_PER_FRAME)) ** 2 * 0.1
    sound = (rng.standard_normal(len(swell)) * swell).astype(np.float32)
    mels = torch.from_numpy(features.log_mel(sound)[None])
    with torch.no_grad():
        wanted = torch.cat(spoken(agreed(net(levelled(mels)))), -1)[0].numpy()
    session = onnxruntime.InferenceSession(path)
    memory = np.zeros((1, session.get_inputs()[1].shape[1]), np.float32)
    given = []
    for frame in sound.reshape(-1, 1, SAMPLES_PER_FRAME):
        curves, visemes, memory = session.run(None, {"speech": frame, "memory": memory})
        given.append(np.concatenate([curves, visemes], 2))
    difference = np.abs(np.concatenate(given) - wanted).max()
    if difference > TOLERANCE:
        raise RuntimeError(f"the graph differs from the network by {difference:.2g}")
