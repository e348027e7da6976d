# SPDX-License-Identifier: GPL-2.0
"""What one guest does, in the words of inside/lib.sh."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from .cell import Cell, Stack
from .perturbation import Perturbation

# Seconds a guest takes to boot and to rest, on a processor of its own.
_BOOT = 12


@dataclass(frozen=True)
class Job:
    """The cells a guest measures with one stack; SECONDS is about what a cell takes."""

    suite: str
    variant: str
    stack: Stack
    perturbation: Perturbation
    setup: tuple[str, ...]
    loads: tuple[str, ...]
    seconds: float = 1.0

    @property
    def name(self) -> str:
        """The job in one word."""
        return f"{self.suite}-{self.variant}-{self.stack.replace(' ', '-')}-{self.perturbation.number}"

    @property
    def script(self) -> str:
        """The script."""
        # What is going on since boot is not to fall into the first measurements.
        return "\n".join([*self.setup, f"sleep {self.perturbation.rest}", *self.loads]) + "\n"

    @property
    def labels(self) -> list[str]:
        """The labels of its cells."""
        return [label for load in self.loads if (label := self._label(load))]

    @property
    def estimate(self) -> float:
        """About the seconds it takes on a processor of its own."""
        return _BOOT + self.seconds * len(self.labels)

    def only(self, patterns: Iterable[str]) -> "Job":
        """The job without the cells whose labels fit no pattern; what is between cells stays."""
        return replace(self, loads=tuple(load for load in self.loads if _fits(self._label(load), patterns)))

    def _label(self, load: str) -> str | None:
        found = re.search(rf"\b{self.suite}(/[^/\s]+){{4}}", load)
        return found[0] if found else None


def _fits(label: str | None, patterns: Iterable[str]) -> bool:
    return label is None or any(fnmatchcase(label, pattern) for pattern in patterns)


def plan(cell: Cell) -> str:
    """What the load programs are told: direction, size, depth, and how many URBs make a measurement.

    Those are many more than are under way at its ends, whose work belongs to neither side.
    """
    enough = 600 if cell.size <= 4096 else 400 if cell.size <= 65536 else 160
    return f"{cell.action} {cell.size} {cell.depth} {max(enough, 20 * cell.depth)}"
