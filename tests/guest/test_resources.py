# SPDX-License-Identifier: GPL-2.0
"""Clients that submit without reading, claim all memory, import everything and sleep."""

import pytest
from harness.guest import Guest
from harness.hostile import grab
from tables import publish


@pytest.mark.timeout(300)
def test_greedy_clients(quiet_guest: Guest) -> None:
    """What a client can take is bounded and can be taken back; an honest one is served after it."""
    costs = grab(quiet_guest)
    publish("greedy clients: what they cost", costs)
    assert len(costs) == 3
