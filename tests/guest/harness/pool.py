# SPDX-License-Identifier: GPL-2.0
"""Guests that outlive a test: booting one costs more than most tests."""

import subprocess
from pathlib import Path

from . import modules
from .agent import CommandTimeout
from .env import Env
from .guest import Guest, GuestError
from .initramfs import build_initramfs
from .qemu import Machine


class Pool:
    """Keeps booted guests by name, paused while nobody has them; a test that breaks one has it replaced."""

    def __init__(self, env: Env, scratch: Path) -> None:
        self._env = env
        self.scratch = scratch
        self._guests: dict[str, Guest] = {}
        self._initramfs: Path | None = None

    def take(self, *machines: Machine) -> list[Guest]:
        """The guests of these descriptions, booted together where they are not running yet."""
        started = []
        for machine in machines:
            guest = self._guests.get(machine.name)
            if guest is None or not guest.alive:
                self._guests[machine.name] = guest = Guest(self._env, machine, self._image())
                started.append(guest)
            else:
                guest.go_on()
        try:
            for guest in started:
                guest.wait_booted()
        except BaseException:
            # Also when the test's time is up: the next one is not given what does not answer.
            for guest in started:
                guest.stop()
                del self._guests[guest.name]
            raise
        return [self._guests[machine.name] for machine in machines]

    @property
    def guests(self) -> list[Guest]:
        """All that are kept."""
        return list(self._guests.values())

    def give_back(self, guest: Guest, *, clean: bool) -> None:
        """Keep a guest for the next test if it can be brought to the state it booted in."""
        if clean and not guest.spent and self._restore(guest):
            guest.pause()
            return
        guest.stop()
        del self._guests[guest.name]

    def close(self) -> None:
        """Switch everything off."""
        for guest in self._guests.values():
            guest.stop()
        self._guests.clear()

    def _image(self) -> Path:
        if self._initramfs is None:
            self._initramfs = build_initramfs(self._env, self.scratch / "initramfs.cpio")
        return self._initramfs

    def _restore(self, guest: Guest) -> bool:
        try:
            guest.run(
                "pkill -x 'usbipd|usbip-connectd|dd'; umount -q /mnt/stick;"
                " rm -rf /var/run/vhci_hcd /run/usbip /etc/usbip; udevadm settle --timeout=20",
                check=False,
            )
            modules.unload_all(guest)
            guest.unplug_all()
        except (GuestError, CommandTimeout, subprocess.SubprocessError):
            return False
        return True
