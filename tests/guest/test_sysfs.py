# SPDX-License-Identifier: GPL-2.0
"""The sysfs contract: the same reads and writes answer the same with the C modules and with ours."""

from collections.abc import Callable

import pytest
from harness import modules, usb
from harness.client import VHCI, Client
from harness.guest import Guest
from harness.link import Link
from harness.modules import Kind
from harness.probe import differences, probe, put
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools

STUB = "/sys/bus/usb/drivers/usbip-host"

VHCI_IDLE = [
    f"cat {VHCI}/nports",
    f"cat {VHCI}/status",
    *(f"cat {VHCI}/status.{number}" for number in range(1, 8)),
    f"cd {VHCI} && find . -maxdepth 1 -type f -printf '%f %m %s\\n' | sort",
    "ls /sys/devices/platform | grep vhci",
    "cd /sys/devices/platform/vhci_hcd.1 && ls",
    f"basename $(readlink {VHCI}/driver)",
    f"cat {VHCI}/modalias {VHCI}/usbip_debug",
    "cd /sys/bus/platform/drivers/vhci_hcd && ls | grep -v module",
]

# The hubs' own numbers are the same: buses are numbered by whoever comes first.
ROOT_HUBS = [
    f"for hub in {VHCI}/usb*; do cd $hub; echo $hub; grep -H . {names}; od -An -tx1 descriptors; done"
    for names in (
        "speed version maxchild bMaxPower bmAttributes bDeviceProtocol bMaxPacketSize0",
        "idVendor idProduct bcdDevice manufacturer product serial",
        "authorized authorized_default interface_authorized_default removable ltm_capable",
        "power/control power/wakeup power/autosuspend_delay_ms",
    )
]

ATTACH = [
    *(put(text, f"{VHCI}/attach") for text in ("", "x", "1", "1 2 3", "1 2 3 x", "-1 3 65538 3", "0x1 3 65538 3")),
    *(put(text, f"{VHCI}/attach") for text in ("240 0 65538 3", "4294967295 0 65538 3", "99999999999999999999 0 1 3")),
    # Standard input is a pipe: a descriptor, but no socket.
    *(put(f"0 0 65538 {speed}", f"{VHCI}/attach") for speed in range(8)),
    put("0 77 65538 3", f"{VHCI}/attach"),
    put("   0   77   65538   3   trailing", f"{VHCI}/attach"),
    put("0 -1 65538 3", f"{VHCI}/attach"),
    f"cat {VHCI}/attach",
    f"cat {VHCI}/status",
]

DETACH = [
    *(put(text, f"{VHCI}/detach") for text in ("", "x", "-1", " 0", "0", "0\\n", "0x0", "0 ", "+0", "00", "0\\n\\n")),
    *(put(text, f"{VHCI}/detach") for text in ("239", "240", "4294967295", "4294967296", "99999999999999999999")),
    f"cat {VHCI}/detach",
]

DEBUG = [
    f"cat {VHCI}/usbip_debug",
    *(
        command
        for text in ("", "x", "0x10", "ff", " 7", "7 trailing", "-1", "0")
        for command in (put(text, f"{VHCI}/usbip_debug"), f"cat {VHCI}/usbip_debug")
    ),
]

LONGEST = "1" * 31
MATCH = [
    f"cd {STUB} && find . -maxdepth 1 -type f -printf '%f %m %s\\n' | sort",
    f"cat {STUB}/match_busid",
    *(
        command
        for text in (
            "", "a", "add", "add ", "add  ", "del 9-9", "mod 9-9", "ADD 9-9", "add 9-9", "add 9-9",
            "add 8-8\\n", "del 8-8", "add any thing", f"add {LONGEST}", f"add {LONGEST}1", f"xyz {LONGEST}1",
            f"del {LONGEST}1", f"add 9-9{chr(92)}000x",
        )
        for command in (put(text, f"{STUB}/match_busid"), f"cat {STUB}/match_busid")
    ),
    *(
        command
        for number in range(16)
        for command in (put(f"add 7-{number}", f"{STUB}/match_busid"), f"cat {STUB}/match_busid")
    ),
    *(put(text, f"{STUB}/rebind") for text in ("", "6-6", "6-6\\n", LONGEST + "1")),
    *(put(text, f"{STUB}/{name}") for name in ("bind", "unbind") for text in ("6-6", "usb1", "1-0:1.0")),
    f"cat {STUB}/rebind",
]  # fmt: skip


def _check_same(guest: Guest, one: Callable[[Kind], dict[str, str]]) -> None:
    """Fail with everything that differs between the C modules and ours."""
    expected = one(Kind.C)
    modules.unload_all(guest)
    actual = one(Kind.RS)
    assert len(expected) > 1
    found = differences(expected, actual)
    if found:
        pytest.fail("\n".join([f"{len(found)} of {len(expected)} answers differ", *found]), pytrace=False)


