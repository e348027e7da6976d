# SPDX-License-Identifier: GPL-2.0
"""Where our table of exported names is meant to do better than the C driver's."""

import pytest
from harness import modules, usb
from harness.gadget import Function, gadget
from harness.guest import Guest
from harness.modules import Kind
from harness.probe import put
from harness.server import Server
from harness.stick import Stick

STUB = "/sys/bus/usb/drivers/usbip-host"


@pytest.fixture
def ours(guest: Guest) -> Server:
    """Always our driver: the C one forgets nothing it should, or dereferences a null pointer."""
    server = Server(guest, Kind.RS)
    modules.load(guest, modules.HOST[Kind.RS])
    return server


def test_del_frees_the_place(ours: Server) -> None:
    """del of a name no device is bound under takes it out, whatever the name is."""
    for name in ("9-9", "8-8\\n"):
        ours.guest.run(put(f"add {name}", f"{STUB}/match_busid"))
        ours.guest.run(put(f"del {name}", f"{STUB}/match_busid"))
        assert ours.guest.read(f"{STUB}/match_busid") == "\n"


def test_rebind_of_never_seen(ours: Server) -> None:
    """rebind frees the place of a name no device ever had."""
    ours.guest.run(put("add 9-9", f"{STUB}/match_busid"))
    ours.guest.run(put("9-9", f"{STUB}/rebind"), check=False)
    assert ours.guest.read(f"{STUB}/match_busid") == "\n"


def test_rebind_of_pulled_out(ours: Server, stick: Stick) -> None:
    """rebind frees the place of a device that was exported and then pulled out."""
    guest = ours.guest
    handle = guest.plug(stick)
    busid = ours.export(stick.serial)
    guest.unplug(handle)
    guest.wait_until(f"[ ! -e {usb.SYSFS}/{busid} ]")
    guest.run(put(busid, f"{STUB}/rebind"), check=False)
    assert guest.read(f"{STUB}/match_busid") == "\n"


def test_add_undoes_del(ours: Server, stick: Stick) -> None:
    """add of a name that was taken out while its device was bound lets it be bound again."""
    guest = ours.guest
    guest.plug(stick)
    busid = ours.export(stick.serial)
    guest.run(put(f"del {busid}", f"{STUB}/match_busid"))
    guest.run(put(f"add {busid}", f"{STUB}/match_busid"))
    guest.run(put(busid, f"{STUB}/unbind"))
    guest.run(put(busid, f"{STUB}/bind"))
    assert ours.status(busid) == "1\n"
    ours.unbind(busid)


def test_unload_after_pulled_out(ours: Server, stick: Stick) -> None:
    """The driver goes after a device it exported was pulled out."""
    guest = ours.guest
    handle = guest.plug(stick)
    busid = ours.export(stick.serial)
    guest.unplug(handle)
    guest.wait_until(f"[ ! -e {usb.SYSFS}/{busid} ]")
    modules.unload(guest, modules.HOST[Kind.RS])


@pytest.mark.parametrize("then", ["del", "rebind", "rmmod"])
def test_gone_with_its_hub(ours: Server, then: str) -> None:
    """A device that is bound no more goes, and the hub it was plugged into: its place is free, and nobody looks there."""
    guest = ours.guest
    with gadget(guest, Function("Loopback")) as device:
        busid = ours.export(device.serial)
        guest.run(put(busid, f"{STUB}/unbind"))
    match then:
        case "del":
            guest.run(put(f"del {busid}", f"{STUB}/match_busid"))
            assert guest.read(f"{STUB}/match_busid") == "\n"
        case "rebind":
            guest.run(put(busid, f"{STUB}/rebind"), check=False)
            assert guest.read(f"{STUB}/match_busid") == "\n"
    modules.unload(guest, modules.HOST[Kind.RS])
