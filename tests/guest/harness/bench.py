# SPDX-License-Identifier: GPL-2.0
"""Where a device is tried twice: where it is plugged in, and where it is imported. The results make a table."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from .client import Client
from .gadget import Gadget, Speed
from .guest import Guest
from .imported import imported, imported_again
from .paced import Paced
from .server import Server


class Way(StrEnum):
    """How a device is reached."""

    DIRECT = "direct"
    IMPORTED = "imported"


@dataclass
class Table:
    """What became of each device at each speed, by the way it was reached."""

    rows: dict[tuple[str, Speed], dict[Way, str]] = field(default_factory=dict)

    @contextmanager
    def entry(self, device: str, speed: Speed, way: Way) -> Iterator[None]:
        """Try a device: it has failed unless the end is reached. What is tried in parts takes the sum of their time."""
        row = self.rows.setdefault((device, speed), {})
        before, row[way] = row.get(way, "0 s"), "FAILED"
        start = time.monotonic()
        yield
        if before != "FAILED":
            row[way] = f"{float(before.split()[0]) + time.monotonic() - start:.1f} s"


@dataclass(frozen=True)
class Bench:
    """A server and a client in one guest."""

    server: Server
    client: Client
    table: Table

    @property
    def guest(self) -> Guest:
        """The guest."""
        return self.server.guest

    def gadget(self, device: str, made: Gadget) -> Iterator[str]:
        """Where a gadget is: where it is plugged in, then where it is imported."""
        return self.both(device, made.speed, made.busid, imported(self.server, self.client, made.serial))

    def paced(self, device: str, made: Paced) -> Iterator[str]:
        """Where a device served in user space is: where it is imported, then where it is imported once more."""
        return self.both(device, made.speed, made.busid, imported_again(self.server, self.client, made.busid))

    def both(self, device: str, speed: Speed, plugged: str, imports: AbstractContextManager[str]) -> Iterator[str]:
        """Where any device is: its busid where it is plugged in, then the one it is imported under."""
        with self.table.entry(device, speed, Way.DIRECT):
            yield plugged
        with self.table.entry(device, speed, Way.IMPORTED), imports as local:
            yield local
