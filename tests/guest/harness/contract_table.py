# SPDX-License-Identifier: GPL-2.0
"""The contract as text: the whole of it in a file, what differs at the end of the run."""

from collections import Counter

from _pytest.terminal import TerminalReporter

from .catalogue import CATALOGUE
from .contract import CHECKS, Check, Runs
from .modules import Kind

_WIDTH = 60


class Summary:
    """Prints the table when all tests are through."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """One line for every check that differs, one for the others of its group, one for every known wart."""
        terminalreporter.section("driver contract: check | C | ours | verdict")
        same = Counter(check.group for check in self._runs.ran if self._verdict(check) == "same")
        for group, count in same.items():
            terminalreporter.write_line(f"{group}: {count} checks the same")
        for check in self._runs.ran:
            if (verdict := self._verdict(check)) != "same":
                c, ours = (_shorten(self._runs.outcome(kind, check)) for kind in Kind)
                terminalreporter.write_line(f"{check.id} | {c} | {ours} | {verdict}")
        if len(self._runs.ran) == len(CHECKS):
            terminalreporter.section("driver contract: known warts, and what shows ours to be better")
            for row in CATALOGUE.values():
                terminalreporter.write_line(str(row))

    def whole(self) -> str:
        """Every check that has run, unshortened."""
        return "\n".join(map(self._row, self._runs.ran)) + "\n"

    def _row(self, check: Check) -> str:
        c, ours = (self._runs.outcome(kind, check) for kind in Kind)
        reason = f" {check.why}" if check.is_fix else ""
        outcomes = f"  C    {c}\n  ours {'the same' if c == ours else ours}"
        return f"{check.id}\n{outcomes}\n  {self._verdict(check)}{reason}"

    def _verdict(self, check: Check) -> str:
        c, ours = (self._runs.outcome(kind, check) for kind in Kind)
        if not check.is_fix:
            return "same" if c == ours else "DIFFERENT"
        return f"better {check.warts}" if ours == check.ours else "WRONG"


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
