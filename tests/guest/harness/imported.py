# SPDX-License-Identifier: GPL-2.0
"""Any device, exported and imported over loopback: the way from one of a guest's drivers to another."""

from collections.abc import Iterator
from contextlib import contextmanager

from . import usb
from .client import Client
from .guest import Guest
from .server import Server

HOST = "127.0.0.1"


@contextmanager
def imported(server: Server, client: Client, serial: str) -> Iterator[str]:
    """Export and import a device that is plugged in; its busid at the client. Given back at the end."""
    server.start()
    client.start()
    busid = server.export(serial)
    client.attach(HOST, busid)
    local = usb.wait_imported(client.guest, serial)
    assert client.guest.out(f"cat {usb.SYSFS}/{local}/speed") == client.guest.out(f"cat {usb.SYSFS}/{busid}/speed")
    yield local
    client.detach(client.port_of(local).number)
    client.guest.wait_until(f"! usb-find imported {serial}")
    server.wait_status(busid, 1)
    server.unbind(busid)


def wait_file(guest: Guest, pattern: str) -> str:
    """The first file a shell pattern matches, once there is one."""
    find = f"ls -d {pattern} 2>/dev/null | head -n 1"
    guest.wait_until(f'[ -n "$({find})" ]', timeout=15)
    return guest.out(find)


def wait_node(guest: Guest, pattern: str, directory: str = "/dev") -> str:
    """The device node named like the first entry of sysfs a pattern matches."""
    node = f"{directory}/{wait_file(guest, pattern).rpartition('/')[2]}"
    guest.wait_until(f"[ -c {node} ]")
    return node


def usbfs_node(guest: Guest, busid: str) -> str:
    """A device's node below /dev/bus/usb."""
    numbers = guest.out(f"cat {usb.SYSFS}/{busid}/busnum {usb.SYSFS}/{busid}/devnum").split()
    return "/dev/bus/usb/{:03}/{:03}".format(*map(int, numbers))
