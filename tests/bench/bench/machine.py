# SPDX-License-Identifier: GPL-2.0
"""The virtual machine a job runs in."""

import hashlib
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.dmesg import Log
from harness.env import Env

from .perturbation import Perturbation
from .root import with_job

# Nothing in the guest is to depend on chance or on the host's time. Debian's hardening stays as users have it.
_WORDS = (
    "console=ttyS0 quiet panic=-1 nokaslr norandmaps mitigations=off kfence.sample_interval=0 tsc=reliable"
    " clocksource=tsc no_timer_check nowatchdog random.trust_bootloader=off"
)
# With fsrm the kernel copies with one instruction that TCG counts once for each byte; random numbers of the
# processor would be the host's.
_COUNTING_CPU = "max,-erms,-fsrm,-rdrand,-rdseed,-smap,-la57,-pks"
_TIMEOUT = 1800.0
_FINISHED = "finished"


class Clock(StrEnum):
    """What time it is in the guest."""

    # One instruction is a nanosecond, and idle time is skipped: the same to the last instruction on any host.
    INSTRUCTIONS = "instructions"
    # The host's, under KVM.
    WALL = "wall"


class BadRun(Exception):
    """A guest did not do what it was to."""


@dataclass(frozen=True)
class Machine:
    """How guests are run: what all jobs of a run have in common."""

    env: Env
    clock: Clock
    plugin: Path
    qemu: str

    def run(
        self, root: bytes, job: str, perturbation: Perturbation, directory: Path, watched: tuple[int, ...] = ()
    ) -> list[str]:
        """Run a job in a guest of its own and return its results, line by line.

        DIRECTORY gets everything the guest says, and in `counts` what the plugin counted; the instructions at the
        addresses WATCHED are counted, too. What is there already from the same guest is not measured again.
        """
        directory.mkdir(parents=True, exist_ok=True)
        content = with_job(root, job)
        command = self._command(perturbation.memory, directory, watched)
        key, kept = self._key(content, command), directory / "key"
        if not kept.exists() or kept.read_text() != key:
            kept.unlink(missing_ok=True)
            self._boot(content, command, directory)
        lines = _results(directory)
        # Times are others each time, instructions are not.
        if self.clock is Clock.INSTRUCTIONS:
            kept.write_text(key)
        return lines

    def _boot(self, content: bytes, command: list[str], directory: Path) -> None:
        initramfs = directory / "initramfs"
        initramfs.write_bytes(content)
        (directory / "qemu.cmd").write_text(" ".join(command) + "\n")
        try:
            with (directory / "qemu.log").open("wb") as log:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_TIMEOUT, check=True)
        except subprocess.SubprocessError as error:
            raise BadRun(f"QEMU: {error}; see {directory}") from error
        finally:
            initramfs.unlink()
        Log((directory / "console").read_text(errors="replace"), str(directory / "console")).check()

    def _key(self, content: bytes, command: list[str]) -> str:
        """All that the figures depend on."""
        parts = [content, self.plugin.read_bytes(), self.qemu.encode(), " ".join(command).encode()]
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    def _command(self, memory: int, directory: Path, watched: tuple[int, ...]) -> list[str]:
        return [
            "qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none",
            "-machine", "pc,hpet=off", "-m", str(memory), *self._clock_options(directory, watched),
            "-kernel", str(self.env.vmlinuz), "-initrd", str(directory / "initramfs"), "-append", _WORDS,
            "-serial", f"file:{directory / 'console'}", "-serial", f"file:{directory / 'results'}",
        ]  # fmt: skip

    def _clock_options(self, directory: Path, watched: tuple[int, ...]) -> list[str]:
        if self.clock is Clock.WALL:
            return ["-accel", "kvm", "-cpu", "host", "-smp", "2"]
        watch = "".join(f",watch={address:x}" for address in watched)
        return [
            "-accel", "tcg,tb-size=256", "-cpu", _COUNTING_CPU, "-smp", "1", "-icount", "shift=0,sleep=off",
            "-rtc", "base=2026-01-01,clock=vm", "-plugin", f"{self.plugin},out={directory / 'counts'}{watch}",
        ]  # fmt: skip


def _results(directory: Path) -> list[str]:
    lines = (directory / "results").read_text(errors="replace").splitlines()
    if lines[-1:] != [_FINISHED]:
        raise BadRun(f"the job ended early, after {len(lines)} results; see {directory / 'console'}")
    return lines[:-1]
