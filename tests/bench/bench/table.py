# SPDX-License-Identifier: GPL-2.0
"""The table of a run: a row for each cell, and what missed its target."""

from collections.abc import Iterator

from .cell import Stack
from .samples import Samples
from .verdict import Comparison, Verdict, compare

_HEAD = (
    "cell", "stack", "direct", "C", "ours", "ours/C", "must", "aim", "verdict",
    "MB/s C", "ours", "p50 C", "ours", "p99 C", "ours",
    "switches C", "ours", "sends C", "ours", "receives C", "ours", "segments C", "ours",
)  # fmt: skip
_FIGURES = ("throughput", "p50", "p99", "switches", "sends", "receives", "segments")


def rows(samples: Samples) -> Iterator[tuple[str, ...]]:
    """The table, its head first. Instructions are thousands for one URB, times microseconds."""
    yield _HEAD
    for cell in sorted(samples.figures):
        for comparison in compare(samples, cell):
            if comparison.figure == "instructions":
                yield *_main(samples, comparison), *_figures(samples, comparison)


def text(samples: Samples) -> str:
    """The table in columns, and a summary."""
    table = list(rows(samples))
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    lines = ["  ".join(word.rjust(width) for word, width in zip(row, widths)) for row in table]
    return "\n".join([*lines, "", *summary(samples)]) + "\n"


def markdown(samples: Samples) -> str:
    """The table for a document."""
    head, *body = rows(samples)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("--:",) * len(head), *body])


def summary(samples: Samples) -> Iterator[str]:
    """How many targets were met, and the others."""
    comparisons = [comparison for cell in sorted(samples.figures) for comparison in compare(samples, cell)]
    missed = [comparison for comparison in comparisons if comparison.verdict is Verdict.MISS]
    yield f"{len(comparisons) - len(missed)} targets met, {len(missed)} missed"
    for comparison in missed:
        yield (
            f"missed: {comparison.cell.label} {comparison.stack}, {comparison.figure}: C {comparison.c:.2f}, ours {comparison.ours:.2f},"
            f" ratio {comparison.ratio:.3f}, must {comparison.target.must:.2f}"
        )


def _main(samples: Samples, comparison: Comparison) -> tuple[str, ...]:
    direct = samples.median(comparison.cell, Stack.DIRECT, "instructions")
    bounds = comparison.target
    return (
        comparison.cell.label,
        str(comparison.stack),
        "-" if direct is None else f"{direct / 1e3:.1f}",
        f"{comparison.c / 1e3:.1f}",
        f"{comparison.ours / 1e3:.1f}",
        f"{comparison.ratio:.3f}{'' if comparison.is_significant else '~'}",
        f"{bounds.must:.2f}",
        "-" if bounds.aim is None else f"{bounds.aim:.2f}",
        str(comparison.verdict),
    )


def _figures(samples: Samples, comparison: Comparison) -> Iterator[str]:
    for figure in _FIGURES:
        for stack in (Stack.C, comparison.stack):
            value = samples.median(comparison.cell, stack, figure)
            yield "-" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
