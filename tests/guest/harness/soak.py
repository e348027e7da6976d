# SPDX-License-Identifier: GPL-2.0
"""Attachments that work for a moment and end somehow, over and over."""

import itertools
import random
from collections.abc import Callable

from . import modules, usb
from .client import FREE, VHCI
from .link import Link


class Soak:
    """A stick that is attached again and again; whatever happens is chosen by RNG."""

    def __init__(self, link: Link, rng: random.Random) -> None:
        self._link = link
        self._rng = rng
        self._guest = link.client.guest
        self._ends = {
            "detached": lambda: self._guest.run(f"echo {link.port} > {VHCI}/detach"),
            "closed": lambda: self._guest.run(f"echo -1 > {usb.SYSFS}/{link.busid}/usbip_sockfd"),
            "reset": lambda: self._guest.run("ss -K 'sport = :3240'"),
            "unbound": self.renew,
            "pulled out": self._pull_out,
            "daemon killed": self._kill_daemon,
            "host unloaded": self._unload_host,
            "vhci unloaded": self._unload_vhci,
        }
        self._works = (self._nothing, self._read, self._keep_reading, self._mount)

    def start(self) -> None:
        """Export the stick."""
        self._link.start()
        self._link.server.bind(self._link.busid)

    def warm_up(self) -> None:
        """All works and ends once: what the first time loads, such as a file system, stays."""
        for name, work in zip(self._ends, itertools.cycle(self._works)):
            self._attachment(work, name)

    def cycle(self) -> str:
        """One attachment; returns how it ended."""
        name = self._rng.choice(list(self._ends))
        self._attachment(self._rng.choice(self._works), name)
        return name

    def _attachment(self, work: Callable[[], None], name: str) -> None:
        self._link.attach_again()
        work()
        self._ends[name]()
        self._link.wait_gone()
        self._link.wait_readers_gone()
        self._guest.run("umount -q -l /mnt/stick", check=False)
        self.settle()

    def settle(self) -> None:
        """Wait until both sides have let go."""
        self._guest.wait_until(f"! cat {self._link.client.port_files()} | grep -qv ' {FREE:03} \\|^hub'")
        self._link.server.wait_status(self._link.busid, 1)

    def renew(self) -> None:
        """Export the stick anew: a client leaves it configured, with objects for its interfaces, or does not."""
        self._link.server.unbind(self._link.busid)
        self._export()

    def stop(self) -> None:
        """Give the stick back."""
        self._link.release()
        self._link.server.stop()

    def sockets(self) -> int:
        """Sockets in use, whoever holds them."""
        return int(self._guest.out("awk '/^sockets:/ { print $3 }' /proc/net/sockstat"))

    def _nothing(self) -> None:
        pass

    def _read(self) -> None:
        self._guest.run(f"dd if={self._link.disk} of=/dev/null bs=64k count=16 iflag=direct")

    def _keep_reading(self) -> None:
        self._link.read_forever()

    def _mount(self) -> None:
        self._guest.run(f"mount -o ro {self._link.disk} /mnt/stick && md5sum /mnt/stick/SMALL.BIN")

    def _pull_out(self) -> None:
        guest = self._link.server.guest
        guest.unplug(self._link.handle)
        self._link.wait_gone()
        self._link.handle = guest.plug(self._link.stick)
        self._export()

    def _kill_daemon(self) -> None:
        self._guest.run("pkill -KILL -x usbipd")
        self._guest.run(f"{self._link.server.tools.path(self._guest, 'usbipd')} -D")
        self._link.server.wait_listening()
        self._guest.run(f"echo {self._link.port} > {VHCI}/detach")

    def _unload_host(self) -> None:
        modules.unload(self._guest, modules.HOST[self._link.server.kind])
        modules.load(self._guest, modules.HOST[self._link.server.kind])
        self._export()

    def _unload_vhci(self) -> None:
        modules.unload(self._guest, modules.VHCI[self._link.client.kind])
        modules.load(self._guest, modules.VHCI[self._link.client.kind])

    def _export(self) -> None:
        link = self._link
        link.busid = usb.wait_local(link.server.guest, link.stick.serial)
        usb.wait_disk(link.server.guest, link.busid)
        link.server.bind(link.busid)
