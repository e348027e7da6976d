# SPDX-License-Identifier: GPL-2.0
"""The whole path: usbfs, vhci, TCP, stub, and a source and sink on dummy_hcd; and without USB/IP, as the floor."""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job, plan
from .perturbation import PERTURBATIONS

SUITE = "whole"
SIZES = (64, 512, 4096, 16384, 65536, 262144)
DEPTHS = (1, 8, 32)
ACTIONS = ("in", "out")
SPEEDS = ("high", "super")
# The gadget's own buffers: a URB is a multiple of one, or fails.
BUFFERS = (64, 512, 4096, 16384)

_QUICK_SIZES = (512, 4096, 65536)


def jobs(quick: bool) -> Iterator[Job]:
    """All, or the few that tell the most."""
    both_ends = (Stack.DIRECT, Stack.C, Stack.OURS)
    # Mixed pairs tell no more at the other speed.
    paths = [("high", stack) for stack in (both_ends if quick else Stack)]
    paths += [] if quick else [("super", stack) for stack in both_ends]
    for perturbation, (speed, stack) in product(PERTURBATIONS, paths):
        sizes = _QUICK_SIZES if quick else SIZES
        cells = [Cell(SUITE, speed, *cell) for cell in product(sizes, DEPTHS, ACTIONS)]
        yield Job(SUITE, speed, stack, perturbation, _setup(speed, stack), tuple(map(_load, cells)))


def _setup(speed: str, stack: Stack) -> tuple[str, ...]:
    plug = f"plug {speed} {' '.join(map(str, BUFFERS))}"
    if stack is Stack.DIRECT:
        return (plug,)
    return plug, f"stub {stack.server}", f"import {stack.client}"


def _load(cell: Cell) -> str:
    return f"load {cell.label} a0{gadget(cell)}0 {plan(cell)}"


def gadget(cell: Cell) -> int:
    """The number of the gadget for URBs of this size."""
    return BUFFERS.index(min(cell.size, BUFFERS[-1]))
