# SPDX-License-Identifier: GPL-2.0
"""A stick that services keep: usbipd exports it by a rule, usbip-connectd wants it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import modules, usb
from .client import Client
from .guest import Guest
from .network import CARD, SERVER_ADDRESS
from .server import Server
from .stick import Stick
from .tools import Tools

# Longest pause of the service between two attempts, in seconds.
RETRY_MAX = 2


@dataclass
class Kept:
    """One stick, the machine that has it and the machine that wants it."""

    server: Server
    client: Client
    stick: Stick
    handle: str = ""

    @property
    def guests(self) -> tuple[Guest, Guest]:
        """Server and client."""
        return self.server.guest, self.client.guest

    def start(self) -> None:
        """Have the services export and attach the stick."""
        self.start_server()
        self.start_client()
        with stopwatch("first attachment"):
            self.check()

    def start_server(self) -> None:
        """Plug the stick in and start a daemon that is to export it."""
        guest = self.server.guest
        modules.load(guest, modules.HOST[self.server.kind])
        rule = f"[[allow]]\nserial = '{self.stick.serial}'\n"
        _write_config(guest, "usbipd.toml", rule)
        self.handle = self.handle or guest.plug(self.stick)
        _start(guest, "usbipd")
        self.server.wait_listening()

    def start_client(self) -> None:
        """Start the service that is to attach the stick."""
        guest = self.client.guest
        self.client.start()
        wanted = f"[[attach]]\nname = 'stick'\nhost = '{SERVER_ADDRESS}'\nserial = '{self.stick.serial}'\n"
        _write_config(guest, "connect.toml", f"retry-max = {RETRY_MAX}\n{wanted}")
        self.start_service()

    def start_service(self) -> None:
        """Start only the client's service."""
        _start(self.client.guest, "usbip-connectd")

    def kill_service(self) -> None:
        """Kill the client's service."""
        self.client.guest.run("pkill -KILL -x usbip-connectd")
        self.client.guest.wait_until("! pgrep -x usbip-connectd")

    def wait_attached(self) -> str:
        """Wait until the stick can be read on the client; returns its disk."""
        local = usb.wait_imported(self.client.guest, self.stick.serial, timeout=60)
        return usb.wait_disk(self.client.guest, local)

    def wait_lost(self) -> None:
        """Wait until the client has lost the stick."""
        self.client.guest.wait_until(f"! usb-find imported {self.stick.serial}", timeout=30)

    def check(self) -> None:
        """Every file reads as it was made."""
        assert self.client.sums(self.wait_attached()) == self.stick.sums

    def replug(self) -> str:
        """Pull the stick out of the server and plug it in again; returns its new busid."""
        self.server.guest.unplug(self.handle)
        self.handle = ""
        self.wait_lost()
        self.handle = self.server.guest.plug(self.stick)
        return usb.wait_local(self.server.guest, self.stick.serial)

    def state(self) -> dict[str, Any]:
        """What the client's service says about the stick."""
        state = json.loads(self.client.guest.read("/run/usbip/connectd.json"))
        assert state["version"] == 1
        entry: dict[str, Any] = state["attachments"][0]
        return entry

    def wait_state(self, state: str) -> None:
        """Wait until the client's service is in a state."""
        pattern = f'"state": "{state}"'
        self.client.guest.wait_until(f"grep -q '{pattern}' /run/usbip/connectd.json", timeout=30)

    def usbip(self, guest: Guest, tools: Tools, arguments: str) -> None:
        """Run one of the two usbip commands."""
        guest.run(f"{tools.path(guest, 'usbip')} {arguments}")

    @property
    def port(self) -> int:
        """The client's port."""
        return int(self.state()["local_port"])


@contextmanager
def stopwatch(what: str) -> Iterator[None]:
    """Print how long something took, in seconds of the host."""
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.1f} s")


def plug_cable(guest: Guest, plugged: bool) -> None:
    """Pull out a guest's network cable or plug it in."""
    guest.qmp.execute("set_link", name=CARD, up=plugged)


def _write_config(guest: Guest, name: str, text: str) -> None:
    guest.run("mkdir -p /etc/usbip")
    guest.write(f"/etc/usbip/{name}", text.encode())


def _start(guest: Guest, program: str) -> None:
    """Start a service as systemd would: in the foreground, with its words in a file."""
    path = Tools.RS.path(guest, program)
    guest.run(f"setsid {path} < /dev/null >> /run/{program}.log 2>&1 &")
