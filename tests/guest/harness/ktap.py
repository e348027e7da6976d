# SPDX-License-Identifier: GPL-2.0
"""Results of KUnit suites, as the kernel logs them (Documentation/dev-tools/ktap.rst)."""

import re
from dataclasses import dataclass

_RESULT = re.compile(r"^(?:\[[^]]*\] ?)*(?P<indent> *)(?P<verdict>ok|not ok) \d+ (?P<name>\w+)(?P<rest>.*)$")
_SUBTEST = re.compile(r"# Subtest: (?P<name>\w+)")


@dataclass(frozen=True)
class Case:
    """One test of a suite."""

    suite: str
    name: str
    passed: bool
    skipped: bool


def cases(log: str) -> list[Case]:
    """The cases in a kernel log, in their order."""
    found: list[Case] = []
    suite = ""
    for line in log.splitlines():
        if subtest := _SUBTEST.search(line):
            suite = subtest["name"]
        elif (result := _RESULT.match(line.rstrip())) and len(result["indent"]) == 4:
            found.append(Case(suite, result["name"], result["verdict"] == "ok", "# SKIP" in result["rest"]))
    return found
