"""What the program needs travels in the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import av
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(900)
def test_a_wheel_in_an_empty_environment_renders_a_film(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    binaries = tmp_path / "env" / "bin"
    pip = [binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    subprocess.run(pip, check=True, cwd=tmp_path)
    listed = subprocess.run([*pip[:3], "list"], check=True, capture_output=True, text=True).stdout.lower()
    assert not [name for name in ("torch", "numba", "mediapipe", "opengl", "scipy") if f"\n{name} " in listed]

    with av.open(str(tmp_path / "speech.wav"), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        noise = np.random.default_rng(0).integers(-3_000, 3_000, (1, 16_000)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    command = [binaries / "livekit-avatar", "render", "ada", "speech.wav", "-o", "out.mp4", "--json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["frames"] == 25
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 25
