# SPDX-License-Identifier: GPL-2.0
"""The udev rule for disks behind vhci: larger commands where they help, and its two switches."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import usb
from harness.client import Client
from harness.gadget import Function, Speed, gadget
from harness.guest import Guest
from harness.imported import imported
from harness.server import Server

RULE = Path(__file__).resolve().parents[2] / "userspace/packaging/udev/61-usbip-disk.rules"
RULES = "/run/udev/rules.d"
IMAGE = "/tmp/disk.img"
STORAGE = Function("mass_storage", {"lun.0/file": IMAGE.encode()})
# As usbip-disk(5) has it, for the gadget.
OFF = b'SUBSYSTEM=="block", ATTRS{idVendor}=="1d6b", ATTRS{idProduct}=="0104", ENV{USBIP_DISK}="0"\n'
MIB = 4
# KiB of a command: what usb-storage does by itself, and with the rule.
USUAL, RAISED = 120, 1024


@contextmanager
def _rules(guest: Guest, **rules: bytes) -> Iterator[None]:
    """Rules of udev's, in the order of their names."""
    guest.run(f"mkdir -p {RULES}")
    for name, rule in rules.items():
        guest.write(f"{RULES}/{name}.rules", rule)
    guest.run("udevadm control --reload")
    try:
        yield
    finally:
        guest.run(f"rm -f {RULES}/*.rules && udevadm control --reload")


def _command_size(guest: Guest, busid: str) -> int:
    """KiB of the largest command of a device's disk, after udev has had its say; all of the disk reads as it was made."""
    disk = usb.wait_disk(guest, busid)
    guest.run("udevadm settle --timeout=60", timeout=30)
    guest.run(f"dd if={disk} bs=1M iflag=direct | cmp - {IMAGE}", timeout=30)
    return int(guest.out(f"cat /sys/block/{disk.removeprefix('/dev/')}/queue/max_sectors_kb"))


@pytest.mark.parametrize(
    ("earlier", "wanted"),
    [(b"", RAISED), (OFF, USUAL)],
    ids=["on", "off"],
)
def test_command_size(server: Server, client: Client, earlier: bytes, wanted: int) -> None:
    """An imported disk at high speed has larger commands, unless an earlier rule says no; the same disk here has not."""
    guest = client.guest
    guest.run(f"dd if=/dev/urandom of={IMAGE} bs=1M count={MIB}")
    with _rules(guest, a_switch=earlier, b_disk=RULE.read_bytes()), gadget(guest, STORAGE, Speed.HIGH) as made:
        assert _command_size(guest, made.busid) == USUAL
        with imported(server, client, made.serial) as local:
            assert _command_size(guest, local) == wanted
