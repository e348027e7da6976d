# SPDX-License-Identifier: GPL-2.0
"""An isochronous stream of a URB each millisecond: how evenly it comes, by depth and distance.

The device is served in user space with the bus's time, for dummy_hcd takes no isochronous transfers. It is imported from a
unix socket, which is the way that has no distance, exported again, and imported once more over TCP.
"""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job, plan
from .perturbation import PERTURBATIONS

SUITE = "isochronous"
LOCAL = "local"
DISTANCES = (0, 4, 8)
_LOCAL_DEPTHS = (1, 2, 3, 5, 10, 16)
_DEPTHS = (2, 5, 9, 10, 16)
# Eight packets of 512 bytes.
_SIZE = 4096
# On the second controller: one that takes back what it exports may hang with the C modules.
_PORT = 30


def jobs() -> Iterator[Job]:
    """All depths and distances, one after the other in each guest."""
    for perturbation, stack in product(PERTURBATIONS, (Stack.C, Stack.OURS)):
        loads = [_load(LOCAL, depth) for depth in _LOCAL_DEPTHS]
        loads.append(f"again {stack.server}")
        for distance in DISTANCES:
            loads.append(f"distance {distance}")
            loads += [_load(f"{distance}ms", depth) for depth in _DEPTHS]
        setup = (f"serve {stack.client} unix {_PORT} punctual",)
        yield Job(SUITE, "stream", stack, perturbation, setup, tuple(loads), 1.5)


def _load(variant: str, depth: int) -> str:
    cell = Cell(SUITE, variant, _SIZE, depth, "isochronous")
    return f"load {cell.label} a4a4 {plan(cell)}"
