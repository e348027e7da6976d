# SPDX-License-Identifier: GPL-2.0
"""The serving side: a guest that exports its USB devices."""

from dataclasses import dataclass

from . import modules, usb
from .guest import Guest
from .modules import Kind
from .tools import Tools

PORT = 3240


@dataclass
class Server:
    """A guest with a stub driver and usbipd of chosen kinds."""

    guest: Guest
    kind: Kind = Kind.RS
    tools: Tools = Tools.DEB

    @property
    def usbip(self) -> str:
        """The usbip command of this side."""
        return self.tools.path(self.guest, "usbip")

    def start(self) -> None:
        """Load the driver, start the daemon, wait until it listens."""
        modules.load(self.guest, modules.HOST[self.kind])
        # Ends only when the daemon has let go of the pipes it was started with.
        self.guest.run(f"{self.tools.path(self.guest, 'usbipd')} -D")
        self.wait_listening()

    def wait_listening(self) -> None:
        """Wait until the daemon takes connections."""
        self.guest.wait_until(f"[ -n \"$(ss -Hltn 'sport = :{PORT}')\" ]")

    def bind(self, busid: str) -> None:
        """Export a device."""
        self.guest.run(f"{self.usbip} bind -b {busid}")

    def unbind(self, busid: str) -> None:
        """Give a device back to its own driver."""
        self.guest.run(f"{self.usbip} unbind -b {busid}")

    def export(self, serial: str) -> str:
        """Wait for a device to be plugged in and export it; returns its busid."""
        busid = usb.wait_local(self.guest, serial)
        self.bind(busid)
        return busid

    def status(self, busid: str) -> str:
        """The stub's state of a device: 1 available, 2 in use, 3 error."""
        return self.guest.read(f"{usb.SYSFS}/{busid}/usbip_status")

    def wait_status(self, busid: str, status: int) -> None:
        """Wait for a state; teardown after a disconnect is asynchronous."""
        self.guest.wait_until(f"[ \"$(cat {usb.SYSFS}/{busid}/usbip_status)\" = {status} ]")

    def stop(self) -> None:
        """End the daemon; devices in use stay so."""
        self.guest.run("pkill -x usbipd")
        self.guest.wait_until("! pgrep -x usbipd")
