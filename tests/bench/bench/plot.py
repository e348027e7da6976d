# SPDX-License-Identifier: GPL-2.0
"""Line plots in SVG."""

import math
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 150, 40, 50
_MARKER = 3
_GRID, _INK = "#ddd", "#222"


@dataclass(frozen=True)
class Line:
    """One line of a plot."""

    name: str
    points: list[tuple[float, float]]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis from its first tick to its last; a logarithmic one has positive ticks only."""

    title: str
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value is, from 0 to 1."""
        scale = math.log if self.logarithmic else float
        first, last = scale(self.ticks[0]), scale(self.ticks[-1])
        return (scale(value) - first) / (last - first)


@dataclass(frozen=True)
class Plot:
    """Lines over two axes."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]

    def svg(self) -> str:
        """The plot as a document."""
        body = [*self._grid(), *(part for line in self.lines for part in self._line(line)), *self._legend()]
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
        return "\n".join([f'{head} font-size="12">', _rectangle(), *body, "</svg>"]) + "\n"

    def _at(self, x: float, y: float) -> tuple[float, float]:
        across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + self.x.share(x) * across, _HEIGHT - _BOTTOM - self.y.share(y) * down

    def _grid(self) -> list[str]:
        parts = [_text(_WIDTH / 2, 20, self.title, "middle", size=14)]
        parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, self.x.title, "middle"))
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        parts.append(_text(16, middle, self.y.title, "middle", f'transform="rotate(-90 16 {middle})"'))
        for tick in self.x.ticks:
            left, bottom = self._at(tick, self.y.ticks[0])
            parts += [_stroke([(left, _TOP), (left, bottom)], _GRID), _text(left, bottom + 16, _number(tick), "middle")]
        for tick in self.y.ticks:
            left, top = self._at(self.x.ticks[0], tick)
            parts += [_stroke([(left, top), (_WIDTH - _RIGHT, top)], _GRID), _text(left - 6, top + 4, _number(tick), "end")]
        return parts

    def _line(self, line: Line) -> list[str]:
        places = [self._at(*point) for point in line.points]
        dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_MARKER}" fill="{line.colour}"/>' for x, y in places]
        return [_stroke(places, line.colour, 2, line.dashed), *dots]

    def _legend(self) -> list[str]:
        parts = []
        for index, line in enumerate(self.lines):
            left, top = _WIDTH - _RIGHT + 10, _TOP + 10 + 18 * index
            parts.append(_stroke([(left, top), (left + 22, top)], line.colour, 2, line.dashed))
            parts.append(_text(left + 28, top + 4, line.name, "start"))
        return parts


def ticks(values: list[float], floor: float | None = None) -> tuple[float, ...]:
    """Round numbers, evenly spaced, around all the values and the floor."""
    low, high = min(values), max(values)
    low = low if floor is None else min(low, floor)
    raw = (high - low or abs(high) or 1) / 6
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(step * number for number in range(first, max(last, first + 1) + 1))


def _number(value: float) -> str:
    if value >= 1024 and value % 1024 == 0:
        return f"{value / 1024:.0f}Ki"
    return f"{value:.10g}" if abs(value) < 1 else f"{round(value, 6):g}"


def _rectangle() -> str:
    return f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{_INK}"'
    return f"<text {place} {more}>{escape(text)}</text>"


def _stroke(places: list[tuple[float, float]], colour: str, width: int = 1, dashed: bool = False) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'
