# SPDX-License-Identifier: GPL-2.0
"""What a guest has measured, and what the plugin has counted meanwhile."""

from dataclasses import dataclass
from pathlib import Path

from .cell import Cell
from .machine import BadRun

Figures = dict[str, float]

_TIMES = ("p50", "p99", "interval_mean", "interval_deviation", "interval_min", "interval_max")
_COUNTERS = ("switches", "segments", "wire_bytes")


@dataclass(frozen=True)
class Outcome:
    """Figures of one cell from one guest: counts for one URB, times in microseconds, throughput in MB/s."""

    cell: Cell
    figures: Figures


def read_outcomes(lines: list[str], counts: list[Figures] | None) -> list[Outcome]:
    """From the results of a guest, and the counts of the same windows, unless there was no plugin."""
    windows = [dict(word.split("=", 1) for word in line.split()[1:]) for line in lines if line.startswith("window ")]
    if counts is None:
        counts = [Figures() for _ in windows]
    if len(windows) != len(counts):
        raise BadRun(f"{len(windows)} results, but {len(counts)} windows were counted")
    outcomes = [_outcome(window, counted) for window, counted in zip(windows, counts)]
    return outcomes + [_figure(line) for line in lines if line.startswith("figure ")]


def _figure(line: str) -> Outcome:
    """What was not counted in a window: bytes of memory, which become KiB."""
    _, label, memory = (word.rpartition("=")[2] for word in line.split())
    return Outcome(Cell.parse(label), {"memory": float(memory) / 1024})


def read_counts(counts: Path, events: list[str]) -> list[Figures]:
    """Read what the plugin has written."""
    names = ["kernel", "user", *events]
    lines = [line.split() for line in counts.read_text().splitlines() if line.startswith("window ")]
    return [dict(zip(names, map(float, numbers), strict=True)) for _, *numbers in lines]


def _outcome(window: dict[str, str], counted: Figures) -> Outcome:
    cell = Cell.parse(window.pop("label"))
    raw = {name: float(value) for name, value in window.items()}
    if raw.get("failed"):
        raise BadRun(f"{cell.label}: {raw['failed']:.0f} transfers failed")
    urbs = raw["urbs"]
    figures = {name: value / urbs for name, value in counted.items()}
    if counted:
        figures["instructions"] = figures["kernel"] + figures["user"]
    figures |= {name: raw[name] / raw["all_urbs"] for name in _COUNTERS if name in raw}
    figures |= {name: raw[name] / 1e3 for name in _TIMES if name in raw}
    figures["time"] = raw["elapsed"] / urbs / 1e3
    if raw.get("bytes"):
        figures["throughput"] = raw["bytes"] * 1e3 / raw["elapsed"]
    return Outcome(cell, figures)
