# SPDX-License-Identifier: GPL-2.0
"""The cable between two guests: a pair of unix datagram sockets, nothing of the host's network."""

from pathlib import Path
from typing import Any

from .qemu import Machine

SERVER_ADDRESS = "10.77.0.1"
CLIENT_ADDRESS = "10.77.0.2"
CARD = "card"


def _card(directory: Path, own: str, other: str, mac: str) -> tuple[str, ...]:
    # Datagrams have no listening side: either guest may boot, die and be replaced alone.
    cable = (
        f"dgram,id=cable,local.type=unix,local.path={directory / own},"
        f"remote.type=unix,remote.path={directory / other}"
    )
    return ("-netdev", cable, "-device", f"virtio-net-pci,id={CARD},netdev=cable,mac={mac},romfile=")


def joined(directory: Path, **options: Any) -> tuple[Machine, Machine]:
    """A server and a client, else alike, on one cable whose ends lie in DIRECTORY."""
    server = _card(directory, "s.net", "c.net", "52:54:00:77:00:01")
    client = _card(directory, "c.net", "s.net", "52:54:00:77:00:02")
    return (
        Machine(name="server", address=SERVER_ADDRESS, extra=server, **options),
        Machine(name="client", address=CLIENT_ADDRESS, extra=client, **options),
    )
