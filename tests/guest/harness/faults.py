# SPDX-License-Identifier: GPL-2.0
"""Allocations that fail, one after the other: tests/faults, run in a guest."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .env import Env
from .guest import Guest

_SOURCE = Path(__file__).resolve().parents[2] / "faults"
_PROGRAM = "/tmp/faults"
# Selects operations by a part of their name.
NAME = os.environ.get("FAULTS", "")


class FaultError(AssertionError):
    """A driver did not take a failed allocation well, as the program saw it."""


@dataclass(frozen=True)
class Row:
    """An operation: whose allocations failed, how many, what came of it."""

    name: str
    by: str
    faults: int
    outcomes: str

    def __str__(self) -> str:
        return f"{self.name:32}{self.by:16}{self.faults:>7}  {self.outcomes}"


def inject(guest: Guest, name: str) -> list[Row]:
    """Carry out the operations with NAME in theirs, one allocation failing after the other."""
    # Making links to device nodes is most of a guest's work, and nobody has use for them.
    guest.run("udevadm control --exit", check=False)
    guest.write(_PROGRAM, _build(guest.env).read_bytes(), "0755")
    result = guest.run(f"{_PROGRAM} {guest.env.patience} '{name}' 2>&1", check=False, timeout=240)
    if result.code != 0:
        raise FaultError(result.out)
    rows = [line.split("\t") for line in result.out.splitlines() if line.count("\t") == 3]
    return [Row(name, by, int(faults), outcomes) for name, by, faults, outcomes in rows]


@cache
def _build(env: Env) -> Path:
    command = ["cargo", "build", "--release", "--locked", "--manifest-path", str(_SOURCE / "Cargo.toml")]
    subprocess.run(command, check=True)
    return env.tools / "faults"
