# SPDX-License-Identifier: GPL-2.0
"""The driver contract: the checks of tests/contract, what they are to find, and what they find in guests.

Both kinds of modules are checked at the same time, each in a guest of its own.
"""

import re
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .agent import CommandTimeout
from .dmesg import Log
from .env import Env
from .guest import Guest, GuestError
from .modules import Kind
from .pool import Pool
from .program import install_alone
from .qemu import Machine
from .suspend import REOPEN

CONTRACT = Path(__file__).resolve().parents[2] / "contract"
GROUP_SECONDS = 75
MISSING = "(no outcome)"
_LANES = 4
_MORE_TRIES_OF_C = 3
# When the emulated controller has lost something.
_TRIES = 3


def _devices() -> tuple[str, ...]:
    """What is exported: sticks that read as zeros, sound cards for isochronous transfers, keyboards that have nothing
    to say; one of each for every check that runs at a time. On a controller with ports for all, so that none is on a
    hub.
    """
    options = ["-audiodev", "none,id=mute", "-device", "qemu-xhci,id=lanes,p2=15,p3=15"]
    for lane in range(_LANES):
        options += ["-blockdev", f"driver=null-co,node-name=contract{lane},size=16777216,read-zeroes=on"]
        options += ["-device", f"usb-storage,drive=contract{lane},serial=CONTRACT,bus=lanes.0"]
        options += ["-device", "usb-audio,audiodev=mute,bus=lanes.0", "-device", "usb-kbd,bus=lanes.0"]
    return tuple(options)


# Nobody else is to talk to what is exported: the drivers for it are not loaded.
_QUIET = "modprobe.blacklist=usb_storage,uas,snd_usb_audio,usbhid"
# As for all tests of ours: freed memory is poisoned. The C modules do not survive that.
_WORDS = {Kind.C: _QUIET, Kind.RS: f"{_QUIET} slab_debug=FZP"}


def machine(kind: Kind) -> Machine:
    """A guest with devices for as many lanes as there are."""
    return Machine(name=f"contract-{kind}", extra=_devices(), words=_WORDS[kind])


@dataclass(frozen=True)
class Check:
    """One row of the table; without a reason for a difference there must be none."""

    id: str
    group: str
    warts: str = ""
    why: str = ""
    c: str = ""
    ours: str = ""
    crash: str = ""

    @property
    def is_fix(self) -> bool:
        """Whether ours are to differ."""
        return bool(self.warts)


def _read_group(file: Path) -> list[Check]:
    table = tomllib.loads(file.read_text())
    group = file.stem
    kept = [Check(f"{group}.{name}", group) for name in table["keep"]]
    fixed = [Check(f"{group}.{name}", group, **row) for name, row in table.get("fix", {}).items()]
    return kept + fixed


GROUPS = {file.stem: _read_group(file) for file in sorted((CONTRACT / "table").glob("*.toml"))}
# The groups in which something is sent.
CONNECTED = (
    "concurrency", "ending", "enumeration", "export", "hostile", "interop", "iso", "overdue", "replies", "special",
    "unlink",
)  # fmt: skip
# Over TCP a peer that stops reading is found out only when the buffers in between are full.
NOT_OVER_TCP = ("ending.stops-reading",)
CHECKS = [check for checks in GROUPS.values() for check in checks]


_AFTER = {"suspend": REOPEN}
# The usual eight controllers take 13 seconds to load on a debug kernel. Each lane has one, and the checks of what ends
# while it is enumerated have three more (UNADDRESSED, AFTERWARDS and AGAIN in checks/ending.rs).
_OPTIONS = Path("/etc/modprobe.d/contract.conf")
_FEW = f"echo options vhci_hcd_rs controllers={_LANES + 3} > {_OPTIONS}; "


def _spoils(kind: Kind) -> Callable[[str], bool]:
    """Tells whether a guest is no good any more after a complaint: one of ours after any."""
    harmless = ("WARNING:", "Call Trace:") if kind is Kind.C else ()
    return lambda line: not any(text in line for text in harmless)


def _controller_forgot(log: Log) -> bool:
    """Whether a request of usbcore's own to an exported device was not answered within five seconds.

    QEMU's xHC loses one now and then under Debian testing's kernel, while a neighbour is reset. What is found then does
    not count.
    """
    return re.search(r"usbip-host \S+: can't set config #\d+, error -110", log.text) is not None


def _outcomes(output: str) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in output.splitlines() if "\t" in line)


@dataclass(frozen=True)
class _Run:
    """A group with one kind of modules, and how they are connected to their peers."""

    kind: Kind
    group: str
    wire: str = "unix"

    @property
    def name(self) -> str:
        """What its directory of logs and its files in the guest are named after."""
        return self.group if self.wire == "unix" else f"{self.group}-{self.wire}"


