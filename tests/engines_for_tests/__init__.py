"""Three small real engines that need no model: `flash`, `slow` and `failing`."""

from engines_for_tests.flash import FlashEngine, FlashFace, FlashPerformance, failing, flash, slow

__all__ = ["FlashEngine", "FlashFace", "FlashPerformance", "failing", "flash", "slow"]
