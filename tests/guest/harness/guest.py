# SPDX-License-Identifier: GPL-2.0
"""A booted guest: run commands in it, plug things into it, watch its kernel."""

import itertools
import shlex
import tempfile
import time
from pathlib import Path

from .agent import Agent, CommandTimeout, Result
from .channel import ChannelClosed, ChannelTimeout
from .console import Console
from .dmesg import KernelComplaint, Log
from .env import Env
from .qemu import Machine, Qemu
from .stick import Stick

BOOT_SECONDS = 60.0
# An emulated machine on a busy host hangs now and then while it starts its second processor, long before anything of
# ours is in it: it is switched on again.
_SILENT_SECONDS = 10.0
_BOOTS = 3
PLUG_SECONDS = 20.0


class GuestError(Exception):
    """A command in the guest failed, or the guest is gone."""


class Guest:
    """One virtual machine under test."""

    def __init__(self, env: Env, machine: Machine, initramfs: Path) -> None:
        self.env = env
        self.name = machine.name
        self._machine = machine
        self._initramfs = initramfs
        # Unix socket paths are short-lived and must be short: not below the log directory.
        self._scratch = tempfile.TemporaryDirectory(prefix="usbip-guest-")
        self._switch_on()
        self._numbers = itertools.count()
        self._plugged: list[str] = []
        self._log_start = 0
        self._earlier = ""
        self._label = "boot"
        # What has been done to the kernel cannot be undone: no other test gets it.
        self.spent = False

    def _switch_on(self) -> None:
        self._qemu = Qemu(self.env, self._machine, self._initramfs, Path(self._scratch.name))
        self.qmp = self._qemu.qmp
        self.console = Console(self._qemu.console)
        self._agent = Agent(self._qemu.agent_socket)

    def wait_booted(self) -> None:
        """Wait until the guest takes commands."""
        boots = 1
        while not self._boots():
            if boots == _BOOTS or not self.alive:
                tail = self.log().tail
                self.stop()
                raise GuestError(f"guest {self.name} did not boot\n{tail}")
            print(f"guest {self.name} hangs while booting, and is switched on again")
            boots += 1
            self.cut_power()
            self._switch_on()
        try:
            # After one report KASAN and lockdep are silent: whatever runs in this guest would pass.
            self.log().check()
        except KernelComplaint:
            self.stop()
            raise

    def _boots(self) -> bool:
        """Whether the guest comes to take commands before its console falls silent, or the time is up."""
        deadline = time.monotonic() + BOOT_SECONDS * self.env.patience
        while time.monotonic() < deadline:
            position = self.console.position
            try:
                self._agent.wait(time.monotonic() + _SILENT_SECONDS * self.env.patience)
                return True
            except ChannelClosed:
                return False
            except ChannelTimeout:
                if self.console.position == position:
                    return False
        return False

    @property
    def is_poisoned(self) -> bool:
        """Whether the kernel poisons freed memory."""
        return "slab_debug=" in self._machine.words

    @property
    def alive(self) -> bool:
        """Whether QEMU still runs; a panic ends it."""
        return self._qemu.running

    def wait_off(self) -> None:
        """Wait until the guest is switched off from inside."""
        self._qemu.wait()

    def cut_power(self) -> None:
        """Take the power away: nothing in the guest gets to say goodbye, and all its memory is lost."""
        self._earlier += self.console.since(self._log_start)
        self._agent.close()
        self._qemu.stop()
        self._plugged.clear()

    def boot_again(self) -> None:
        """Boot the guest anew after cut_power(); nothing is plugged in."""
        self._log_start = 0
        self._switch_on()
        self.wait_booted()

    def pause(self) -> None:
        """Stop its processors, and its time: even a guest with nothing to do takes some of the host's."""
        self.qmp.execute("stop")

    def go_on(self) -> None:
        """Undo pause()."""
        self.qmp.execute("cont")

    def stop(self) -> None:
        """Switch the guest off and forget its files."""
        self._agent.close()
        self._qemu.stop()
        self._scratch.cleanup()

    # Commands

    def run(self, command: str, *, timeout: float = 20, check: bool = True, stdin: bytes = b"") -> Result:
        """Run a shell command; TIMEOUT is meant for a machine with KVM and stretched without."""
        try:
            result = self._agent.run(command, stdin, timeout * self.env.patience)
        except ChannelClosed:
            raise GuestError(f"guest {self.name} died during {command!r}\n{self.log().tail}") from None
        if check and result.code != 0:
            raise GuestError(f"{self.name}: {result}")
        return result

    def out(self, command: str, *, timeout: float = 20) -> str:
        """What a command prints, stripped; the command must succeed."""
        return self.run(command, timeout=timeout).out.strip()

    def succeeds(self, command: str) -> bool:
        """Whether a command ends with 0."""
        return self.run(command, check=False).code == 0

    def wait_until(self, condition: str, *, timeout: float = 10) -> None:
        """Wait until a shell condition holds, looking often."""
        limit = timeout * self.env.patience
        # Asked inside the guest: one round trip however long it takes.
        loop = f"until {condition}; do sleep 0.05; done"
        result = self.run(f"timeout {limit} sh -c {shlex.quote(loop)}", timeout=timeout + 10, check=False)
        if result.code == 124:
            raise CommandTimeout(f"{self.name}: {condition!r} did not hold within {limit:.0f} s")
        if result.code != 0:
            raise GuestError(f"{self.name}: {result}")

    def read(self, path: str) -> str:
        """The exact content of a text file."""
        return self.run(f"cat {shlex.quote(path)}").out

    def write(self, path: str, data: bytes, mode: str = "0644") -> None:
        """Write a file."""
        self.run(f"cat > {shlex.quote(path)} && chmod {mode} {shlex.quote(path)}", stdin=data)

    # Devices

    def plug(self, stick: Stick, *, bus: str = "xhci.0") -> str:
        """Plug a stick in; returns the handle to unplug it with."""
        handle = f"stick{next(self._numbers)}"
        # Without a lock: QEMU may still have the image for a device that is gone (see `unplug`).
        file = {"driver": "file", "filename": str(stick.image), "locking": "off"}
        drive = {"driver": "raw", "node_name": handle, "file": file}
        self.qmp.execute("blockdev-add", **drive)
        properties = {"drive": handle, "serial": stick.serial, "removable": True}
        self.qmp.execute("device_add", driver="usb-storage", id=f"dev-{handle}", bus=bus, **properties)
        self._plugged.append(handle)
        return handle

    def plug_input(self, driver: str, serial: str) -> str:
        """Plug in one of QEMU's USB input devices."""
        handle = f"input{next(self._numbers)}"
        self.qmp.execute("device_add", driver=driver, id=f"dev-{handle}", bus="xhci.0", serial=serial)
        self._plugged.append(handle)
        return handle

    def unplug(self, handle: str) -> None:
        """Pull a device out, and wait until QEMU has let go of it, or at least does not have it any more."""
        device = f"dev-{handle}"
        self._plugged.remove(handle)
        self.qmp.execute("device_del", id=device)
        limit = PLUG_SECONDS * self.env.patience
        try:
            self.qmp.wait_event("DEVICE_DELETED", lambda data: data.get("device") == device, limit)
        except ChannelTimeout:
            # QEMU says so when nothing of its own refers to the device any more, which once it forgot to.
            if any(child["name"] == device for child in self.qmp.execute("qom-list", path="/machine/peripheral")):
                raise
            return
        if handle.startswith("stick"):
            self.qmp.execute("blockdev-del", node_name=handle)

    def unplug_all(self) -> None:
        """Pull everything out."""
        for handle in tuple(self._plugged):
            self.unplug(handle)

    # The kernel's log

    def begin(self, label: str) -> None:
        """Start a new stretch of kernel log."""
        self._label = label
        self._earlier = ""
        self._log_start = self.console.position
        self._mark(f"usbip-rs-test: begin {label}")

    def log(self) -> Log:
        """The stretch of console since begin()."""
        return Log(self._earlier + self.console.since(self._log_start), str(self.console.path))

    def finish(self, directory: Path) -> Log:
        """End the stretch: keep console and dmesg in DIRECTORY, return what the console says."""
        directory.mkdir(parents=True, exist_ok=True)
        settled = self.alive and self._flush()
        text = self._earlier + self.console.since(self._log_start)
        kept = directory / f"{self.name}.console.log"
        kept.write_text(text)
        if settled:
            (directory / f"{self.name}.dmesg.log").write_text(self._dmesg())
        return Log(text, str(kept))

    def _mark(self, line: str) -> None:
        # Without the newline the kernel waits for the rest of the line.
        self.write("/dev/kmsg", f"<6>{line}\n".encode())

    def _flush(self) -> bool:
        """Have everything logged so far reach the console; False when the guest does not answer."""
        token = f"usbip-rs-test: end {self._label} {next(self._numbers)}"
        position = self.console.position
        try:
            self._mark(token)
        except (GuestError, CommandTimeout):
            return False
        return self.console.wait_for(token, position, 10 * self.env.patience)

    def _dmesg(self) -> str:
        text = self.run("dmesg -x", check=False).out
        return text[max(text.rfind(f"usbip-rs-test: begin {self._label}"), 0) :]
