# SPDX-License-Identifier: GPL-2.0
"""Interrupts of one device while another one is busy, or its connection stuck: how long they take.

The other device is on a controller of its own: what both share is USB/IP, and the processor.
"""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job, plan
from .perturbation import PERTURBATIONS

SUITE = "neighbours"
ALONE = "alone"
STUCK = "stuck"
# Less than a packet: dummy_hcd ends full ones with an empty one.
_SIZE = 32
# What the other device is made to do: direction, size, depth.
_STRAINS = {"bulk-in": "in 65536 32", "bulk-out": "out 65536 32", "slow": "in 262144 1"}


def jobs() -> Iterator[Job]:
    """The load alone, and beside each strain."""
    for perturbation, stack in product(PERTURBATIONS, (Stack.DIRECT, Stack.C, Stack.OURS)):
        setup = ["plug_neighbours 16384"]
        if stack is not Stack.DIRECT:
            setup += [f"stub {stack.server}", f"import {stack.client}"]
        loads = [f"load {_words(ALONE)}"]
        for name, strain in _STRAINS.items():
            cell = _cell(name)
            loads.append(f"strain {cell.label} a000 a010 '{strain}' {plan(cell)}")
        if stack is not Stack.DIRECT:
            # It never goes away again: it is the last.
            loads += ["stuck", f"load {_words(STUCK)}"]
        yield Job(SUITE, "interrupts", stack, perturbation, tuple(setup), tuple(loads), 2)


def _words(variant: str) -> str:
    cell = _cell(variant)
    return f"{cell.label} a000 {plan(cell)}"


def _cell(variant: str) -> Cell:
    return Cell(SUITE, variant, _SIZE, 1, "interrupt")
