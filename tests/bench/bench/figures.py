# SPDX-License-Identifier: GPL-2.0
"""The plots of a run; those of the 2005 paper again, with C's points and ours."""

import math
from collections.abc import Callable, Iterable, Iterator

from . import crowd, distance, isochronous, storage, whole
from .cell import Cell, Stack
from .fit import kib
from .plot import Axis, Line, Plot, ticks
from .samples import Samples

_COLOURS = {1: "#1b6ca8", 8: "#c0392b", 32: "#2e8b57"}
_DIRECT, _C, _OURS = "#888", "#c0392b", "#1b6ca8"
# By distance or action.
_PALETTE = ("#222", "#1b6ca8", "#c0392b", "#2e8b57", "#b8860b")


def plots(samples: Samples) -> Iterator[tuple[str, Plot]]:
    """All plots there are figures for, by file name."""
    drawn = [*_whole(samples), *_far(samples), *_isochronous(samples), *_storage(samples), *_crowd(samples)]
    return (named for named in drawn if named[1].lines)


def _whole(samples: Samples) -> Iterator[tuple[str, Plot]]:
    for speed in whole.SPEEDS:
        cells = [cell for cell in sorted(samples.figures) if (cell.suite, cell.variant) == (whole.SUITE, speed)]
        # A line takes two points.
        if len({cell.size for cell in cells}) > 1:
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
    powers = _powers(_values(lines))
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
    return [value for line in lines for _, value in line.points] or [1.0]


def _over_size(
    title: str, unit: str, cells: list[Cell], lines: list[Line], marks: tuple[float, ...], logarithmic: bool = False
) -> Plot:
    sizes = Axis("bytes of a URB", tuple(sorted({float(cell.size) for cell in cells})), logarithmic=True)
    return Plot(title, sizes, Axis(unit, marks, logarithmic), tuple(line for line in lines if line.points))


def _far(samples: Samples) -> Iterator[tuple[str, Plot]]:
    """Figures 9 to 11: what a URB takes by its size, and what comes through by size and by depth."""
    cells = [cell for cell in sorted(samples.figures) if cell.action == "in" and _distance(cell) is not None]
    if not any(cell.suite == distance.SUITE for cell in cells):
        return
    by_size = [cell for cell in cells if cell.depth == 1 and cell.size >= distance.SIZES[0]]
    by_depth = [cell for cell in cells if cell.size == distance.SIZE]
    size, depth = ("KiB of a URB", kib), ("URBs under way", _depth)
    yield "far-time", _by_distance(samples, "Time of a URB, in, depth 1", size, ("µs", "time"), by_size)
    yield "far-size", _by_distance(samples, "Throughput by size, in, depth 1", size, ("MB/s", "throughput"), by_size)
    yield "far-depth", _by_distance(samples, "Throughput by depth, in, 64 KiB", depth, ("MB/s", "throughput"), by_depth)


def _distance(cell: Cell) -> float | None:
    """The round trip in ms of a cell of the whole path."""
    if (cell.suite, cell.variant) == (whole.SUITE, "high"):
        return 0
    return float(cell.variant.removesuffix("ms")) if cell.suite == distance.SUITE else None


def _depth(cell: Cell) -> float:
    return cell.depth


Of = tuple[str, Callable[[Cell], float]]


def _by_distance(samples: Samples, title: str, x: Of, y: tuple[str, str], cells: list[Cell]) -> Plot:
    distances = sorted({_distance(cell) or 0 for cell in cells})
    lines = []
    for colour, far in zip(_PALETTE, distances):
        there = [cell for cell in cells if _distance(cell) == far]
        lines += _both(samples, f"RTT {far:g} ms", colour, there, x[1], y[1])
    return _over(title, x, y[0], cells, lines, logarithmic=True)


def _isochronous(samples: Samples) -> Iterator[tuple[str, Plot]]:
    """Figures 13 to 15: how evenly a stream comes, by depth and distance."""
    cells = [cell for cell in sorted(samples.figures) if cell.suite == isochronous.SUITE]
    variants = [isochronous.LOCAL, *(f"{far}ms" for far in isochronous.DISTANCES)]
    for figure, unit in (("interval_mean", "µs, mean"), ("interval_deviation", "µs, standard deviation")):
        lines = []
        for colour, variant in zip(_PALETTE, variants):
            there = [cell for cell in cells if cell.variant == variant]
            lines += _both(samples, variant, colour, there, _depth, figure)
        title = "Interval between isochronous URBs"
        yield f"isochronous-{figure}", _over(title, ("URBs under way", _depth), unit, cells, lines, logarithmic=True)


def _storage(samples: Samples) -> Iterator[tuple[str, Plot]]:
    """Figures 18 to 22: what a disk does, by distance."""
    cells = [cell for cell in sorted(samples.figures) if cell.suite == storage.SUITE and storage.is_by_distance(cell)]
    x = ("RTT in ms", storage.milliseconds)
    for name, actions, title, unit, figure in (
        ("sequential", storage.SEQUENTIAL, "Sequential, a disk at high speed", "MB/s", "throughput"),
        ("operations", storage.ACTIONS[2:], "Pages and files, a disk at high speed", "ms each", "time"),
    ):
        lines = []
        for colour, action in zip(_PALETTE, actions):
            there = [cell for cell in cells if cell.action == action]
            lines += _both(samples, action, colour, there, x[1], figure, 1e-3 if figure == "time" else 1)
        yield f"storage-{name}", _over(title, x, unit, cells, lines)


def _crowd(samples: Samples) -> Iterator[tuple[str, Plot]]:
    cells = [cell for cell in sorted(samples.figures) if cell.suite == crowd.SUITE and cell.action in whole.ACTIONS]
    lines = []
    for colour, variant in zip(_PALETTE, ("whole", "vhci")):
        there = [cell for cell in cells if (cell.variant, cell.action) == (variant, "in")]
        lines += _both(samples, variant, colour, there, _depth, "instructions")
    title = "Many devices at once, in, 512 B, each with one URB"
    yield "crowd", _over(title, ("devices", _depth), "instructions/URB", cells, lines)


def _both(
    samples: Samples, name: str, colour: str, cells: list[Cell], x: Callable[[Cell], float], figure: str, scale: float = 1
) -> Iterator[Line]:
    """C's line, dashed, and ours."""
    for stack in (Stack.C, Stack.OURS):
        found = [(x(cell), samples.median(cell, stack, figure)) for cell in cells]
        points = [(place, value * scale) for place, value in found if value is not None]
        if points:
            yield Line(f"{name}, {stack}", sorted(points), colour, dashed=stack is Stack.C)


def _over(title: str, x: Of, unit: str, cells: list[Cell], lines: list[Line], logarithmic: bool = False) -> Plot:
    name, of = x
    places = tuple(sorted({of(cell) for cell in cells}))
    values = _values(lines)
    if len(places) < 2:
        return Plot(title, Axis(name, places), Axis(unit, ()), ())
    marks = _powers(values) if logarithmic else ticks(values, 0)
    return Plot(title, Axis(name, places, logarithmic=places[0] > 0), Axis(unit, marks, logarithmic), tuple(lines))


def _powers(values: Iterable[float]) -> tuple[float, ...]:
    """The powers of ten around all values, at least two."""
    exponents = [math.log10(value) for value in values if value > 0]
    first, last = math.floor(min(exponents)), math.ceil(max(exponents))
    return tuple(10.0**power for power in range(first, max(last, first + 1) + 1))
