# SPDX-License-Identifier: GPL-2.0
"""The plots of a run."""

import math
from collections.abc import Callable, Iterator

from . import whole
from .cell import Cell, Stack
from .plot import Axis, Line, Plot, ticks
from .samples import Samples

_COLOURS = {1: "#1b6ca8", 8: "#c0392b", 32: "#2e8b57"}
_DIRECT, _C, _OURS = "#888", "#c0392b", "#1b6ca8"


def plots(samples: Samples) -> Iterator[tuple[str, Plot]]:
    """All plots there are figures for, by file name."""
    for speed in whole.SPEEDS:
        cells = [cell for cell in sorted(samples.figures) if (cell.suite, cell.variant) == (whole.SUITE, speed)]
        if cells:
            yield f"whole-{speed}-ratio", _ratio(samples, speed, cells)
            yield f"whole-{speed}-instructions", _by_stack(samples, speed, cells, "instructions", "instructions/URB")
            yield f"whole-{speed}-throughput", _by_stack(samples, speed, cells, "throughput", "MB/s of virtual time")


def _ratio(samples: Samples, speed: str, cells: list[Cell]) -> Plot:
    def ratio(cell: Cell) -> float | None:
        c, ours = (samples.median(cell, stack, "instructions") for stack in (Stack.C, Stack.OURS))
        return ours / c if ours and c else None

    lines = [
        _line(f"{action}, depth {depth}", _COLOURS[depth], cells, depth, action, ratio, dashed=action == "out")
        for depth in whole.DEPTHS
        for action in whole.ACTIONS
    ]
    return _over_size(f"Instructions per URB, ours/C, {speed} speed", "ours/C", cells, lines, ticks(_values(lines), 0))


def _by_stack(samples: Samples, speed: str, cells: list[Cell], figure: str, unit: str) -> Plot:
    lines = [
        _line(f"{stack}, depth {depth}", colour, cells, depth, "in", _figure(samples, stack, figure), depth != 8)
        for stack, colour in ((Stack.DIRECT, _DIRECT), (Stack.C, _C), (Stack.OURS, _OURS))
        for depth in (1, 8)
    ]
    exponents = [math.log10(value) for value in _values(lines)]
    powers = tuple(10.0**power for power in range(math.floor(min(exponents)), math.ceil(max(exponents)) + 1))
    return _over_size(f"{figure.capitalize()}, in, {speed} speed", unit, cells, lines, powers, logarithmic=True)


def _figure(samples: Samples, stack: Stack, figure: str) -> Callable[[Cell], float | None]:
    return lambda cell: samples.median(cell, stack, figure)


def _line(
    name: str,
    colour: str,
    cells: list[Cell],
    depth: int,
    action: str,
    value: Callable[[Cell], float | None],
    dashed: bool,
) -> Line:
    found = [(cell.size, value(cell)) for cell in cells if (cell.depth, cell.action) == (depth, action)]
    return Line(name, [(size, number) for size, number in found if number is not None], colour, dashed)


def _values(lines: list[Line]) -> list[float]:
    return [value for line in lines for _, value in line.points]


def _over_size(
    title: str, unit: str, cells: list[Cell], lines: list[Line], marks: tuple[float, ...], logarithmic: bool = False
) -> Plot:
    sizes = Axis("bytes of a URB", tuple(sorted({float(cell.size) for cell in cells})), logarithmic=True)
    return Plot(title, sizes, Axis(unit, marks, logarithmic), tuple(line for line in lines if line.points))
