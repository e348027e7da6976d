# SPDX-License-Identifier: GPL-2.0
"""The importing side: a guest with virtual ports."""

from dataclasses import dataclass

from . import modules, usb
from .guest import Guest
from .modules import Kind
from .tools import Tools

VHCI = "/sys/devices/platform/vhci_hcd.0"
MOUNT = "/mnt/stick"
FREE, INITIALISING, USED, ERROR = 4, 5, 6, 7


@dataclass(frozen=True)
class Port:
    """One row of a vhci status file."""

    hub: str
    number: int
    state: int
    speed: int
    devid: str
    busid: str


@dataclass
class Client:
    """A guest with a virtual host controller and usbip of chosen kinds."""

    guest: Guest
    kind: Kind = Kind.RS
    tools: Tools = Tools.DEB

    @property
    def usbip(self) -> str:
        """The usbip command of this side."""
        return self.tools.path(self.guest, "usbip")

    def start(self) -> None:
        """Load the driver."""
        modules.load(self.guest, modules.VHCI[self.kind])

    def list_remote(self, host: str) -> str:
        """What a server offers."""
        return self.guest.out(f"{self.usbip} list -r {host}")

    def attach(self, host: str, busid: str) -> None:
        """Import a device; it is enumerated after this returns."""
        self.guest.run(f"{self.usbip} attach -r {host} -b {busid}")

    def attach_stick(self, host: str, busid: str, serial: str) -> tuple[str, str]:
        """Import a stick; returns its local busid and its disk once that can be read."""
        self.attach(host, busid)
        local = usb.wait_imported(self.guest, serial)
        return local, usb.wait_disk(self.guest, local)

    def ports(self) -> list[Port]:
        """All rows of all status files."""
        rows = []
        for line in self.guest.out(f"cat {self.port_files()}").splitlines():
            words = line.split()
            if words[0] != "hub":
                hub, number, state, speed, devid, _, busid = words
                rows.append(Port(hub, int(number), int(state), int(speed), devid, busid))
        return rows

    def port_files(self) -> str:
        """A shell pattern for all status files."""
        return f"{VHCI}/status*"

    def used(self) -> list[Port]:
        """The ports that are not free."""
        return [port for port in self.ports() if port.state != FREE]

    def port_of(self, busid: str) -> Port:
        """The port an imported device sits on."""
        return next(port for port in self.ports() if port.busid == busid)

    def detach(self, port: int) -> None:
        """Give a device back to its server and wait until its port is free."""
        self.guest.run(f"{self.usbip} detach -p {port}")
        self.wait_free(port)

    def wait_free(self, port: int) -> None:
        """Wait until a port can be used again."""
        self.guest.wait_until(f"cat {self.port_files()} | grep -q '^.s  {port:04} {FREE:03} '")

    def detach_all(self) -> None:
        """Give every device back."""
        for port in self.used():
            self.detach(port.number)

    def sums(self, disk: str) -> dict[str, str]:
        """The checksums of a stick's files, read through a read-only mount."""
        listing = self.guest.out(f"mount -o ro {disk} {MOUNT} && cd {MOUNT} && sha256sum *", timeout=60)
        self.guest.run(f"umount {MOUNT}")
        return {name: digest for digest, name in (line.split() for line in listing.splitlines())}

    def store(self, disk: str, name: str, data: bytes) -> None:
        """Write a file onto a stick and have it all arrive there."""
        self.guest.run(f"mount {disk} {MOUNT} && cat > {MOUNT}/{name} && sync", stdin=data, timeout=60)
        self.guest.run(f"umount {MOUNT}")
