"""Ctrl-C during long work."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from livekit_avatar.cli.interrupt import interruptible
from livekit_avatar.errors import PreparationCancelledError


def test_ctrl_c_interrupts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_an_interrupt_that_a_library_swallows_is_not_lost() -> None:
    asked = []
    with pytest.raises(KeyboardInterrupt), interruptible() as cancel:
        asked.append(cancel())
        with suppress(BaseException):
            signal.raise_signal(signal.SIGINT)
        asked.append(cancel())
    assert asked == [False, True]


def test_work_that_was_cancelled_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        raise PreparationCancelledError("The preparation was cancelled", fix="Start it again.")


def test_afterwards_ctrl_c_is_as_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
