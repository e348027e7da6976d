# SPDX-License-Identifier: GPL-2.0
"""Allocations that fail, one after the other: tests/faults, run in a guest."""

import os
from dataclasses import dataclass

from .guest import Guest
from .program import install_alone

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
    program = install_alone(guest, "faults")
    result = guest.run(f"{program} {guest.env.patience} '{name}' 2>&1", check=False, timeout=240)
    if result.code != 0:
        raise FaultError(result.out)
    rows = [line.split("\t") for line in result.out.splitlines() if line.count("\t") == 3]
    return [Row(name, by, int(faults), outcomes) for name, by, faults, outcomes in rows]
