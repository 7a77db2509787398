"""The public face of the package."""

from __future__ import annotations

import subprocess
import sys

import livekit_avatar


def test_public_names_are_few_sorted_and_there() -> None:
    assert livekit_avatar.__all__ == sorted(livekit_avatar.__all__)
    assert len(livekit_avatar.__all__) <= 20
    assert all(getattr(livekit_avatar, name) for name in livekit_avatar.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"numpy", "cv2", "av", "onnxruntime", "livekit", "pydantic", "PIL", "aiohttp", "ai_edge_litert"}
    program = f"import sys, livekit_avatar; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_base_install_needs_no_heavy_package() -> None:
    program = (
        "import sys, livekit_avatar; livekit_avatar.AvatarSession; livekit_avatar.open;"
        "print([name for name in ('torch', 'numba', 'mediapipe', 'scipy', 'OpenGL') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
