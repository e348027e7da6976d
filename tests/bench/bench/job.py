# SPDX-License-Identifier: GPL-2.0
"""What one guest does, in the words of inside/lib.sh."""

from dataclasses import dataclass

from .cell import Cell, Stack
from .perturbation import Perturbation


@dataclass(frozen=True)
class Job:
    """The cells a guest measures with one stack."""

    suite: str
    variant: str
    stack: Stack
    perturbation: Perturbation
    setup: tuple[str, ...]
    loads: tuple[str, ...]

    @property
    def name(self) -> str:
        """The job in one word."""
        return f"{self.suite}-{self.variant}-{self.stack.replace(' ', '-')}-{self.perturbation.number}"

    @property
    def script(self) -> str:
        """The script."""
        # What is going on since boot is not to fall into the first measurements.
        return "\n".join([*self.setup, f"sleep {self.perturbation.rest}", *self.loads]) + "\n"


def plan(cell: Cell) -> str:
    """What the load programs are told: direction, size, depth, and how many URBs make a measurement.

    Those are many more than are under way at its ends, whose work belongs to neither side.
    """
    enough = 600 if cell.size <= 4096 else 400 if cell.size <= 16384 else 200 if cell.size <= 65536 else 80
    return f"{cell.action} {cell.size} {cell.depth} {max(enough, 20 * cell.depth)}"
