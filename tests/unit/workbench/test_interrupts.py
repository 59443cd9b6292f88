"""Ctrl-C as a request."""

from __future__ import annotations

import signal

import pytest

from faceloop_workbench.cli.interrupts import stop_request


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def signalled() -> None:
        with stop_request() as stop:
            assert not stop()
            signal.raise_signal(number)
            assert stop()
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        signalled()
    assert signal.getsignal(number) is before
