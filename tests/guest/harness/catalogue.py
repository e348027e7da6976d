# SPDX-License-Identifier: GPL-2.0
"""The catalogue of what is wrong with C's drivers and tools, and which test shows that ours are better."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .contract import CHECKS, CONTRACT

_ROOT = CONTRACT.parents[1]
# Where a file that a row names may be.
_FOLDERS = (_ROOT / "tests/guest", _ROOT)


def _lettered(number: int, letters: str) -> list[str]:
    return [f"W{number}", *(f"W{number}{letter}" for letter in letters)]


# The numbers of ../shared/reference/c-usbip-behaviour.md: the warts of section 7, the checks that C misses of
# section 8, and the checks worth writing of section 9.
NUMBERS = [
    *(f"W{number}" for number in range(1, 12)),
    *_lettered(12, "abcdefgh"),
    *(f"W{number}" for number in range(13, 19)),
    *_lettered(19, "abcdefg"),
    *(f"W{number}" for number in range(20, 27)),
    *(f"M{number}" for number in range(1, 15)),
    *(f"check-{number}" for number in range(1, 17)),
]


@dataclass(frozen=True)
class Row:
    """One number of the catalogue."""

    id: str
    what: str
    by: tuple[str, ...] = ()
    unshown: str = ""

    @property
    def problems(self) -> list[str]:
        """What is wrong with the row: nothing shows it, or something that does not exist."""
        return problems(self.id, self.by, self.unshown)

    def __str__(self) -> str:
        shown = ", ".join(self.by) if self.by else f"not shown: {self.unshown}"
        return f"{self.id}: {self.what}: {shown}"


def problems(id: str, by: tuple[str, ...], unshown: str) -> list[str]:
    """What is wrong with saying that BY shows ID, or why nothing can."""
    if bool(by) == bool(unshown):
        return [f"{id}: either tests that show it, or why there can be none"]
    return [f"{id}: there is no {name}" for name in by if not _exists(name)]


def _exists(name: str) -> bool:
    """Whether there is a check of that name, a group of checks `GROUP.*`, or a test `FILE::FUNCTION`."""
    if "::" not in name:
        pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
        return any(pattern.fullmatch(check.id) for check in CHECKS)
    path, _, function = name.partition("::")
    files = [folder / path for folder in _FOLDERS if (folder / path).is_file()]
    definition = re.compile(rf"^\s*(?:def|fn) {re.escape(function)}\(", re.MULTILINE)
    return any(definition.search(file.read_text()) for file in files)


def _read() -> dict[str, Row]:
    rows = tomllib.loads((CONTRACT / "catalogue.toml").read_text())
    return {id: Row(id, row["what"], tuple(row.get("by", ())), row.get("unshown", "")) for id, row in rows.items()}


CATALOGUE = _read()
