# SPDX-License-Identifier: GPL-2.0
"""Tables that tests make, shown at the end of a run whichever of its processes made them, and kept in $USBIP_OUT/tables."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter
from harness.env import Env


def _directory() -> Path:
    return Env.read().out / "tables"


def publish(title: str, lines: Iterable[str]) -> None:
    """Have a table shown; a second one of the same title takes the first one's place."""
    directory = _directory()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / title).write_text("".join(f"{line}\n" for line in lines))


def pytest_configure(config: pytest.Config) -> None:
    """Forget the last run's. The processes of pytest-xdist are configured too, but later."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(_directory(), ignore_errors=True)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show them."""
    for table in sorted(_directory().glob("*")):
        terminalreporter.section(table.name)
        for line in table.read_text().splitlines():
            terminalreporter.write_line(line)
