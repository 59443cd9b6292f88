"""Figures of the README: each benchmark notes what it measured, the end prints one table."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass
class Figures:
    """What was measured so far, as rows of a Markdown table."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def note(self, what: str, measured: str, compared: str = "") -> None:
        """Add a row: what was measured, what came out, what stands beside it."""
        self.rows.append((what, measured, compared))


_FIGURES = Figures()


@pytest.fixture(scope="session")
def figures() -> Figures:
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table where all output ends."""
    if _FIGURES.rows:
        terminalreporter.section("figures")
        terminalreporter.write_line("| what | faceloop | for comparison |\n|---|---|---|")
        for row in _FIGURES.rows:
            terminalreporter.write_line(f"| {' | '.join(row)} |")