@pytest.mark.parametrize(
    "commands", [VHCI_IDLE, ROOT_HUBS, ATTACH, DETACH, DEBUG], ids=["idle", "hubs", "attach", "detach", "debug"]
)
def test_vhci(mixed_guest: Guest, commands: list[str]) -> None:
    """Files of the virtual host controller, with nothing attached."""

    def one(kind: Kind) -> dict[str, str]:
        modules.load(mixed_guest, modules.VHCI[kind], whole=True)
        mixed_guest.wait_until(f"[ -e {VHCI}/status ]")
        return probe(mixed_guest, commands)

    _check_same(mixed_guest, one)


def test_match_busid(mixed_guest: Guest) -> None:
    """The table of exported names: bytes, errors, limits."""

    def one(kind: Kind) -> dict[str, str]:
        modules.load(mixed_guest, modules.HOST[kind])
        return probe(mixed_guest, MATCH)

    _check_same(mixed_guest, one)


def _device_commands(busid: str) -> list[str]:
    """Everything that can be done by hand to a device that is on the stub."""
    device = f"{usb.SYSFS}/{busid}"
    table = f"cat {STUB}/match_busid"
    return [
        f"cat {device}/usbip_status", f"ls {STUB} | grep -v module", table,
        f"stat -c '%n %a %s' {device}/usbip_*",
        *(put(text, f"{device}/usbip_sockfd") for text in ("", "x", "-1", "-2", "77", "0", "0x3")),
        f"cat {device}/usbip_status", f"cat {device}/usbip_debug", f"cat {device}/usbip_sockfd",
        f"ls {device} | grep : ", f"cat {device}/bConfigurationValue {device}/bNumInterfaces",
        put(f"add {busid}", f"{STUB}/match_busid"), table,
        put(f"del {busid}", f"{STUB}/match_busid"), table,
        put(busid, f"{STUB}/unbind"), table, f"ls {device} | grep usbip",
        put(busid, f"{STUB}/bind"), table,
        put(busid, f"{STUB}/rebind"), table,
        f"basename $(readlink {device}/driver)",
        put(busid, f"{STUB}/bind"), put(busid, f"{STUB}/rebind"),
        put(f"add {busid}", f"{STUB}/match_busid"), put(busid, f"{STUB}/bind"), table,
        put(busid, "/sys/bus/usb/drivers/usb/unbind"), put(f"{busid}\\n", f"{STUB}/bind"), f"cat {device}/usbip_status",
        put(busid, f"{STUB}/unbind"), put(f"del {busid}", f"{STUB}/match_busid"), table,
        put(busid, f"{STUB}/rebind"), table, f"basename $(readlink {device}/driver)",
    ]  # fmt: skip


def test_device(mixed_guest: Guest, stick: Stick) -> None:
    """Files of an exported device, and its way onto the stub and off it by hand."""
    mixed_guest.plug(stick)
    busid = usb.wait_local(mixed_guest, stick.serial)
    usb.wait_disk(mixed_guest, busid)

    def one(kind: Kind) -> dict[str, str]:
        modules.load(mixed_guest, modules.HOST[kind])
        server = Server(mixed_guest, kind)
        server.bind(busid)
        answers = probe(mixed_guest, _device_commands(busid))
        usb.wait_disk(mixed_guest, busid)
        return answers

    _check_same(mixed_guest, one)


def test_attached(mixed_guest: Guest, stick: Stick, tools: Tools) -> None:
    """Both sides' files while a stick is attached, and the errors for doing it twice."""
    mixed_guest.plug(stick)

    def one(kind: Kind) -> dict[str, str]:
        link = Link(Server(mixed_guest, kind, tools), Client(mixed_guest, kind, tools), stick, handle="plugged")
        link.start()
        link.attach()
        device, local = f"{usb.SYSFS}/{link.busid}", f"{usb.SYSFS}/{link.local}"
        answers = probe(mixed_guest, [
            f"cat {VHCI}/status", f"cat {VHCI}/status.1", f"{link.client.usbip} port",
            f"cat {device}/usbip_status", put("-3", f"{device}/usbip_sockfd"), put("77", f"{device}/usbip_sockfd"),
            put(f"{link.port} 0 65538 5", f"{VHCI}/attach"), put(f"{link.port} 77 65538 5", f"{VHCI}/attach"),
            f"cat {STUB}/match_busid", f"ls {device} | grep :", f"readlink -f {local}",
            f"cd {local} && grep -H . speed version devpath maxchild bMaxPacketSize0 serial product manufacturer",
            f"cd {local} && ls", f"od -An -tx1 {local}/descriptors", f"ls -l {device}/*:1.0/driver",
            put("-1", f"{device}/usbip_sockfd"),
        ])  # fmt: skip
        link.wait_gone()
        link.client.wait_free(link.port)
        link.server.wait_status(link.busid, 1)
        after = probe(mixed_guest, [f"cat {VHCI}/status", f"cat {device}/usbip_status", f"ls {device}"])
        answers |= {f"after that {label}": answer for label, answer in after.items()}
        link.release()
        link.server.stop()
        return answers

    _check_same(mixed_guest, one)
