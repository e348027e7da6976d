# SPDX-License-Identifier: GPL-2.0
"""The KUnit suites in our modules, which only modules for the debug kernel have: they run when those are loaded."""

import re
from pathlib import Path

from harness import ktap, modules
from harness.guest import Guest
from harness.modules import HOST, VHCI, Kind

_CHECKOUT = Path(__file__).resolve().parents[2]
_SUITE = re.compile(r"kunit_tests\((\w+)\)\s*\)?\]\n.*?^mod \w+ \{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
_TEST = re.compile(r"#\[test\]\s+fn (\w+)")


def _written() -> set[tuple[str, str]]:
    """Suites and tests in the sources."""
    found = set()
    for source in (_CHECKOUT / "rust").rglob("*.rs"):
        for suite, body in _SUITE.findall(source.read_text()):
            found |= {(suite, test) for test in _TEST.findall(body)}
    return found


def test_suites(testing_guest: Guest) -> None:
    """Every test in the sources runs and passes, none is skipped, and the modules can be unloaded."""
    modules.load(testing_guest, HOST[Kind.RS])
    modules.load(testing_guest, VHCI[Kind.RS])
    written = _written()
    # The kernel crate has suites of its own.
    suites = {suite for suite, _ in written}
    cases = [case for case in ktap.cases(testing_guest.out("dmesg")) if case.suite in suites]
    for case in cases:
        print(f"{'ok' if case.passed else 'FAILED'} {case.suite} {case.name}")
    assert written
    assert {(case.suite, case.name) for case in cases} == written
    assert [case for case in cases if not case.passed or case.skipped] == []
    modules.unload_all(testing_guest)
