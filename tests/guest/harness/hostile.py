# SPDX-License-Identifier: GPL-2.0
"""Peers that mutate valid PDUs: tests/hostile, run in a guest."""

import os
import re

from .guest import Guest
from .program import install_alone

_COUNT = re.compile(r"(\w+)=(\d+)")
# From which follows what is sent; FUZZ_SEED repeats a run.
SEED = int(os.environ.get("FUZZ_SEED") or int.from_bytes(os.urandom(4)))
SECONDS = int(os.environ.get("FUZZ_SECONDS") or 20)


class HostileError(AssertionError):
    """A driver did not survive, as the program saw it."""


def grab(guest: Guest) -> list[str]:
    """Take what a client can get; returns what it cost, a line for each attack."""
    program = install_alone(guest, "hostile")
    result = guest.run(f"{program} resources {guest.env.patience} 2>&1", check=False, timeout=60)
    if result.code != 0:
        raise HostileError(result.out)
    return result.out.splitlines()


def lie(guest: Guest, role: str) -> dict[str, int]:
    """Be a hostile client or server for a while; returns what was counted."""
    program = install_alone(guest, "hostile")
    command = f"{program} {role} {SEED} {SECONDS} {guest.env.patience}"
    # The time the last sessions and the honest peers take is stretched, the time they begin in is not.
    result = guest.run(f"{command} 2>&1", check=False, timeout=60 + SECONDS)
    print(f"{command}\n{result.out}")
    if result.code != 0:
        raise HostileError(f"seed {SEED}, {role}:\n{result.out}")
    return {name: int(number) for name, number in _COUNT.findall(result.out.splitlines()[-1])}
