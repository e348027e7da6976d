# SPDX-License-Identifier: GPL-2.0
"""One module at a time: vhci against a server in user space that answers at once, the stub driven by a client there."""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job, plan
from .perturbation import PERTURBATIONS
from .whole import ACTIONS, BUFFERS, DEPTHS, SIZES, gadget

SUITE = "halves"
_HALVES = ("vhci", "stub")
_CONNECTIONS = ("unix", "tcp")
# What bench serve plays.
_PRODUCT = "a4a4"


def jobs() -> Iterator[Job]:
    """Both halves, over both kinds of connection."""
    for perturbation, half, kind, stack in product(PERTURBATIONS, _HALVES, _CONNECTIONS, (Stack.C, Stack.OURS)):
        variant = f"{half}-{kind}"
        cells = [Cell(SUITE, variant, *cell) for cell in product(SIZES, DEPTHS, ACTIONS)]
        if half == "vhci":
            setup: tuple[str, ...] = (f"serve {stack.client} {kind} 0",)
            loads = [f"load {cell.label} {_PRODUCT} {plan(cell)}" for cell in cells]
        else:
            setup = (f"plug high {' '.join(map(str, BUFFERS))}", f"stub {stack.server}")
            loads = [f"drive {cell.label} {gadget(cell)} {kind} {plan(cell)}" for cell in cells]
        yield Job(SUITE, variant, stack, perturbation, setup, tuple(loads))
