# SPDX-License-Identifier: GPL-2.0
"""The bench that devices are tried on, and its table at the end of a run."""

import pytest
from _pytest.terminal import TerminalReporter
from harness.bench import Bench, Table, Way
from harness.client import Client
from harness.server import Server

TABLE = pytest.StashKey[Table]()


@pytest.fixture
def bench(request: pytest.FixtureRequest, server: Server, client: Client) -> Bench:
    """Server and client in one guest, not started."""
    return Bench(server, client, request.config.stash.setdefault(TABLE, Table()))


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Show every device that was tried, and how long that took where it is plugged in and where it is imported."""
    table = config.stash.get(TABLE, Table())
    if not table.rows:
        return
    terminalreporter.section("devices")
    heading = ("device", "Mbit/s", Way.DIRECT, f"through {config.getoption('--modules')}")
    rows = [(device, speed, *(row.get(way, "-") for way in Way)) for (device, speed), row in table.rows.items()]
    for name, speed, *results in (heading, *rows):
        terminalreporter.line(f"{name:24}{speed:>8}" + "".join(f"{result:>14}" for result in results))
