# SPDX-License-Identifier: GPL-2.0
"""What ours divided by C is to be, for each cell (issue 6)."""

from dataclasses import dataclass

from . import isochronous, storage
from .cell import Cell, Stack
from .whole import SUITE as WHOLE


@dataclass(frozen=True)
class Target:
    """Bounds of a ratio."""

    must: float
    aim: float | None = None
    # The least difference that counts, in the figure's unit.
    grain: float = 0.0


def of(cell: Cell, stack: Stack, figure: str) -> Target | None:
    """What is wanted of a figure; nothing of most."""
    both_ends = cell.suite == WHOLE and stack is Stack.OURS
    match figure:
        case "instructions":
            special = _instructions(cell) if both_ends else _storage(cell)
            return special or Target(1.05 if cell.depth > 8 else 1.03)
        case "added p50" if both_ends and cell.size == 512 and cell.depth == 1:
            return Target(0.90, 0.75)
        case "interval_mean" if cell.suite == isochronous.SUITE:
            return Target(1.0005)
        case "interval_deviation" if cell.suite == isochronous.SUITE:
            return Target(1.0, grain=1.0)
        case "segments" | "wire_bytes":
            # Never more, so far as it can be told.
            return Target(1 + cell.significance)
    return None


def _instructions(cell: Cell) -> Target | None:
    match cell.size, cell.depth, cell.action:
        case 64 | 512, 1, _:
            return Target(0.93, 0.82)
        case 64 | 512, 8, _:
            return Target(0.75, 0.60)
        case 64 | 512, 32, _:
            return Target(0.65, 0.45)
        case 4096, 8 | 32, _:
            return Target(0.75, 0.60)
        case 65536 | 262144, 8, "in":
            return Target(0.82, 0.70)
        case 65536 | 262144, 8, "out":
            return Target(0.90, 0.80)
    return None


def _storage(cell: Cell) -> Target | None:
    near = cell.suite == storage.SUITE and cell.variant.endswith("-0ms")
    return Target(0.85, 0.75) if near and cell.action in storage.SEQUENTIAL else None
