# SPDX-License-Identifier: GPL-2.0
"""The goals of a run: what became of each row of the table of targets."""

from collections.abc import Iterator
from statistics import median

from .samples import Samples
from .target import Goal
from .verdict import Comparison, Verdict, compare_all

_HEAD = ("goal", "must", "aim", "comparisons", "best", "median", "worst", "result")


def rows(samples: Samples) -> Iterator[tuple[str, ...]]:
    """The table, its head first; ratios are ours divided by C if nothing else is said."""
    yield _HEAD
    by_goal: dict[Goal, list[Comparison]] = {goal: [] for goal in Goal}
    for comparison in compare_all(samples):
        by_goal[comparison.target.goal].append(comparison)
    for goal, comparisons in by_goal.items():
        yield _row(goal, comparisons) if comparisons else (goal, *["-"] * 6, "not measured")


def _row(goal: Goal, comparisons: list[Comparison]) -> tuple[str, ...]:
    ratios = sorted(comparison.ratio for comparison in comparisons)
    # Significance, which is part of some bounds, depends on the cell.
    must = sorted({f"{comparison.target.must:g}" for comparison in comparisons})
    aims = {comparison.target.aim for comparison in comparisons}
    numbers = [f"{ratio:.3f}" for ratio in (ratios[0], median(ratios), ratios[-1])]
    aim = ", ".join(f"{aim:g}" for aim in sorted(aim for aim in aims if aim is not None))
    return goal, ", ".join(must), aim or "-", str(len(ratios)), *numbers, _result(comparisons)


def _result(comparisons: list[Comparison]) -> str:
    verdicts = [comparison.verdict for comparison in comparisons]
    missed, aims = verdicts.count(Verdict.MISS), verdicts.count(Verdict.AIM)
    if missed:
        return f"MISSED in {missed} of {len(verdicts)}"
    if aims == len(verdicts):
        return "met, and the aim"
    return f"met, and the aim in {aims} of {len(verdicts)}" if aims else "met"
