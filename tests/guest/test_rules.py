# SPDX-License-Identifier: GPL-2.0
"""What a rule of usbipd exports takes a place in the driver's table, of which there are few."""

import pytest
from harness import modules, usb
from harness.client import Client
from harness.guest import Guest
from harness.kept import Kept
from harness.modules import Kind
from harness.probe import put
from harness.server import Server
from harness.stick import Stick

STUB = "/sys/bus/usb/drivers/usbip-host"
SLOTS = 16


@pytest.fixture
def ours(guest: Guest) -> Server:
    """Always our driver: the C one keeps the names of devices that are gone."""
    server = Server(guest, Kind.RS)
    modules.load(guest, modules.HOST[Kind.RS])
    return server


def test_rule_finds_no_place(ours: Server, stick: Stick) -> None:
    """While the table is full a stick that a rule exports stays with its own driver; it is exported once it fits."""
    guest = ours.guest
    for number in range(SLOTS):
        guest.run(put(f"add 9-{number}", f"{STUB}/match_busid"))
    handle = guest.plug(stick)
    busid = usb.wait_local(guest, stick.serial)
    disk = usb.wait_disk(guest, busid).removeprefix("/dev/")
    appearance = guest.read(f"/sys/class/block/{disk}/diskseq")
    Kept(ours, Client(guest), stick, handle).start_server()
    guest.wait_until("grep -q '\"attempts\": 3' /run/usbip/usbipd.json")
    assert guest.read(f"/sys/class/block/{disk}/diskseq") == appearance
    guest.run(put("del 9-0", f"{STUB}/match_busid"))
    ours.wait_status(busid, 1)


def test_rule_gives_up_its_place(ours: Server, stick: Stick) -> None:
    """A stick that a rule exports takes a place as long as it is plugged in."""
    guest = ours.guest
    kept = Kept(ours, Client(guest), stick)
    kept.start_server()
    busid = usb.wait_local(guest, stick.serial)
    ours.wait_status(busid, 1)
    assert guest.read(f"{STUB}/match_busid") == f"{busid} \n"
    guest.unplug(kept.handle)
    guest.wait_until(f"! grep -q {busid} {STUB}/match_busid")
