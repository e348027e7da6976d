# SPDX-License-Identifier: GPL-2.0
"""Finding USB devices, and the disks they carry, in a guest."""

from .guest import Guest

SYSFS = "/sys/bus/usb/devices"


def wait_local(guest: Guest, serial: str) -> str:
    """The busid of the device with that serial number that is plugged into the guest itself."""
    guest.wait_until(f"usb-find local {serial}")
    return guest.out(f"usb-find local {serial}")


def wait_imported(guest: Guest, serial: str, *, timeout: float = 10) -> str:
    """The busid of the device with that serial number on one of the guest's virtual ports."""
    guest.wait_until(f"usb-find imported {serial}", timeout=timeout)
    return guest.out(f"usb-find imported {serial}")


def wait_disk(guest: Guest, busid: str) -> str:
    """The block device of a stick, once it can be read."""
    guest.wait_until(f"usb-disk {busid}", timeout=15)
    return guest.out(f"usb-disk {busid}")


def driver(guest: Guest, busid: str) -> str:
    """The name of the driver a USB device or interface is bound to; empty for none."""
    return guest.run(f"basename $(readlink {SYSFS}/{busid}/driver)", check=False).out.strip()
