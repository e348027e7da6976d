# SPDX-License-Identifier: GPL-2.0
"""Streams of mutated PDUs, to the stub and to the virtual host controller: nothing breaks, nothing is left behind.

FUZZ_SECONDS is how long each side is lied to, FUZZ_SEED repeats what an earlier run sent.
"""

import pytest
from harness import modules
from harness.client import Client
from harness.guest import Guest
from harness.hostile import SECONDS, lie
from harness.link import Link
from harness.modules import Kind
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools
from tables import publish

_LIMIT = 600 + 2 * SECONDS


def _use_honestly(guest: Guest, stick: Stick) -> None:
    """Import a stick over loopback, read it, unload everything."""
    guest.run("modprobe usb_storage; /lib/systemd/systemd-udevd --daemon", timeout=30)
    link = Link(Server(guest, Kind.RS, Tools.DEB), Client(guest, Kind.RS, Tools.DEB), stick)
    link.start()
    link.attach()
    link.check()
    link.detach()
    link.server.stop()
    modules.unload_all(guest)


@pytest.mark.timeout(_LIMIT)
@pytest.mark.parametrize("role", ["client", "server"])
def test_hostile(quiet_guest: Guest, stick: Stick, role: str) -> None:
    """Whatever a peer says, the drivers go on to serve an honest one, and can be unloaded."""
    counts = lie(quiet_guest, role)
    publish(f"mutated PDUs, {role}", [f"{count:>8} {name}" for name, count in counts.items()])
    assert counts["mutated"] > 0 and counts["pdus"] > counts["mutated"] and counts["answered"] > 0
    for module in modules.ALL:
        assert not modules.is_loaded(quiet_guest, module)
    _use_honestly(quiet_guest, stick)
