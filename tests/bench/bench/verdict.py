# SPDX-License-Identifier: GPL-2.0
"""The comparison: medians of all perturbations, and a difference only where it is significant."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from . import target
from .cell import OURS, Cell, Stack
from .samples import Samples
from .target import Target


# What is compared.
FIGURES = ("instructions", "segments", "wire_bytes", "added p50", "interval_mean", "interval_deviation")


class Verdict(StrEnum):
    """What came of a target."""

    AIM = "aim"
    PASS = "pass"
    MISS = "MISS"


@dataclass(frozen=True)
class Comparison:
    """A figure of C and of ours, and what their ratio is to be."""

    cell: Cell
    stack: Stack
    figure: str
    c: float
    ours: float
    target: Target

    @property
    def ratio(self) -> float:
        """Ours divided by C; what both do not need at all is equal."""
        return self.ours / self.c if self.c else 1.0 if not self.ours else float("inf")

    @property
    def is_significant(self) -> bool:
        """Whether ours and C differ at all."""
        return abs(self.ratio - 1) > self.cell.significance

    @property
    def verdict(self) -> Verdict:
        """Whether the target was met."""
        if self.target.aim is not None and self.ratio <= self.target.aim:
            return Verdict.AIM
        is_met = self.ratio <= self.target.must or 0 < self.ours - self.c <= self.target.grain
        return Verdict.PASS if is_met else Verdict.MISS


def compare(samples: Samples, cell: Cell) -> Iterator[Comparison]:
    """All comparisons a cell is good for."""
    for stack, figure in product(OURS, FIGURES):
        bounds = target.of(cell, stack, figure)
        c, ours = _figure(samples, cell, Stack.C, figure), _figure(samples, cell, stack, figure)
        if bounds and c is not None and ours is not None:
            yield Comparison(cell, stack, figure, c, ours, bounds)


def _figure(samples: Samples, cell: Cell, stack: Stack, figure: str) -> float | None:
    if not figure.startswith("added "):
        return samples.median(cell, stack, figure)
    name = figure.removeprefix("added ")
    through, direct = samples.median(cell, stack, name), samples.median(cell, Stack.DIRECT, name)
    return None if through is None or direct is None else through - direct
