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

BOTH_ENDS = (Stack.DIRECT, Stack.C, Stack.OURS)
# The few cells that tell the most.
QUICK = [f"{SUITE}/high/{size}/*" for size in (512, 4096, 65536)]


def jobs() -> Iterator[Job]:
    """All cells of a speed and a stack in one guest."""
    # Mixed pairs tell no more at the other speed.
    paths = [("high", stack) for stack in (*BOTH_ENDS, Stack.OUR_CLIENT, Stack.OUR_SERVER)]
    paths += [("super", stack) for stack in BOTH_ENDS]
    for perturbation, (speed, stack) in product(PERTURBATIONS, paths):
        cells = [Cell(SUITE, speed, *cell) for cell in product(SIZES, DEPTHS, ACTIONS)]
        loads = tuple(load(cell, plan(cell)) for cell in cells)
        yield Job(SUITE, speed, stack, perturbation, setup(speed, stack), loads)


def setup(speed: str, stack: Stack) -> tuple[str, ...]:
    """What comes before the loads."""
    plug = f"plug {speed} {' '.join(map(str, BUFFERS))}"
    if stack is Stack.DIRECT:
        return (plug,)
    return plug, f"stub {stack.server}", f"import {stack.client}"


def load(cell: Cell, urbs: str) -> str:
    """The load of a cell."""
    return f"load {cell.label} a0{gadget(cell)}0 {urbs}"


def gadget(cell: Cell) -> int:
    """The number of the gadget for URBs of this size."""
    return BUFFERS.index(min(cell.size, BUFFERS[-1]))
