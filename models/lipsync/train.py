"""Make the lip model: synthesise speech, learn, and write livekit_avatar/data/lipsync.onnx.

    python models/lipsync/train.py

Everything is made from the eSpeak NG voices of the package `espeakng-loader`; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

import torch  # noqa: E402
from export import export  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from store import Corpus, load_or_make  # noqa: E402
from training import train  # noqa: E402


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bars:
        corpus = _make_corpus(options, bars)
        bar = bars.add_task("learning", total=options.steps, note="")

        def report(step: int, error: float) -> None:
            bars.update(bar, completed=step + 1, note=f"error {error:.4f}")

        net = train(corpus, options.steps, options.seed, report)
    torch.save(net.state_dict(), options.work / "lipsync.pt")
    export(net, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=100, help="of speech to synthesise")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "lipsync", help="folder for the corpus and the weights"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "livekit_avatar" / "data" / "lipsync.onnx")
    return parser.parse_args()


def _make_corpus(options: argparse.Namespace, bars: Progress) -> Corpus:
    bar = bars.add_task("speaking", total=options.minutes, note="")

    def report(minutes: float) -> None:
        bars.update(bar, completed=minutes, note=f"{minutes:.0f} minutes")

    return load_or_make(options.work, options.minutes, options.seed, report)


if __name__ == "__main__":
    main()
