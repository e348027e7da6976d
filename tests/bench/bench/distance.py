# SPDX-License-Identifier: GPL-2.0
"""The whole path over a distance: by size one URB at a time, and by depth."""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job
from .perturbation import PERTURBATIONS
from .whole import ACTIONS, DEPTHS, load, setup

SUITE = "distance"
# Round trips in ms; without one it is a cell of the whole path.
DISTANCES = (1, 8, 20)
SIZES = (4096, 16384, 65536, 262144)
# The size that is tried at every depth.
SIZE = 65536
# A round trip takes as long each time.
_ENOUGH = 100


def jobs() -> Iterator[Job]:
    """All distances in each guest."""
    shapes = [(size, 1) for size in SIZES] + [(SIZE, depth) for depth in DEPTHS if depth > 1]
    for perturbation, stack in product(PERTURBATIONS, (Stack.C, Stack.OURS)):
        loads = []
        for distance in DISTANCES:
            loads.append(f"distance {distance}")
            cells = [Cell(SUITE, f"{distance}ms", *shape, action) for shape, action in product(shapes, ACTIONS)]
            loads += [load(cell, _plan(cell)) for cell in cells]
        yield Job(SUITE, "high", stack, perturbation, setup("high", stack), tuple(loads), 1.2)


def _plan(cell: Cell) -> str:
    return f"{cell.action} {cell.size} {cell.depth} {max(_ENOUGH, 20 * cell.depth)}"
