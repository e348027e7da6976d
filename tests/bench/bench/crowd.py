# SPDX-License-Identifier: GPL-2.0
"""Many devices at once, each with one URB under way; and the memory they take.

A cell's depth is the number of devices. The whole path has 16, for neither stub exports more (MAX_BUSID); vhci alone, its devices
served in user space, has 64.
"""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job
from .perturbation import PERTURBATIONS
from .whole import ACTIONS

SUITE = "crowd"
MEMORY = "memory"
_SIZE = 512
_WHOLE = (1, 8, 16)
_VHCI = (1, 8, 64)
_URBS = 600


def jobs() -> Iterator[Job]:
    """Devices come one after the other, and are loaded whenever there are enough."""
    for perturbation, stack in product(PERTURBATIONS, (Stack.C, Stack.OURS)):
        plug = (f"plug_crowd {_WHOLE[-1]} {_SIZE}", f"stub {stack.server}", f"client {stack.client}")
        yield Job(SUITE, "whole", stack, perturbation, plug, tuple(_loads("whole", _WHOLE, "import_crowd")), 3)
        plug = ("usb", f"modprobe {stack.client}")
        yield Job(SUITE, "vhci", stack, perturbation, plug, tuple(_loads("vhci", _VHCI, "serve_crowd")), 3)


def _loads(variant: str, counts: tuple[int, ...], word: str) -> Iterator[str]:
    for before, count in zip((0, *counts), counts):
        come = f"{word} {before + 1} {count}"
        # The processes that serve devices take memory, too.
        measured = variant == "whole" and before
        cell = Cell(SUITE, variant, 0, count, MEMORY)
        yield f"memory {cell.label} {count - before} {come}" if measured else come
        for action in ACTIONS:
            cell = Cell(SUITE, variant, _SIZE, count, action)
            yield f"crowd {cell.label} {action} {_SIZE} 1 {max(20, _URBS // count)}"
