# SPDX-License-Identifier: GPL-2.0
"""Every line of the security history and of the hardening table names a test, and that exists."""

from harness.security import HISTORY, LINES
from tables import publish


def test_history() -> None:
    """What C suffered from, what it does today, what ours do: shown at the end of a run."""
    publish("security history: C today, ours, and what shows it", (line for row in HISTORY.values() for line in row.text()))
    assert [problem for line in HISTORY.values() for problem in line.problems] == []
    assert list(HISTORY) == LINES
