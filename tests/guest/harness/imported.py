# SPDX-License-Identifier: GPL-2.0
"""Any device, exported and imported over loopback: the way from one of a guest's drivers to another."""

from collections.abc import Iterator
from contextlib import contextmanager

from . import modules, usb
from .client import Client, Port
from .guest import Guest
from .server import Server

HOST = "127.0.0.1"
_DRIVERS = "/sys/bus/usb/drivers"


@contextmanager
def imported(server: Server, client: Client, serial: str) -> Iterator[str]:
    """Export and import a device that is plugged in; its busid at the client. Given back at the end."""
    server.start()
    client.start()
    busid = server.export(serial)
    with _attached(server, client, busid) as local:
        yield local
    server.unbind(busid)


@contextmanager
def imported_again(server: Server, client: Client, busid: str) -> Iterator[str]:
    """Export a device that is imported itself, and import it once more; its new busid. Given back at the end."""
    export_imported(server, busid)
    with _attached(server, client, busid) as local:
        yield local
    unexport_imported(server, busid)


def export_imported(server: Server, busid: str) -> None:
    """Export an imported device. The tools refuse to: it might come from where it goes."""
    server.start()
    server.guest.run(
        f"cd {_DRIVERS} && printf 'add {busid}' > usbip-host/match_busid &&"
        f" echo {busid} > usb/unbind && echo {busid} > usbip-host/bind"
    )


def unexport_imported(server: Server, busid: str) -> None:
    """Give an imported device back to its own driver."""
    server.guest.run(
        f"cd {_DRIVERS} && echo {busid} > usbip-host/unbind && printf 'del {busid}' > usbip-host/match_busid &&"
        f" printf {busid} > usbip-host/rebind"
    )


def attach(client: Client, busid: str) -> Port:
    """Import an exported device; returns its port once it has an address there."""
    others = {port.number for port in client.used()}
    client.attach(HOST, busid)
    client.guest.wait_until(f"[ $(cat {client.port_files()} | grep -c ' 006 ') -gt {len(others)} ]")
    [port] = [port for port in client.used() if port.number not in others]
    return port


@contextmanager
def _attached(server: Server, client: Client, busid: str) -> Iterator[str]:
    guest = client.guest
    port = attach(client, busid)
    guest.wait_until(f"[ -e {usb.SYSFS}/{port.busid}/speed ]")
    assert guest.out(f"cat {usb.SYSFS}/{port.busid}/speed") == guest.out(f"cat {usb.SYSFS}/{busid}/speed")
    yield port.busid
    client.detach(port.number)
    guest.wait_until(f"! [ -e {usb.SYSFS}/{port.busid} ]")
    server.wait_status(busid, 1)


def wait_file(guest: Guest, pattern: str) -> str:
    """The first file a shell pattern matches, once there is one."""
    find = f"ls -d {pattern} 2>/dev/null | head -n 1"
    guest.wait_until(f'[ -n "$({find})" ]', timeout=15)
    return guest.out(find)


def wait_interface(guest: Guest, busid: str) -> str:
    """The network interface of a USB device. It hears of a carrier only while it is up: it comes up before a gadget's."""
    interface = wait_file(guest, f"{usb.SYSFS}/{busid}:*/net/*").rpartition("/")[2]
    # Its driver ends its probe by forgetting what it has been told of a carrier. The device is locked till then.
    guest.read(f"{usb.SYSFS}/{busid}/bConfigurationValue")
    return interface


def wait_node(guest: Guest, pattern: str, directory: str = "/dev") -> str:
    """The device node named like the first entry of sysfs a pattern matches."""
    node = f"{directory}/{wait_file(guest, pattern).rpartition('/')[2]}"
    guest.wait_until(f"[ -c {node} ]")
    return node


def usbfs_node(guest: Guest, busid: str) -> str:
    """A device's node below /dev/bus/usb."""
    numbers = guest.out(f"cat {usb.SYSFS}/{busid}/busnum {usb.SYSFS}/{busid}/devnum").split()
    return "/dev/bus/usb/{:03}/{:03}".format(*map(int, numbers))
