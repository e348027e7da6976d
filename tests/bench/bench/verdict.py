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

# What is compared with C.
FIGURES = (
    "instructions", "segments", "wire_bytes", "added p50", "p99", "interval_mean", "interval_deviation",
)  # fmt: skip


class Verdict(StrEnum):
    """What came of a target."""

    AIM = "aim"
    PASS = "pass"
    MISS = "MISS"


@dataclass(frozen=True)
class Comparison:
    """A figure of a reference and of ours, and what their ratio is to be."""

    cell: Cell
    stack: Stack
    figure: str
    reference: float
    ours: float
    target: Target

    @property
    def ratio(self) -> float:
        """Ours divided by the reference; what both do not need at all is equal."""
        return self.ours / self.reference if self.reference else 1.0 if not self.ours else float("inf")

    @property
    def verdict(self) -> Verdict:
        """Whether the target was met."""
        if self.target.aim is not None and self.ratio <= self.target.aim:
            return Verdict.AIM
        is_met = self.ratio <= self.target.must or 0 < self.ours - self.reference <= self.target.grain
        return Verdict.PASS if is_met else Verdict.MISS


def compare(samples: Samples, cell: Cell) -> Iterator[Comparison]:
    """All comparisons with C a cell is good for."""
    for stack, figure in product(OURS, FIGURES):
        bounds = target.of(cell, stack, figure)
        c, ours = _figure(samples, cell, Stack.C, figure), _figure(samples, cell, stack, figure)
        if bounds and c is not None and ours is not None:
            yield Comparison(cell, stack, figure, c, ours, bounds)


def compare_all(samples: Samples) -> Iterator[Comparison]:
    """All comparisons, those of ours with ours included."""
    for cell in sorted(samples.figures):
        yield from compare(samples, cell)
        if wanted := target.of_ours(cell):
            other, figure, bounds = wanted
            before = _figure(samples, other, Stack.OURS, figure)
            ours = _figure(samples, cell, Stack.OURS, figure)
            if before is not None and ours is not None:
                yield Comparison(cell, Stack.OURS, figure, before, ours, bounds)


def _figure(samples: Samples, cell: Cell, stack: Stack, figure: str) -> float | None:
    if not figure.startswith("added "):
        return samples.median(cell, stack, figure)
    name = figure.removeprefix("added ")
    through, direct = samples.median(cell, stack, name), samples.median(cell, Stack.DIRECT, name)
    return None if through is None or direct is None else through - direct
