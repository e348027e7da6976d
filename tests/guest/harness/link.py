# SPDX-License-Identifier: GPL-2.0
"""A stick plugged into a server and imported by a client: the state most tests start from."""

from dataclasses import dataclass

from . import usb
from .client import Client
from .server import Server
from .stick import Stick

# Holds the process group of the reader.
_READER = "/run/reader"


@dataclass
class Link:
    """One stick between a server and a client, which may be one guest (then over loopback)."""

    server: Server
    client: Client
    stick: Stick
    host: str = "127.0.0.1"
    busid: str = ""
    local: str = ""
    disk: str = ""
    port: int = -1
    handle: str = ""

    def start(self) -> None:
        """Load both drivers, start the daemon and plug the stick in."""
        self.server.start()
        self.client.start()
        if not self.handle:
            self.handle = self.server.guest.plug(self.stick)
        self.busid = usb.wait_local(self.server.guest, self.stick.serial)
        # Taking a device over while its disk is still being set up is a different test.
        usb.wait_disk(self.server.guest, self.busid)

    def attach(self) -> None:
        """Export the stick and import it."""
        self.server.bind(self.busid)
        self.attach_again()

    def attach_again(self) -> None:
        """Import the exported stick."""
        self.local, self.disk = self.client.attach_stick(self.host, self.busid, self.stick.serial)
        self.port = self.client.port_of(self.local).number

    def check(self) -> None:
        """Every file reads as it was made."""
        assert self.client.sums(self.disk) == self.stick.sums

    def detach(self) -> None:
        """Give the stick back; the server can export it again when this returns."""
        self.client.detach(self.port)
        self.wait_gone()
        self.server.wait_status(self.busid, 1)

    def release(self) -> None:
        """Give the stick back to the server's own driver."""
        self.server.unbind(self.busid)
        usb.wait_disk(self.server.guest, self.busid)

    def wait_gone(self) -> None:
        """Wait until the client has lost the stick."""
        self.client.guest.wait_until(f"! usb-find imported {self.stick.serial}")

    def read_forever(self) -> None:
        """Keep URBs in flight: read the imported disk over and over, past the page cache."""
        loop = f"while dd if={self.disk} of=/dev/null bs=256k iflag=direct; do :; done"
        self.client.guest.run(f"setsid sh -c 'echo $$ > {_READER}; {loop}' > /dev/null 2>&1 &")
        self.wait_reading()

    def wait_reading(self) -> None:
        """Wait until more of the disk has been read than before."""
        counter = f"/sys/block/{self.disk.removeprefix('/dev/')}/stat"
        before = self.client.guest.out(f"awk '{{ print $3 }}' {counter}")
        self.client.guest.wait_until(f"[ $(awk '{{ print $3 }}' {counter}) -gt {before} ]")

    def stop_reading(self) -> None:
        """End what read_forever() began."""
        # Not by its name: there is no dd between one pass and the next.
        self.client.guest.run(f"kill -- -$(cat {_READER})")
        self.wait_readers_gone()

    def wait_readers_gone(self) -> None:
        """Wait until no reader is left: its disk has failed under it."""
        self.client.guest.wait_until("! pgrep -x dd")
