# SPDX-License-Identifier: GPL-2.0
"""The bench that devices are tried on, and its table at the end of a run."""

from collections.abc import Iterator

import pytest
from harness.bench import Bench, Table, Way
from harness.client import Client
from harness.server import Server
from tables import publish


def _line(row: tuple[str, ...]) -> str:
    name, speed, *results = row
    return f"{name:24}{speed:>8}" + "".join(f"{result:>14}" for result in results)


@pytest.fixture(scope="module")
def device_table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """The devices of a file, and how long each takes where it is plugged in and where it is imported."""
    table = Table()
    yield table
    heading = ("device", "Mbit/s", Way.DIRECT, f"through {request.config.getoption('--modules')}")
    rows = [(device, speed, *(row.get(way, "-") for way in Way)) for (device, speed), row in table.rows.items()]
    publish(f"devices of {request.path.stem}", map(_line, (heading, *rows)))


@pytest.fixture
def bench(server: Server, client: Client, device_table: Table) -> Bench:
    """Server and client in one guest, not started."""
    return Bench(server, client, device_table)
