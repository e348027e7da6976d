# SPDX-License-Identifier: GPL-2.0
"""docs/performance.md and its plots, from the data file of a run."""

import shutil
from pathlib import Path

from . import table
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
        _METHOD.read_text().strip(),
        f"## Results\n\n{_results(samples)}",
        "\n".join(images),
    ]
    document = DOCS / "performance.md"
    document.write_text("\n\n".join(parts) + "\n")
    return document


def _results(samples: Samples) -> str:
    missed = "\n".join(f"- {line}" for line in table.summary(samples))
    return f"{missed}\n\n{table.markdown(samples)}"
