# SPDX-License-Identifier: GPL-2.0
"""What ours divided by C is to be, for each cell (issue 6)."""

from dataclasses import dataclass
from enum import StrEnum

from . import crowd, ethernet, isochronous, neighbours, storage, tools
from .cell import Cell, Stack
from .whole import SUITE as WHOLE


class Goal(StrEnum):
    """What is wanted: a row of the table of targets."""

    SMALL_1 = "64-512 B, depth 1"
    SMALL_8 = "64-512 B, depth 8"
    SMALL_32 = "64-512 B, depth 32"
    PAGE = "4 KiB, depth 8 and 32"
    LARGE_IN = "64-256 KiB in, depth 8"
    LARGE_OUT = "64-256 KiB out, depth 8"
    LATENCY = "added p50 latency, 512 B, depth 1"
    STORAGE = "storage at RTT 0, per KiB, read and write"
    PACE = "isochronous: mean interval"
    JITTER = "isochronous: deviation"
    STREAM = "isochronous: instructions"
    OTHERS = "every other cell of the baseline"
    OTHERS_DEEP = "every other cell of the baseline, depth 16 and 32"
    WIRE = "wire bytes, segments"
    CROWD = "cost per device, all devices against 1 device (ours/ours)"
    NEIGHBOURS = "interrupts beside a busy or stuck device: p99"
    FAR_READ = "sequential read at RTT 8 ms, time with the udev rule/without (ours/ours)"


@dataclass(frozen=True)
class Target:
    """Bounds of a ratio."""

    goal: Goal
    must: float
    aim: float | None = None
    # The least difference that counts, in the figure's unit.
    grain: float = 0.0


# Bytes.
_LOOPBACK_SEGMENT = 65536
_CROWD = Target(Goal.CROWD, 1.05, 1.0)
_FAR_READ = Target(Goal.FAR_READ, 0.2)


def of(cell: Cell, stack: Stack, figure: str) -> Target | None:
    """What is wanted of a figure; nothing of most."""
    match figure:
        case "instructions":
            return _instructions(cell, stack)
        case "added p50" if _is_whole(cell, stack) and cell.size == 512 and cell.depth == 1:
            return Target(Goal.LATENCY, 0.90, 0.75)
        case "interval_mean" if cell.suite == isochronous.SUITE:
            return Target(Goal.PACE, 1.0005)
        case "interval_deviation" if cell.suite == isochronous.SUITE:
            return Target(Goal.JITTER, 1.0, grain=1.0)
        case "p99" if cell.suite == neighbours.SUITE:
            return Target(Goal.NEIGHBOURS, 1.0 + cell.significance)
        case "segments" if not _has_wire(cell):
            return None
        case "segments" | "wire_bytes" if cell.suite != neighbours.SUITE:
            # Never more, so far as it can be told; beside a neighbour most of them are its own.
            return Target(Goal.WIRE, 1 + cell.significance)
    return None


def of_ours(cell: Cell) -> tuple[Cell, str, Target] | None:
    """What is wanted of ours compared with ours: with which cell, and in which figure."""
    if cell.suite == crowd.SUITE and cell.depth > 1 and cell.action != crowd.MEMORY:
        return Cell(cell.suite, cell.variant, cell.size, 1, cell.action), "instructions", _CROWD
    if cell.suite == storage.SUITE and cell.action == "read" and (plain := storage.plain(cell.variant)):
        return Cell(cell.suite, plain, cell.size, cell.depth, cell.action), "time", _FAR_READ
    return None


def _has_wire(cell: Cell) -> bool:
    """Whether segments are like those of a wire, or as many: those of the loopback interface have up to 64 KiB."""
    return cell.suite == ethernet.SUITE or cell.size < _LOOPBACK_SEGMENT


def _is_whole(cell: Cell, stack: Stack) -> bool:
    return cell.suite == WHOLE and stack is Stack.OURS


def _instructions(cell: Cell, stack: Stack) -> Target | None:
    if cell.suite in (crowd.SUITE, neighbours.SUITE, tools.SUITE):
        # Not in the baseline, and beside a neighbour most of them are its own.
        return None
    if cell.suite == isochronous.SUITE:
        return Target(Goal.STREAM, _others(cell).must, 0.99)
    special = _whole(cell) if _is_whole(cell, stack) else _storage(cell)
    return special or _others(cell)


def _others(cell: Cell) -> Target:
    return Target(Goal.OTHERS_DEEP, 1.05) if cell.depth > 8 else Target(Goal.OTHERS, 1.03)


def _whole(cell: Cell) -> Target | None:
    match cell.size, cell.depth, cell.action:
        case 64 | 512, 1, _:
            return Target(Goal.SMALL_1, 0.93, 0.82)
        case 64 | 512, 8, _:
            return Target(Goal.SMALL_8, 0.75, 0.60)
        case 64 | 512, 32, _:
            return Target(Goal.SMALL_32, 0.65, 0.45)
        case 4096, 8 | 32, _:
            return Target(Goal.PAGE, 0.75, 0.60)
        case 65536 | 262144, 8, "in":
            return Target(Goal.LARGE_IN, 0.82, 0.70)
        case 65536 | 262144, 8, "out":
            return Target(Goal.LARGE_OUT, 0.90, 0.80)
    return None


def _storage(cell: Cell) -> Target | None:
    near = cell.suite == storage.SUITE and cell.variant.endswith("-0ms")
    return Target(Goal.STORAGE, 0.85, 0.75) if near and cell.action in storage.SEQUENTIAL else None
