# SPDX-License-Identifier: GPL-2.0
"""Attachments that end otherwise than by a quiet detach, and some that must not end."""

import pytest
from harness import usb
from harness.client import ERROR, USED
from harness.link import Link

# The controllers of the test machine and the speed QEMU's stick has on them.
SPEEDS = {"xhci.0": "5000", "ehci.0": "480"}


@pytest.mark.parametrize("bus", SPEEDS)
def test_speed(link: Link, bus: str) -> None:
    """A stick keeps its speed across the wire and lands on the hub for it."""
    link.handle = link.server.guest.plug(link.stick, bus=bus)
    link.start()
    link.attach()
    guest = link.client.guest
    assert guest.out(f"cat {usb.SYSFS}/{link.busid}/speed") == SPEEDS[bus]
    assert guest.out(f"cat {usb.SYSFS}/{link.local}/speed") == SPEEDS[bus]
    assert link.client.port_of(link.local).hub == ("ss" if SPEEDS[bus] == "5000" else "hs")
    link.check()
    link.detach()
    link.release()


def test_detach_busy(link: Link) -> None:
    """Detach with URBs in flight: readers fail, the stick can be attached again."""
    link.start()
    link.attach()
    link.read_forever()
    link.detach()
    link.wait_readers_gone()
    link.attach_again()
    link.check()
    link.detach()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_pulled_out(link: Link, busy: bool) -> None:
    """The stick is pulled out of the server: the client loses it and its port becomes free."""
    link.start()
    link.attach()
    if busy:
        link.read_forever()
    link.server.guest.unplug(link.handle)
    link.wait_gone()
    link.wait_readers_gone()
    link.client.wait_free(link.port)
    assert not link.server.guest.succeeds(f"test -e {usb.SYSFS}/{link.busid}")


def test_pulled_out_while_bound(link: Link) -> None:
    """An exported stick nobody uses is pulled out; another one can be exported from the same port."""
    link.start()
    link.server.bind(link.busid)
    link.server.guest.unplug(link.handle)
    link.server.guest.wait_until(f"[ ! -e {usb.SYSFS}/{link.busid} ]")
    link.handle = ""
    link.server.stop()
    link.start()
    link.attach()
    link.check()
    link.detach()


def test_daemon_killed(link: Link) -> None:
    """The kernels own the connection: attachments go on without usbipd."""
    link.start()
    link.attach()
    link.server.guest.run("pkill -KILL -x usbipd")
    link.server.guest.wait_until("! pgrep -x usbipd")
    link.check()
    assert link.client.port_of(link.local).state == USED
    link.detach()


def test_exclusive(link: Link) -> None:
    """A stick in use is not offered and cannot be attached twice."""
    link.start()
    link.attach()
    assert link.busid not in link.server.guest.run(f"{link.client.usbip} list -r {link.host}").out
    second = link.client.guest.run(f"{link.client.usbip} attach -r {link.host} -b {link.busid}", check=False)
    assert second.code == 1
    assert "Device busy (exported)" in second.err
    link.check()
    assert all(port.state != ERROR for port in link.client.used())
    link.detach()


def test_connection_reset(link: Link) -> None:
    """The network connection breaks: both sides give up the attachment and can start another."""
    link.start()
    link.attach()
    link.server.guest.run("ss -K 'sport = :3240'")
    link.wait_gone()
    link.client.wait_free(link.port)
    link.server.wait_status(link.busid, 1)
    link.attach_again()
    link.check()
    link.detach()
