# SPDX-License-Identifier: GPL-2.0
"""The security history of C's drivers, the checks they have by now, and which test shows how ours do."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from .catalogue import problems
from .contract import CONTRACT

# ../shared/reference/peers.md, section 6, and the hardening table of c-usbip-behaviour.md, section 8.
LINES = [
    *("CVE-2016-3955", "CVE-2017-16911", "CVE-2017-16912", "CVE-2017-16913", "CVE-2017-16914", "CVE-2018-5814"),
    *("CVE-2021-29265", "CVE-2022-49389", "CVE-2024-43883", "CVE-2026-31607", "CVE-2026-63905", "CVE-2026-97484"),
    *("hub-shift", "hand-over-races", "completion-interrupts", "scatter-advertised", "ccid-hang", "preempt-rt"),
    *("special-twice", "socket-type", "vudc-dequeue", "CVE-2015-3036", "CVE-2026-92382", "jiegec-39"),
    *(f"H{number}" for number in range(1, 20)),
    *("R1", "R2", "R3"),
]


@dataclass(frozen=True)
class Line:
    """One line: what it is about, what C does today, what ours do, what shows it."""

    id: str
    what: str
    c: str
    ours: str
    by: tuple[str, ...] = ()
    unshown: str = ""

    @property
    def problems(self) -> list[str]:
        """What is wrong with the line: nothing shows it, or something that does not exist."""
        return problems(self.id, self.by, self.unshown)

    def text(self) -> Iterator[str]:
        """The line for readers."""
        yield f"{self.id}: {self.what}"
        yield f"  C     {self.c}"
        yield f"  ours  {self.ours}"
        yield f"  shown {', '.join(self.by)}" if self.by else f"  not shown: {self.unshown}"


def _read() -> dict[str, Line]:
    rows = tomllib.loads((CONTRACT / "security.toml").read_text())
    return {id: Line(id, row["what"], row["c"], row["ours"], tuple(row.get("by", ())), row.get("unshown", ""))
            for id, row in rows.items()}  # fmt: skip


HISTORY = _read()
