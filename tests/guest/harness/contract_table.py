# SPDX-License-Identifier: GPL-2.0
"""The contract as text: the whole of it in a file, what differs at the end of the run."""

from collections import Counter
from collections.abc import Iterator

from .contract import CHECKS, Check, Runs
from .modules import Kind

_WIDTH = 60


class Summary:
    """What the runs have shown, as lines of text."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def short(self) -> Iterator[str]:
        """One line for every check that differs, one for the others of its group."""
        same = Counter(check.group for check in self._runs.ran if self._verdict(check) == "same")
        for group, count in same.items():
            yield f"{group}: {count} checks the same"
        for check in self._runs.ran:
            if (verdict := self._verdict(check)) != "same":
                c, ours = (_shorten(self._runs.outcome(kind, check)) for kind in Kind)
                yield f"{check.id} | {c} | {ours} | {verdict}"

    def whole(self) -> str:
        """Every check that has run, unshortened."""
        return "\n".join(map(self._row, self._runs.ran)) + "\n"

    @property
    def is_complete(self) -> bool:
        """Whether every check has run."""
        return len(self._runs.ran) == len(CHECKS)

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
