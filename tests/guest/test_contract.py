# SPDX-License-Identifier: GPL-2.0
"""The driver contract: one program, run against the C modules and against ours, has to find the same.

Where ours are better on purpose, tests/contract/table says how, why, and what C does. Any other
difference fails. The whole table, check by check, is left in $USBIP_OUT/logs/contract-table.txt.
"""

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.agent import CommandTimeout
from harness.dmesg import Log
from harness.env import Env
from harness.guest import Guest, GuestError
from harness.modules import Kind
from harness.pool import Pool
from harness.qemu import Machine

CONTRACT = Path(__file__).resolve().parent.parent / "contract"
PROGRAM = "/tmp/contract"
GROUP_SECONDS = 150
MISSING = "(no outcome)"

# What is exported: a stick that reads as zeros, a sound card for isochronous transfers, and a keyboard
# that has nothing to say.
DEVICES = (
    "-blockdev", "driver=null-co,node-name=contract,size=16777216,read-zeroes=on",
    "-device", "usb-storage,drive=contract,serial=CONTRACT,bus=xhci.0",
    "-audiodev", "none,id=mute", "-device", "usb-audio,audiodev=mute,bus=xhci.0",
    "-device", "usb-kbd,bus=xhci.0",
)  # fmt: skip
# As for all tests of ours: freed memory is poisoned. The C modules do not survive that.
WORDS = {Kind.C: "", Kind.RS: "slab_debug=FZP"}


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


def _checks(file: Path) -> list[Check]:
    table = tomllib.loads(file.read_text())
    group = file.stem
    kept = [Check(f"{group}.{name}", group) for name in table["keep"]]
    fixed = [Check(f"{group}.{name}", group, **row) for name, row in table.get("fix", {}).items()]
    return kept + fixed


GROUPS = {file.stem: _checks(file) for file in sorted((CONTRACT / "table").glob("*.toml"))}
CHECKS = [check for checks in GROUPS.values() for check in checks]


class Runs:
    """Runs groups when one of their checks is asked for, each once per kind of modules."""

    def __init__(self, env: Env, pool: Pool) -> None:
        self._env = env
        self._pool = pool
        self._outcomes: dict[tuple[Kind, str], dict[str, str]] = {}
        self._logs: dict[tuple[Kind, str], Log] = {}
        self._program = self._build()

    def outcome(self, kind: Kind, check: Check) -> str:
        """What a check found."""
        if kind is Kind.C and check.crash:
            return f"(not run: {check.crash})"
        return self.outcomes(kind, check.group).get(check.id, MISSING)

    def outcomes(self, kind: Kind, group: str) -> dict[str, str]:
        """What all checks of a group found."""
        key = (kind, group)
        if key not in self._outcomes:
            self._outcomes[key] = self._run(kind, group)
        return self._outcomes[key]

    def log(self, kind: Kind, group: str) -> Log:
        """What the kernel said meanwhile."""
        self.outcomes(kind, group)
        return self._logs[kind, group]

    def table(self) -> str:
        """Every check of the groups that have run."""
        groups = {group for _, group in self._outcomes}
        return "\n".join(self._row(check) for check in CHECKS if check.group in groups) + "\n"

    def _row(self, check: Check) -> str:
        c, ours = self.outcome(Kind.C, check), self.outcome(Kind.RS, check)
        if check.is_fix:
            verdict = f"FIX {check.warts} {check.why}" if ours == check.ours else "WRONG"
        else:
            verdict = "same" if c == ours else "DIFFERENT"
        return f"{check.id}\n  C    {c}\n  ours {'the same' if c == ours else ours}\n  {verdict}"

    def _run(self, kind: Kind, group: str) -> dict[str, str]:
        [guest] = self._pool.take(Machine(name=f"contract-{kind}", extra=DEVICES, words=WORDS[kind]))
        guest.begin(f"contract {group}")
        output = self._output(guest, kind, group)
        log = guest.finish(self._env.logs / f"test_contract.{group}")
        self._logs[kind, group] = log
        self._pool.give_back(guest, clean=bool(output) and guest.alive and not log.complaints)
        return dict(line.split("\t", 1) for line in output.splitlines() if "\t" in line)

    def _output(self, guest: Guest, kind: Kind, group: str) -> str:
        skipped = [check.id for check in GROUPS[group] if check.crash] if kind is Kind.C else []
        command = " ".join([PROGRAM, kind, str(self._env.patience), group, *skipped])
        kept = f"/tmp/{group}.outcomes"
        try:
            guest.write(PROGRAM, self._program.read_bytes(), "0755")
            # Through a file: what was found before a hang is not lost.
            guest.run(f"{command} > {kept}", timeout=GROUP_SECONDS, check=False)
        except CommandTimeout:
            pass
        except GuestError:
            return ""
        return guest.read(kept)

    def _build(self) -> Path:
        manifest = CONTRACT / "Cargo.toml"
        subprocess.run(["cargo", "build", "--release", "--locked", "--manifest-path", str(manifest)], check=True)
        return self._env.tools / "contract"


@pytest.fixture(scope="module")
def runs(env: Env, pool: Pool) -> Iterator[Runs]:
    """All runs of the program; leaves their table behind."""
    runs = Runs(env, pool)
    yield runs
    env.logs.mkdir(parents=True, exist_ok=True)
    (env.logs / "contract-table.txt").write_text(runs.table())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_check(runs: Runs, check: Check) -> None:
    """Ours find what C finds, or what the table says."""
    c, ours = runs.outcome(Kind.C, check), runs.outcome(Kind.RS, check)
    assert MISSING not in (c, ours)
    if not check.is_fix:
        assert ours == c
        return
    assert ours == check.ours, check.why
    if not check.crash:
        assert c == check.c, "the table is wrong about C"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", GROUPS)
def test_complete(runs: Runs, group: str) -> None:
    """Every check that runs is in the table."""
    known = {check.id for check in GROUPS[group]}
    assert set(runs.outcomes(Kind.RS, group)) == known


@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", GROUPS)
def test_kernel_log(runs: Runs, group: str) -> None:
    """The kernel has nothing to say against our modules."""
    runs.log(Kind.RS, group).check()
