# SPDX-License-Identifier: GPL-2.0
"""The data file: every figure of every guest, from which tables and plots are made."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .cell import Cell, Stack
from .outcome import Figures


@dataclass
class Samples:
    """Figures by cell, stack and perturbation, and how they came about."""

    about: dict[str, str]
    figures: dict[Cell, dict[Stack, dict[int, Figures]]] = field(default_factory=dict)

    def add(self, cell: Cell, stack: Stack, perturbation: int, figures: Figures) -> None:
        """Keep what one guest has found."""
        self.figures.setdefault(cell, {}).setdefault(stack, {})[perturbation] = figures

    def median(self, cell: Cell, stack: Stack, figure: str) -> float | None:
        """The median over the perturbations; none if it was not measured."""
        values = [figures[figure] for figures in self.figures.get(cell, {}).get(stack, {}).values() if figure in figures]
        return median(values) if values else None

    def write(self, file: Path) -> None:
        """Write one line for each sample."""
        rows = [
            json.dumps({"cell": cell.label, "stack": stack, "perturbation": number, **_rounded(figures)})
            for cell, stacks in sorted(self.figures.items())
            for stack, samples in sorted(stacks.items())
            for number, figures in sorted(samples.items())
        ]
        about = json.dumps(self.about, indent=1)
        file.write_text(f'{{"about": {about},\n"samples": [\n' + ",\n".join(rows) + "\n]}\n")

    @classmethod
    def read(cls, file: Path) -> "Samples":
        """Read what write() wrote."""
        data = json.loads(file.read_text())
        samples = cls(data["about"])
        for row in data["samples"]:
            cell, stack, number = Cell.parse(row.pop("cell")), Stack(row.pop("stack")), row.pop("perturbation")
            samples.add(cell, stack, number, row)
        return samples


def _rounded(figures: Figures) -> Figures:
    return {name: round(value, 4) for name, value in figures.items()}
