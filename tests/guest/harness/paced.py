# SPDX-License-Identifier: GPL-2.0
"""Devices with isochronous endpoints, which none of the kernel's own gadgets has here: tests/paced serves them."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .client import VHCI, Client
from .gadget import Speed
from .guest import Guest
from .program import install

_INPUT, _OUTPUT, _ERRORS = "/tmp/paced.input", "/tmp/paced.output", "/tmp/paced.errors"


@dataclass(frozen=True)
class Paced:
    """A device that is being served."""

    guest: Guest
    speed: Speed
    busid: str

    def received(self) -> bytes:
        """What has been sent to it so far."""
        return read_bytes(self.guest, _OUTPUT)


def read_bytes(guest: Guest, path: str) -> bytes:
    """The content of a file."""
    return base64.b64decode(guest.out(f"base64 {path}"))


@contextmanager
def paced(client: Client, device: str, speed: Speed, sends: bytes, controller: int = 1) -> Iterator[Paced]:
    """Serve a device that has something to send, on a port of a controller, and pull it out at the end."""
    guest = client.guest
    client.start()
    program = install(guest, "paced")
    guest.write(_INPUT, sends)
    port = _port(client, speed, controller)
    command = f"{program} {device} {speed.name.lower()} {port} {_INPUT} {_OUTPUT}"
    guest.run(f"setsid {command} > /dev/null 2> {_ERRORS} < /dev/null &")
    row = f"cat {VHCI}/status* | grep -q '^.s  {port:04} 006 '"
    guest.wait_until(f"[ -s {_ERRORS} ] || {row}")
    assert not guest.read(_ERRORS)
    busid = next(row.busid for row in client.ports() if row.number == port)
    # Taking a device over while its driver is still being loaded is a different test.
    guest.run("udevadm settle --timeout=60", timeout=30)
    yield Paced(guest, speed, busid)
    # Unless the driver has been unloaded.
    if guest.succeeds(row):
        client.detach(port)
    guest.wait_until("! pgrep -x paced")
    assert not guest.read(_ERRORS)


def _port(client: Client, speed: Speed, controller: int) -> int:
    """The first port of a controller for a speed; nothing else is on it."""
    hub = "ss" if speed is Speed.SUPER else "hs"
    file = f"{VHCI}/status.{controller}" if controller else f"{VHCI}/status"
    return int(client.guest.out(f"awk '$1 == \"{hub}\" {{ print $2; exit }}' {file}"), 10)
