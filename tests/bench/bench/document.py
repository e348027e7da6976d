# SPDX-License-Identifier: GPL-2.0
"""docs/performance.md and its plots, from the data file of a run."""

import shutil
from pathlib import Path

from . import fit, goals, table
from .figures import plots
from .root import BENCH
from .samples import Samples

DOCS = BENCH.parents[1] / "docs"
_METHOD = BENCH / "method.md"


def write_document(samples: Samples) -> Path:
    """Write the document, the plots and the data; returns the document."""
    home = DOCS / "performance"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    samples.write(home / "data.json")
    images = []
    for name, plot in plots(samples):
        (home / f"{name}.svg").write_text(plot.svg())
        images.append(f"![{plot.title}](performance/{name}.svg)")
    parts = [
        "# Performance\n\nWritten by `make bench`; the figures of each guest are in [data.json](performance/data.json).",
        "\n".join(f"- {name}: {value}" for name, value in samples.about.items()),
        f"## Targets\n\n{_GOALS}\n\n{table.markdown(goals.rows(samples))}",
        "\n".join(f"- {line}" for line in table.missed(samples)) or "Nothing was missed.",
        _METHOD.read_text().strip(),
        "\n".join(["## Plots\n", *images]),
        f"## Slopes\n\n{_SLOPES}\n\n{table.markdown(fit.rows(samples))}",
        *_results(samples),
    ]
    document = DOCS / "performance.md"
    document.write_text("\n\n".join(parts) + "\n")
    return document


_GOALS = (
    "Ratios ours/C of medians, lower is better, and what they must be and are aimed to be. A goal is met if each of its"
    " comparisons meets it; best, median and worst are of all of them."
)
_SLOPES = (
    "Straight lines by least squares: at zero is what a unit costs without any data or distance; the slope is what each"
    " KiB adds, or for a disk the round trips a unit takes."
)


def _results(samples: Samples) -> list[str]:
    suites = sorted({cell.suite for cell in samples.figures})
    return [f"## Results: {suite}\n\n{table.markdown(table.rows(samples, suite))}" for suite in suites]
