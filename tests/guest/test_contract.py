# SPDX-License-Identifier: GPL-2.0
"""The driver contract: one program, run against the C modules and against ours, has to find the same.

Where ours are better on purpose, tests/contract/table says how, why, and what C does. Any other difference fails.
The table is printed at the end; the whole of it is left in $USBIP_OUT/logs/contract-table.txt.
"""

from collections.abc import Iterator

import pytest
from harness.catalogue import CATALOGUE, NUMBERS
from harness.contract import CHECKS, CONNECTED, GROUPS, MISSING, NOT_OVER_TCP, Check, Runs
from harness.contract_table import Summary
from harness.env import Env
from harness.modules import Kind
from harness.pool import Pool
from tables import publish


@pytest.fixture(scope="module")
def runs(env: Env, pool: Pool) -> Iterator[Runs]:
    """All runs of the program; leaves their table behind."""
    runs = Runs(env, pool)
    yield runs
    if env.debug:
        return
    summary = Summary(runs)
    publish("driver contract: check | C | ours | verdict", summary.short())
    if summary.is_complete:
        publish("driver contract: known warts, and what shows ours to be better", map(str, CATALOGUE.values()))
    env.logs.mkdir(parents=True, exist_ok=True)
    (env.logs / "contract-table.txt").write_text(summary.whole())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_check(runs: Runs, check: Check) -> None:
    """Ours find what C finds, or what the table says."""
    c, ours = runs.outcome(Kind.C, check), runs.outcome(Kind.RS, check)
    assert MISSING not in (c, ours)
    if not check.is_fix:
        assert ours == c
        return
    assert ours == check.ours, check.why
    if not check.crash:
        assert c == check.c, "the table is wrong about C"
        assert c != ours, "there is nothing better about ours"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", GROUPS)
def test_complete(runs: Runs, group: str) -> None:
    """Every check that runs is in the table."""
    known = {check.id for check in GROUPS[group]}
    assert set(runs.outcomes(Kind.RS, group)) == known


@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", GROUPS)
def test_kernel_log(runs: Runs, group: str) -> None:
    """The kernel has nothing to say against our modules."""
    runs.log(Kind.RS, group).check()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", CONNECTED)
def test_over_tcp(runs: Runs, group: str) -> None:
    """Ours find the same over TCP, where PDUs are taken as they arrive, as over a pair of sockets."""
    outcomes, log = runs.over_tcp(group)
    expected = runs.outcomes(Kind.RS, group)
    pairs = {id: (expected[id], outcomes.get(id)) for id in expected if id not in NOT_OVER_TCP}
    assert {id: pair for id, pair in pairs.items() if pair[0] != pair[1]} == {}
    log.check()


def test_catalogue() -> None:
    """Everything known to be wrong with C has a line that names what shows it, and that exists."""
    assert [problem for row in CATALOGUE.values() for problem in row.problems] == []
    assert [number for number in NUMBERS if number not in CATALOGUE] == []


def test_numbers() -> None:
    """A difference is one that the catalogue knows."""
    used = {number for check in CHECKS for number in check.warts.split()}
    assert used - set(CATALOGUE) == set()
