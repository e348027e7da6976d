# SPDX-License-Identifier: GPL-2.0
"""Our modules and tools against the C ones: every mix must move the stick."""

import os

import pytest
from harness import modules, usb
from harness.client import Client
from harness.guest import Guest
from harness.modules import Kind
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools

HOST = "127.0.0.1"
WRITTEN = "WRITTEN.BIN"


def _check_listing(client: Client, busid: str) -> None:
    listing = client.list_remote(HOST)
    assert listing.startswith("Exportable USB devices\n======================\n - 127.0.0.1\n")
    assert f"{busid}: QEMU : unknown product (46f4:0001)" in listing


def _check_port(client: Client, local: str, busid: str) -> int:
    """The port table names the device; returns its port."""
    port = client.port_of(local)
    shown = client.guest.out(f"{client.usbip} port")
    assert f"Port {port.number:02}: <Port in Use> at " in shown
    assert f"{local} -> usbip://{HOST}:3240/{busid}" in shown
    return port.number


@pytest.mark.parametrize("client_tools", Tools)
@pytest.mark.parametrize("server_tools", Tools)
@pytest.mark.parametrize("client_kind", Kind)
@pytest.mark.parametrize("server_kind", Kind)
def test_stick(
    mixed_guest: Guest, stick: Stick, server_kind: Kind, client_kind: Kind, server_tools: Tools, client_tools: Tools
) -> None:
    """List, attach, read everything, write, detach, unbind: over loopback in one guest."""
    server = Server(mixed_guest, server_kind, server_tools)
    client = Client(mixed_guest, client_kind, client_tools)
    mixed_guest.plug(stick)
    server.start()
    client.start()
    busid = server.export(stick.serial)
    _check_listing(client, busid)

    local, disk = client.attach_stick(HOST, busid, stick.serial)
    assert server.status(busid) == "2\n"
    port = _check_port(client, local, busid)
    assert client.sums(disk) == stick.sums
    data = os.urandom(200_001)
    client.store(disk, WRITTEN, data)

    client.detach(port)
    mixed_guest.wait_until(f"! usb-find imported {stick.serial}")
    server.wait_status(busid, 1)
    server.unbind(busid)
    usb.wait_disk(mixed_guest, busid)
    assert usb.driver(mixed_guest, f"{busid}:1.0") == "usb-storage"
    server.stop()
    modules.unload_all(mixed_guest)
    assert stick.read(WRITTEN) == data
    stick.verify()
