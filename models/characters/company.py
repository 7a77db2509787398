"""All characters: those that are rendered and those that are drawn flat."""

from __future__ import annotations

from ada import ADA
from amara import AMARA
from jun import JUN
from noor import NOOR
from otto import OTTO
from zib import ZIB

RENDERED = {who.name: who for who in (ADA, AMARA, JUN, OTTO, ZIB)}
DRAWN = {who.name: who for who in (NOOR,)}
