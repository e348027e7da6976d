# SPDX-License-Identifier: GPL-2.0
"""A stick comes through wherever usbipd listens, however many ask for it."""

import json
from typing import Any

import pytest
from harness import modules, usb
from harness.link import Link
from harness.server import PORT, Server
from harness.tools import Tools

# Where usbipd listens, and where the client finds it.
PLACES = {
    "unix": ("unix:/run/usbipd.sock", "unix:/run/usbipd.sock"),
    "ipv6": ("[::1]", "::1"),
    "vsock": ("vsock:3240", "vsock:1"),
}

# Clients at once, and those of them that say nothing.
CLIENTS = 500
SILENT = 50


def _status(link: Link) -> list[dict[str, Any]]:
    """The server's devices as `usbip status` tells them."""
    devices: list[dict[str, Any]] = json.loads(link.server.guest.out(f"{link.server.usbip} status --json"))["devices"]
    return devices


@pytest.mark.parametrize("name", PLACES)
def test_place(link: Link, name: str) -> None:
    """A stick is exported and imported there, and both sides let go of it."""
    place, link.host = PLACES[name]
    link.client.tools = link.server.tools = Tools.RS
    guest = link.server.guest
    link.start()
    link.server.stop()
    if name == "vsock":
        # A machine's own vsock, as virtual machines have one to their host.
        guest.run("modprobe vsock_loopback")
    guest.run(f"{Tools.RS.path(guest, 'usbipd')} -D --listen={place}")
    guest.wait_until(f"{link.client.usbip} list -r {link.host} 2>&1 | grep -q 'no exportable devices'")
    link.attach()
    record = guest.read(f"/var/run/vhci_hcd/port{link.port}")
    assert record == f"{link.host} 3240 {link.busid}\n"
    (client,) = [one["export"]["peers"] for one in _status(link) if one["busid"] == link.busid]
    assert client == [link.host.partition(":/")[0]]
    link.check()
    link.detach()
    link.release()
    assert usb.driver(guest, link.busid) == "usb"


@pytest.mark.parametrize("address", ["10.99.0.1/32", "fd00:99::1/128"])
def test_address_comes_later(server: Server, address: str) -> None:
    """usbipd is found at an address its machine got after it was started, as at boot before DHCP is through."""
    server.tools = Tools.RS
    guest, host = server.guest, address.partition("/")[0]
    modules.load(guest, modules.HOST[server.kind])
    guest.run(f"{server.tools.path(guest, 'usbipd')} -D --listen={host}")
    assert not guest.succeeds(f"{server.usbip} list -r {host}")
    guest.run(f"ip address add {address} dev lo")
    guest.wait_until(f"{server.usbip} list -r {host} 2>&1 | grep -q 'no exportable devices'")
    guest.run(f"ip address del {address} dev lo")


def test_crowd(link: Link) -> None:
    """Of 500 clients at once everybody who asks gets a list; then, with 50 silent ones left, the next one within a second.

    Emulated, the lists of all take seconds; crowd.rs of usbipd asks in the midst of them, without a guest.
    """
    link.client.tools = link.server.tools = Tools.RS
    guest = link.server.guest
    link.start()
    link.server.bind(link.busid)
    command = f"{link.client.usbip} list -r 127.0.0.1"
    ran = guest.run(f"crowd 127.0.0.1:{PORT} {CLIENTS} {SILENT} {command}", timeout=60)
    milliseconds, answered = map(int, ran.out.split())
    print(f"a list after {CLIENTS} clients: {milliseconds} ms")
    assert answered == CLIENTS - SILENT
    assert milliseconds < 1000 * guest.env.patience
