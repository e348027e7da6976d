# SPDX-License-Identifier: GPL-2.0
"""Two machines on a real network stack, and what the network does to an attachment."""

import pytest
from harness.client import Client
from harness.guest import Guest
from harness.link import Link
from harness.modules import Kind
from harness.network import CARD, SERVER_ADDRESS
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools


@pytest.fixture
def far(pair: list[Guest], stick: Stick, kind: Kind, tools: Tools) -> Link:
    """A stick in one guest, to be imported by the other."""
    link = Link(Server(pair[0], kind, tools), Client(pair[1], kind, tools), stick, host=SERVER_ADDRESS)
    link.start()
    link.attach()
    return link


def test_read_write(far: Link) -> None:
    """Everything reads as on the host; what is written arrives there."""
    data = bytes(range(256)) * 4096
    far.check()
    far.client.store(far.disk, "FAR.BIN", data)
    far.detach()
    far.release()
    assert far.stick.read("FAR.BIN") == data
    far.stick.verify()


def test_short_outage(far: Link) -> None:
    """The cable is out for a moment during a transfer: TCP and the attachment survive it."""
    far.read_forever()
    _plug_cable(far.client.guest, False)
    far.client.guest.run("sleep 1")
    _plug_cable(far.client.guest, True)
    far.wait_reading()
    far.stop_reading()
    far.check()
    far.detach()


def test_detach_without_server(far: Link) -> None:
    """The cable is out for good: detach still works, with URBs in flight."""
    far.read_forever()
    _plug_cable(far.client.guest, False)
    far.client.detach(far.port)
    far.wait_gone()
    far.wait_readers_gone()
    _plug_cable(far.client.guest, True)
    # The server's kernel learns of it from the client's, once it talks to it again.
    far.server.wait_status(far.busid, 1)
    far.attach_again()
    far.check()
    far.detach()


def _plug_cable(guest: Guest, plugged: bool) -> None:
    guest.qmp.execute("set_link", name=CARD, up=plugged)