class Runs:
    """Runs groups when one of their checks is asked for, each once."""

    def __init__(self, env: Env, pool: Pool) -> None:
        self._env = env
        self._pool = pool
        # What C does is known from the stock kernel, where all of it is compared.
        self._kinds = (Kind.RS,) if env.debug else tuple(Kind)
        self._outcomes: dict[_Run, dict[str, str]] = {}
        self._logs: dict[_Run, Log] = {}

    def outcome(self, kind: Kind, check: Check) -> str:
        """What a check found."""
        if kind is Kind.C and check.crash:
            return f"(not run: {check.crash})"
        if kind not in self._kinds:
            return check.c
        return self.outcomes(kind, check.group).get(check.id, MISSING)

    def outcomes(self, kind: Kind, group: str) -> dict[str, str]:
        """What all checks of a group found."""
        run = _Run(kind, group)
        if run not in self._outcomes:
            self._compare(group)
        return self._outcomes[run]

    def over_tcp(self, group: str) -> tuple[dict[str, str], Log]:
        """What the checks of a group find with ours over TCP, and what the kernel says meanwhile."""
        run = _Run(Kind.RS, group, "tcp")
        self._run([run])
        return self._outcomes[run], self._logs[run]

    def log(self, kind: Kind, group: str) -> Log:
        """What the kernel said meanwhile."""
        self.outcomes(kind, group)
        return self._logs[_Run(kind, group)]

    @property
    def ran(self) -> list[Check]:
        """The checks of the groups that have been compared."""
        return [check for check in CHECKS if _Run(Kind.RS, check.group) in self._outcomes]

    def _compare(self, group: str) -> None:
        self._run([_Run(kind, group) for kind in self._kinds])
        run = _Run(Kind.C, group)
        for _ in range(_MORE_TRIES_OF_C if Kind.C in self._kinds else 0):
            first = self._outcomes[run]
            odd = self._odd_for_c(group)
            if not odd:
                break
            # It loses a race now and then, and hangs or forgets; what it does otherwise is what is asked for.
            self._run([run])
            self._outcomes[run] = first | {id: self._outcomes[run].get(id, MISSING) for id in odd}

    def _run(self, runs: list[_Run]) -> None:
        """All of them at a time; again those of ours that do not count."""
        for _ in range(_TRIES):
            guests = self._pool.take(*(machine(run.kind) for run in runs))
            with ThreadPoolExecutor() as threads:
                clean = list(threads.map(self._run_in, guests, runs))
            for guest, is_clean in zip(guests, clean, strict=True):
                self._pool.give_back(guest, clean=is_clean)
            runs = [run for run in runs if run.kind is Kind.RS and _controller_forgot(self._logs[run])]
            if not runs:
                break

    def _odd_for_c(self, group: str) -> list[str]:
        """The checks whose outcome with C is neither that with ours nor what the table says of C."""
        c, ours = (self._outcomes[_Run(kind, group)] for kind in Kind)
        known = [check for check in GROUPS.get(group, []) if not check.crash]
        return [check.id for check in known if c.get(check.id) != (check.c if check.is_fix else ours.get(check.id))]

    def _run_in(self, guest: Guest, run: _Run) -> bool:
        """Whether the guest is as good as new afterwards."""
        guest.begin(f"contract {run.name}")
        directory = self._env.logs / f"test_contract.{run.name}"
        output, times = self._output(guest, run)
        log = guest.finish(directory)
        (directory / f"{run.kind}.times").write_text(times)
        self._logs[run] = log
        self._outcomes[run] = _outcomes(output)
        spoilt = any(map(_spoils(run.kind), log.complaints)) or _controller_forgot(log)
        return bool(output) and guest.alive and not spoilt

    def _output(self, guest: Guest, run: _Run) -> tuple[str, str]:
        skipped = [check.id for check in GROUPS.get(run.group, []) if check.crash] if run.kind is Kind.C else []
        skipped += NOT_OVER_TCP if run.wire == "tcp" else ()
        kept, end = f"/tmp/{run.name}", f"contract: end of {run.name}"
        try:
            program = install_alone(guest, "contract")
            command = " ".join([program, run.kind, run.wire, str(self._env.patience), run.group, *skipped])
            begin = guest.console.position
            # In the background: the agent's port does not survive being asked during a suspend.
            few = _FEW if self._env.debug else ""
            checks = f"{few}{command} > {kept}.outcomes 2> {kept}.times; rm -f {_OPTIONS}"
            work = f"{checks}; {_AFTER.get(run.group, '')} echo '{end}' > /dev/kmsg"
            guest.run(f"({work}) > /dev/null 2>&1 &")
            self._wait(guest, end, begin)
            # Through files: what was found before a hang is not lost.
            return guest.read(f"{kept}.outcomes"), guest.read(f"{kept}.times")
        except (CommandTimeout, GuestError):
            return "", ""

    def _wait(self, guest: Guest, text: str, position: int) -> None:
        deadline = time.monotonic() + GROUP_SECONDS * self._env.patience
        while guest.alive and time.monotonic() < deadline:
            if guest.console.wait_for(text, position, 1):
                return
