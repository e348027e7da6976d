# SPDX-License-Identifier: GPL-2.0
"""The whole path at high speed in segments that fit a wire, where the loopback interface has some of 64 KiB."""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job, plan
from .perturbation import PERTURBATIONS
from .whole import ACTIONS, DEPTHS, SIZES, load, setup

SUITE = "ethernet"
_MTU = 1500


def jobs() -> Iterator[Job]:
    """All cells of a stack in one guest."""
    cells = [Cell(SUITE, "high", *cell) for cell in product(SIZES, DEPTHS, ACTIONS)]
    loads = tuple(load(cell, plan(cell)) for cell in cells)
    for perturbation, stack in product(PERTURBATIONS, (Stack.C, Stack.OURS)):
        # The size of segments is agreed on when a connection begins.
        yield Job(SUITE, "high", stack, perturbation, (f"mtu {_MTU}", *setup("high", stack)), loads)
