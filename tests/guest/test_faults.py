# SPDX-License-Identifier: GPL-2.0
"""Every allocation of the drivers fails once: collected for the debug kernel only.

FAULTS selects operations by a part of their name.
"""

import pytest
from harness import kmemleak, modules
from harness.faults import NAME, inject
from harness.guest import Guest
from harness.modules import Kind
from tables import publish


@pytest.mark.timeout(900)
@pytest.mark.parametrize("side", ["client", "server", "both"])
def test_allocations(quiet_guest: Guest, side: str) -> None:
    """One after the other: an error or a second try, then an honest peer is served; nothing hangs, nothing is lost."""
    for module in (modules.HOST[Kind.RS], modules.VHCI[Kind.RS]):
        modules.load(quiet_guest, module)
    known = kmemleak.symbols(quiet_guest)
    rows = inject(quiet_guest, f"{side}: {NAME}")
    faults = sum(row.faults for row in rows)
    heading = f"{'operation':32}{'who allocates':16}{'failed':>7}  outcomes"
    publish(f"failed allocations, {side}", [heading, *map(str, rows), f"{faults} allocations failed"])
    assert faults > 0
    for module in modules.ALL:
        assert not modules.is_loaded(quiet_guest, module)
    lost = kmemleak.leaks(quiet_guest, known)
    shown = "\n".join(lost[:10])
    assert not lost, f"{len(lost)} objects lost\n{shown}"
