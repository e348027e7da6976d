# SPDX-License-Identifier: GPL-2.0
"""The tables of a run: a row for each cell, and what missed its target."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import goals
from .cell import OURS, Cell, Stack
from .samples import Samples
from .target import of as target_of
from .verdict import Comparison, Verdict, compare_all

_NONE = "-"
# Figures by what a table calls them.
_FIGURES = {
    "MB/s": "throughput", "µs": "time", "p50": "p50", "p99": "p99", "interval": "interval_mean",
    "deviation": "interval_deviation", "switches": "switches", "wake-ups": "wakeups", "sends": "sends",
    "receives": "receives", "segments": "segments", "wire B": "wire_bytes", "KiB of memory": "memory",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A cell, and one stack of ours in it."""

    samples: Samples
    cell: Cell
    stack: Stack

    def words(self) -> Iterator[str]:
        """All columns. Instructions are thousands for one URB."""
        yield self.cell.label
        yield str(self.stack)
        yield from (self._number(stack, _thousands) for stack in (Stack.DIRECT, Stack.C, self.stack))
        yield from (self._number(stack, self._each_kib) for stack in (Stack.C, self.stack))
        yield from self._judged()
        for figure in _FIGURES.values():
            for stack in (Stack.C, self.stack):
                yield _word(self.samples.median(self.cell, stack, figure))

    def _number(self, stack: Stack, of: Callable[[float], float | None]) -> str:
        instructions = self.samples.median(self.cell, stack, "instructions")
        return _NONE if instructions is None else _word(of(instructions))

    def _each_kib(self, instructions: float) -> float | None:
        return instructions * 1.024 / self.cell.size if self.cell.size else None

    def _judged(self) -> Iterator[str]:
        # Where nothing counts instructions, time is all there is.
        figure = "instructions" if self.samples.median(self.cell, self.stack, "instructions") else "time"
        c, ours = (self.samples.median(self.cell, stack, figure) for stack in (Stack.C, self.stack))
        if not c or ours is None:
            return (yield from (_NONE,) * 4)
        yield f"{ours / c:.3f}{'' if abs(ours / c - 1) > self.cell.significance else '~'}"
        bounds = target_of(self.cell, self.stack, "instructions")
        if not bounds:
            return (yield from (_NONE,) * 3)
        yield f"{bounds.must:.2f}"
        yield _NONE if bounds.aim is None else f"{bounds.aim:.2f}"
        yield str(Comparison(self.cell, self.stack, figure, c, ours, bounds).verdict)


def _thousands(instructions: float) -> float:
    return instructions / 1e3


def _word(value: float | None) -> str:
    return _NONE if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _head() -> list[str]:
    pairs = [word for name in _FIGURES for word in (f"{name} C", "ours")]
    return ["cell", "stack", "direct", "C", "ours", "each KiB C", "ours", "ours/C", "must", "aim", "verdict", *pairs]


def rows(samples: Samples, suite: str | None = None) -> list[list[str]]:
    """The table of a suite, or of all, its head first; without columns in which there is nothing."""
    cells = [cell for cell in sorted(samples.figures) if suite in (None, cell.suite)]
    found = [Row(samples, cell, stack) for cell in cells for stack in OURS]
    body = [list(row.words()) for row in found if row.stack in samples.figures[row.cell]]
    table = [_head(), *body]
    used = [any(row[column] != _NONE for row in body) for column in range(len(table[0]))]
    return [[word for word, wanted in zip(row, used) if wanted] for row in table] if body else []


def text(samples: Samples) -> str:
    """The tables in columns, and a summary."""
    parts = ("\n".join(part) for part in (_columns(rows(samples)), missed(samples), _columns(goals.rows(samples))))
    return "\n\n".join(part for part in parts if part) + "\n"


def _columns(lines: Iterator[tuple[str, ...]] | list[list[str]]) -> Iterator[str]:
    table = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*table)]
    for row in table:
        yield "  ".join(word.rjust(width) for word, width in zip(row, widths))


def markdown(lines: Iterator[tuple[str, ...]] | list[list[str]]) -> str:
    """A table for a document."""
    head, *body = lines
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("--:",) * len(head), *body])


def missed(samples: Samples) -> Iterator[str]:
    """Each comparison that missed its target."""
    for comparison in compare_all(samples):
        if comparison.verdict is Verdict.MISS:
            yield (
                f"missed: {comparison.cell.label} {comparison.stack}, {comparison.figure}: {comparison.ours:.2f} against"
                f" {comparison.reference:.2f}, ratio {comparison.ratio:.3f}, must {comparison.target.must:g}"
            )
