# SPDX-License-Identifier: GPL-2.0
"""Straight lines through what was measured: what a URB costs by itself, and what each KiB or each round trip adds."""

from collections.abc import Callable, Iterator
from statistics import StatisticsError, linear_regression

from . import distance, storage, whole
from .cell import Cell, Stack
from .samples import Samples

_HEAD = ("what", "stack", "at zero", "slope", "unit of the slope", "points")
_STACKS = (Stack.DIRECT, Stack.C, Stack.OURS)


def rows(samples: Samples) -> Iterator[tuple[str, ...]]:
    """The table of all lines there are points for, its head first."""
    yield _HEAD
    cells = sorted(samples.figures)
    for action in whole.ACTIONS:
        for speed in whole.SPEEDS:
            chosen = [cell for cell in cells if _is(cell, whole.SUITE, speed, action) and cell.depth == 1]
            name = f"{speed} speed, depth 1, {action}"
            yield from _lines(samples, f"instructions of a URB, {name}", chosen, kib, "instructions", "instructions per KiB")
            yield from _lines(samples, f"µs of a URB, {name}", chosen, kib, "time", "µs per KiB")
        for far in distance.DISTANCES:
            chosen = [cell for cell in cells if _is(cell, distance.SUITE, f"{far}ms", action) and cell.depth == 1]
            yield from _lines(samples, f"µs of a URB, RTT {far} ms, depth 1, {action}", chosen, kib, "time", "µs per KiB")
    for action in storage.ACTIONS:
        chosen = [cell for cell in cells if (cell.suite, cell.action) == (storage.SUITE, action) and storage.is_by_distance(cell)]
        each = "KiB" if action in storage.SEQUENTIAL else "page" if action == "random" else "file"
        yield from _lines(samples, f"µs of a {each}, {action}", chosen, storage.milliseconds, "time", "round trips", 1e3)


def kib(cell: Cell) -> float:
    """The size of a URB."""
    return cell.size / 1024


def _is(cell: Cell, suite: str, variant: str, action: str) -> bool:
    return (cell.suite, cell.variant, cell.action) == (suite, variant, action)


def _lines(
    samples: Samples, name: str, cells: list[Cell], x: Callable[[Cell], float], figure: str, unit: str, scale: float = 1
) -> Iterator[tuple[str, ...]]:
    for stack in _STACKS:
        points = [(x(cell), value) for cell in cells if (value := samples.median(cell, stack, figure)) is not None]
        try:
            line = linear_regression(*zip(*points)) if points else None
        except StatisticsError:
            # One point only.
            continue
        if line:
            yield name, str(stack), f"{line.intercept:.0f}", f"{line.slope / scale:.3g}", unit, str(len(points))
