# SPDX-License-Identifier: GPL-2.0
"""One QEMU process: its command line, its sockets, its end."""

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from .env import Env
from .qmp import Qmp

# Enough for any emulated guest on a busy host: what a watchdog reports then is a real hang. KCSAN waits for another
# access for as long as an emulated processor takes for what a real one does in the usual 80 us: those found nothing.
KERNEL_WORDS = (
    "console=ttyS0 earlyprintk=serial,ttyS0 loglevel=7 panic=-1 net.ifnames=0"
    " rcupdate.rcu_cpu_stall_timeout=120 rcupdate.rcu_exp_cpu_stall_timeout=0 watchdog_thresh=60"
    " kcsan.udelay_task=500 kcsan.udelay_interrupt=100"
    " printk.devkmsg=on usb_storage.delay_use=0 mitigations=off apparmor=0 audit=0 random.trust_cpu=on"
)
START_SECONDS = 15.0
# What a loudspeaker is given is recorded as it is.
_SAMPLES = "out.frequency=48000,out.channels=2,out.format=s16,out.fixed-settings=on"


@dataclass(frozen=True)
class Machine:
    """What a guest is made of."""

    name: str = "guest"
    address: str = ""
    memory: int = 768
    cpus: int = 2
    extra: tuple[str, ...] = field(default_factory=tuple)
    words: str = ""
    interactive: bool = False


class QemuFailed(Exception):
    """QEMU did not start."""


class Qemu:
    """A running QEMU; everything it makes lives in one directory."""

    def __init__(self, env: Env, machine: Machine, initramfs: Path, directory: Path) -> None:
        self.directory = directory
        self.console = directory / "console.log"
        self._errors = directory / "qemu.log"
        self.console.touch()
        command = self._command(env, machine, initramfs)
        (directory / "qemu.cmd").write_text(" ".join(command) + "\n")
        keyboard = None if machine.interactive else subprocess.DEVNULL
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(command, stdin=keyboard, stderr=errors)
        self.qmp = self._connect()

    @property
    def agent_socket(self) -> Path:
        """Where the guest agent's port can be reached."""
        return self.directory / "agent"

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the process to end by itself."""
        self._process.wait(timeout)

    def stop(self) -> None:
        """End the process, whatever state it is in; the guest's disks are scratch."""
        self.qmp.close()
        self._process.kill()
        self._process.wait()

    def _connect(self) -> Qmp:
        path = self.directory / "qmp"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.running:
            try:
                return Qmp(path)
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.02)
        self._process.kill()
        raise QemuFailed(f"QEMU did not start: {self._errors.read_text().strip()}")

    def _command(self, env: Env, machine: Machine, initramfs: Path) -> list[str]:
        words = f"{KERNEL_WORDS} usbip.name={machine.name}"
        if machine.address:
            words += f" usbip.address={machine.address}"
        # The debug kernel's shadow memory and quarantine.
        memory = machine.memory + (768 if env.debug else 0)
        # Emulated string instructions are slower than the loops the kernel uses without them. KASAN takes an interrupt
        # that comes while the kernel looks for a fifth level of page tables for a stray access.
        cpu = "host" if env.accel == "kvm" else "max,erms=off,fsrm=off,la57=off"
        return [
            "qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none",
            "-machine", "q35,i8042=off", "-accel", env.accel, "-cpu", cpu,
            "-smp", str(machine.cpus), "-m", str(memory),
            "-kernel", str(env.vmlinuz), "-initrd", str(initramfs), "-append", f"{words} {machine.words}",
            "-qmp", f"unix:{self.directory / 'qmp'},server=on,wait=off",
            *self._console_options(machine),
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self.agent_socket},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
            "-drive", f"if=none,id=image,file={env.guest_root},format=raw,readonly=on",
            "-device", "virtio-blk-pci,drive=image",
            "-device", "qemu-xhci,id=xhci,p2=8,p3=8", "-device", "usb-ehci,id=ehci",
            "-audiodev", f"wav,id=speaker,path={self.directory / 'speaker.wav'},{_SAMPLES}",
            *machine.extra,
        ]  # fmt: skip

    def _console_options(self, machine: Machine) -> list[str]:
        kind = "stdio,signal=off" if machine.interactive else "null"
        chardev = f"{kind},id=console,logfile={self.console},logappend=off"
        return ["-chardev", chardev, "-serial", "chardev:console"]
