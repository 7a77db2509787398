"""docs/migration.md is true."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
from places import ROOT

from livekit_avatar.compat import bithuman
from livekit_avatar.engines.portrait import PortraitEngine

PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")


async def test_its_program_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "page.py").write_text(program)
    names = runpy.run_path(str(tmp_path / "page.py"))
    pictures = await names["film_of"](np.zeros(3_200, np.int16))
    assert [picture.shape for picture in pictures] == [(512, 512, 3)] * 5


def test_every_name_of_its_table_is_there() -> None:
    table = PAGE.split("## Names")[1].split("Our own interface")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines() if row.startswith("| `")]
    for theirs, ours in rows:
        for name in re.findall(r"`([A-Z]\w+)", theirs):
            assert hasattr(bithuman, name) is not ours.strip().startswith("none"), name


def test_the_movements_it_names_are_known() -> None:
    named = re.search(r"`action` knows `(\w+)`, `(\w+)`", PAGE)
    assert named and set(named.groups()) <= set(PortraitEngine().info.actions)
