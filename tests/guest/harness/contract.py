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
    "concurrency", "ending", "enumeration", "export", "hostile", "interop", "iso", "replies", "special", "unlink",
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


class Runs:
    """Runs groups when one of their checks is asked for, each once."""

    def __init__(self, env: Env, pool: Pool) -> None:
        self._env = env
        self._pool = pool
        # What C does is known from the stock kernel, where all of it is compared.
        self._kinds = (Kind.RS,) if env.debug else tuple(Kind)
        self._outcomes: dict[tuple[Kind, str], dict[str, str]] = {}
        self._logs: dict[tuple[Kind, str], Log] = {}

    def outcome(self, kind: Kind, check: Check) -> str:
        """What a check found."""
        if kind is Kind.C and check.crash:
            return f"(not run: {check.crash})"
        if kind not in self._kinds:
            return check.c
        return self.outcomes(kind, check.group).get(check.id, MISSING)

    def outcomes(self, kind: Kind, group: str) -> dict[str, str]:
        """What all checks of a group found."""
        if (kind, group) not in self._outcomes:
            self._run(group)
        return self._outcomes[kind, group]

    def over_tcp(self, group: str) -> tuple[dict[str, str], Log]:
        """What the checks of a group find with ours over TCP, and what the kernel says meanwhile."""
        for _ in range(_TRIES):
            [guest] = self._pool.take(machine(Kind.RS))
            guest.begin(f"contract {group} over TCP")
            output, _ = self._output(guest, Kind.RS, group, "tcp")
            log = guest.finish(self._env.logs / f"test_contract.{group}-tcp")
            forgot = _controller_forgot(log)
            self._pool.give_back(guest, clean=bool(output) and guest.alive and not log.complaints and not forgot)
            if not forgot:
                break
        return _outcomes(output), log

    def log(self, kind: Kind, group: str) -> Log:
        """What the kernel said meanwhile."""
        self.outcomes(kind, group)
        return self._logs[kind, group]

    @property
    def ran(self) -> list[Check]:
        """The checks of the groups that have run."""
        groups = {group for _, group in self._outcomes}
        return [check for check in CHECKS if check.group in groups]

    def _run(self, group: str) -> None:
        self._run_kinds(group, *self._kinds)
        for _ in range(_TRIES - 1):
            if not _controller_forgot(self._logs[Kind.RS, group]):
                break
            self._run_kinds(group, Kind.RS)
        for _ in range(_MORE_TRIES_OF_C if Kind.C in self._kinds else 0):
            first = self._outcomes[Kind.C, group]
            odd = self._odd_for_c(group)
            if not odd:
                break
            # It loses a race now and then, and hangs or forgets; what it does otherwise is what is asked for.
            self._run_kinds(group, Kind.C)
            self._outcomes[Kind.C, group] = first | {id: self._outcomes[Kind.C, group].get(id, MISSING) for id in odd}

    def _run_kinds(self, group: str, *kinds: Kind) -> None:
        guests = self._pool.take(*map(machine, kinds))
        with ThreadPoolExecutor() as threads:
            clean = list(threads.map(self._run_kind, guests, kinds, [group] * len(kinds)))
        for guest, is_clean in zip(guests, clean, strict=True):
            self._pool.give_back(guest, clean=is_clean)

    def _odd_for_c(self, group: str) -> list[str]:
        """The checks whose outcome with C is neither that with ours nor what the table says of C."""
        c, ours = (self._outcomes[kind, group] for kind in Kind)
        known = [check for check in GROUPS.get(group, []) if not check.crash]
        return [check.id for check in known if c.get(check.id) != (check.c if check.is_fix else ours.get(check.id))]

    def _run_kind(self, guest: Guest, kind: Kind, group: str) -> bool:
        guest.begin(f"contract {group}")
        directory = self._env.logs / f"test_contract.{group}"
        output, times = self._output(guest, kind, group, "unix")
        log = guest.finish(directory)
        (directory / f"{kind}.times").write_text(times)
        self._logs[kind, group] = log
        self._outcomes[kind, group] = _outcomes(output)
        return bool(output) and guest.alive and not any(map(_spoils(kind), log.complaints))

    def _output(self, guest: Guest, kind: Kind, group: str, wire: str) -> tuple[str, str]:
        skipped = [check.id for check in GROUPS.get(group, []) if check.crash] if kind is Kind.C else []
        skipped += NOT_OVER_TCP if wire == "tcp" else ()
        kept, end = f"/tmp/{group}", f"contract: end of {group}"
        try:
            program = install_alone(guest, "contract")
            command = " ".join([program, kind, wire, str(self._env.patience), group, *skipped])
            begin = guest.console.position
            # In the background: the agent's port does not survive being asked during a suspend.
            few = _FEW if self._env.debug else ""
            run = f"{few}{command} > {kept}.outcomes 2> {kept}.times; rm -f {_OPTIONS}"
            work = f"{run}; {_AFTER.get(group, '')} echo '{end}' > /dev/kmsg"
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
