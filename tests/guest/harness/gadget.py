# SPDX-License-Identifier: GPL-2.0
"""USB devices a guest plays itself: a gadget of the kernel's, plugged into dummy_hcd."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from . import usb
from .guest import Guest

_CONFIGFS = "/sys/kernel/config"
_HOME = f"{_CONFIGFS}/usb_gadget/g1"
_UDC = "dummy_udc.0"
# When one of these is unplugged, its network device is moved away from the gadget, and device_move() (Linux 7.3) leaves
# the directory of the class behind. The next controller at that address finds it, and can have no network device.
_LEAVE_A_TRACE = ("ecm", "ncm")
# A multifunction composite gadget, for drivers that go by the interface.
_IDS = ("0x1d6b", "0x0104")


class Speed(StrEnum):
    """Bus speeds as sysfs names them."""

    FULL = "12"
    HIGH = "480"
    SUPER = "5000"


_PARAMETERS = {Speed.FULL: "is_high_speed=0", Speed.HIGH: "", Speed.SUPER: "is_super_speed=1"}


@dataclass(frozen=True)
class Function:
    """What a gadget does: a usb_f_ module's name, and files to fill in its configfs directory."""

    kind: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    ids: tuple[str, str] = _IDS


@dataclass(frozen=True)
class Gadget:
    """A gadget that is plugged in."""

    guest: Guest
    function: Function
    speed: Speed
    serial: str
    busid: str

    def read(self, file: str) -> str:
        """A file of the function's."""
        return self.guest.out(f"cat {_HOME}/functions/{self.function.kind}.0/{file}")


@contextmanager
def gadget(guest: Guest, function: Function, speed: Speed = Speed.HIGH) -> Iterator[Gadget]:
    """Plug a gadget in, and take it and its controller away at the end."""
    serial = f"GADGET-{function.kind}-{speed}"
    guest.run(f"modprobe -a libcomposite configfs; mountpoint -q {_CONFIGFS} || mount -t configfs none {_CONFIGFS}")
    try:
        guest.run(f"modprobe dummy_hcd {_PARAMETERS[speed]}")
        guest.run(_build(function, serial), timeout=30)
        busid = usb.wait_local(guest, serial)
        # Taking a device over while its driver is still being loaded is a different test.
        guest.run("udevadm settle --timeout=60", timeout=30)
        assert guest.out(f"cat {usb.SYSFS}/{busid}/speed") == speed
        yield Gadget(guest, function, speed, serial, busid)
    finally:
        guest.spent |= function.kind in _LEAVE_A_TRACE
        guest.run(_REMOVE, timeout=30)


def _put(data: bytes, path: str) -> str:
    octal = "".join(f"\\{byte:03o}" for byte in data)
    return f"printf {shlex.quote(octal)} > {shlex.quote(path)}"


def _build(function: Function, serial: str) -> str:
    vendor, product = function.ids
    directory = f"functions/{function.kind}.0"
    return "\n".join([
        f"set -e; mkdir {_HOME}; cd {_HOME}",
        f"echo {vendor} > idVendor; echo {product} > idProduct",
        f"mkdir strings/0x409 configs/c.1 {directory}",
        f"echo {serial} > strings/0x409/serialnumber",
        *(_put(data, f"{directory}/{name}") for name, data in function.files.items()),
        f"ln -s {directory} configs/c.1/",
        f"echo {_UDC} > UDC",
    ])  # fmt: skip


# Whatever of it is there: making it may have failed half way.
_REMOVE = f"""
if cd {_HOME}; then
	[ -z "$(cat UDC)" ] || echo > UDC
	find configs/c.1 -type l -delete
	rmdir configs/* functions/* strings/*
	cd / && rmdir {_HOME}
fi
! [ -d /sys/module/dummy_hcd ] || rmmod dummy_hcd
"""
