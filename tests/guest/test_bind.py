# SPDX-License-Identifier: GPL-2.0
"""Exporting and taking back: what bind, unbind and rebind do to a device and say about it."""

import pytest
from harness import modules, usb
from harness.guest import Guest
from harness.modules import Kind
from harness.probe import put
from harness.server import Server
from harness.stick import Stick

STUB = "/sys/bus/usb/drivers/usbip-host"


@pytest.fixture
def busid(server: Server, stick: Stick) -> str:
    """A stick in its own driver's hands, beside a loaded but unused host driver."""
    modules.load(server.guest, modules.HOST[server.kind])
    server.guest.plug(stick)
    busid = usb.wait_local(server.guest, stick.serial)
    usb.wait_disk(server.guest, busid)
    return busid


def _status(server: Server, command: str) -> tuple[int, str]:
    result = server.guest.run(f"{server.usbip} {command}", check=False)
    return result.code, result.err


def test_round_trip(server: Server, busid: str) -> None:
    """bind takes the device from its drivers, unbind gives it back; as often as wanted."""
    for _ in range(3):
        server.bind(busid)
        assert usb.driver(server.guest, busid) == "usbip-host"
        assert server.status(busid) == "1\n"
        assert not server.guest.succeeds(f"usb-disk {busid}")
        assert server.guest.read(f"{STUB}/match_busid") == f"{busid} \n"
        server.unbind(busid)
        usb.wait_disk(server.guest, busid)
        assert usb.driver(server.guest, busid) == "usb"
        assert server.guest.read(f"{STUB}/match_busid") == "\n"


def test_bind_twice(server: Server, busid: str) -> None:
    """A second bind is refused and harms nothing."""
    server.bind(busid)
    code, said = _status(server, f"bind -b {busid}")
    assert code == 1
    assert said == f"usbip: error: device on busid {busid} is already bound to usbip-host\n"
    assert server.status(busid) == "1\n"


def test_unbind_of_unbound(server: Server, busid: str) -> None:
    """unbind of a device that is not exported is refused and harms nothing."""
    code, said = _status(server, f"unbind -b {busid}")
    assert (code, said.splitlines()[0]) == (1, "usbip: error: device is not bound to usbip-host driver")
    usb.wait_disk(server.guest, busid)


def test_bind_of_absent(server: Server, busid: str) -> None:
    """There is nothing on a port nobody plugged anything into."""
    code, said = _status(server, f"bind -b {busid}.7")
    assert (code, said.splitlines()[0]) == (1, "usbip: error: device with the specified bus ID does not exist")


def test_unlisted_device_is_refused(server: Server, busid: str) -> None:
    """The driver takes only devices whose busid is in its table."""
    guest = server.guest
    guest.run(put(busid, "/sys/bus/usb/drivers/usb/unbind"))
    refused = guest.run(put(busid, f"{STUB}/bind"), check=False)
    assert refused.code == 1
    assert "No such device" in refused.err
    guest.run(put(busid, "/sys/bus/usb/drivers/usb/bind"))
    usb.wait_disk(guest, busid)


def test_hub_is_refused(server: Server, busid: str) -> None:
    """Hubs cannot be exported."""
    guest = server.guest
    hub = f"usb{busid.partition('-')[0]}"
    guest.run(put(f"add {hub}", f"{STUB}/match_busid"))
    assert guest.run(put(hub, f"{STUB}/bind"), check=False).code == 1
    assert usb.driver(guest, hub) == "usb"


def test_listed_device_is_taken_at_load(guest: Guest, server: Server, busid: str, kind: Kind) -> None:
    """A name in the table does not export what is plugged in later; an explicit bind does."""
    guest.run(put(f"add {busid}", f"{STUB}/match_busid"))
    assert usb.driver(guest, busid) == "usb"
    server.bind(busid)
    assert server.status(busid) == "1\n"
    assert modules.references(guest, modules.CORE[kind]) == 1


def test_interfaces_while_exported(server: Server, busid: str) -> None:
    """An exported device is unconfigured: no interface driver can get hold of it."""
    server.bind(busid)
    assert not server.guest.succeeds(f"ls -d {usb.SYSFS}/{busid}/{busid}:*")
    server.unbind(busid)
    usb.wait_disk(server.guest, busid)
    assert server.guest.succeeds(f"ls -d {usb.SYSFS}/{busid}/{busid}:1.0")


def test_seventeenth_name(server: Server, busid: str) -> None:
    """The table has sixteen places: the last one is usable, and one more name is refused."""
    guest = server.guest
    for number in range(15):
        guest.run(put(f"add 9-{number}", f"{STUB}/match_busid"))
    server.bind(busid)
    full = guest.run(put("add 9-15", f"{STUB}/match_busid"), check=False)
    assert full.code == 1
    assert "Cannot allocate memory" in full.err
    server.unbind(busid)
    guest.run(put("add 9-15", f"{STUB}/match_busid"))
