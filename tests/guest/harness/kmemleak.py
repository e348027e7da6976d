# SPDX-License-Identifier: GPL-2.0
"""What a debug kernel has allocated and nobody points at any more."""

import re
import time
from bisect import bisect_right

from .guest import Guest

_FILE = "/sys/kernel/debug/kmemleak"
# Younger objects are not reported: their address may still be in a register only.
_AGE_SECONDS = 6.0
_ADDRESS = re.compile(r"0x([0-9a-f]{16})")

type Symbols = list[tuple[int, str]]


def symbols(guest: Guest) -> Symbols:
    """Where our modules' functions are; asked while they are loaded, to read traces after that."""
    lines = guest.run("grep '_rs]$' /proc/kallsyms", check=False).out.splitlines()
    return sorted((int(address, 16), f"{name} {module}") for address, _, name, module in map(str.split, lines))


def leaks(guest: Guest, known: Symbols) -> list[str]:
    """Scan; one text per object lost since the guest booted, whoever lost it."""
    # What waits for a grace period is reachable in ways a scan does not see.
    guest.run("rmmod dummy 2>/dev/null; modprobe dummy && rmmod dummy", timeout=60)
    for _ in range(2):
        # The second scan forgives what moved during the first.
        time.sleep(_AGE_SECONDS)
        guest.run(f"echo scan > {_FILE}", timeout=120)
    objects = guest.run(f"cat {_FILE}", timeout=120).out.split("unreferenced object ")
    return [_named(text, known) for text in objects if text.strip()]


def _named(text: str, known: Symbols) -> str:
    """A trace with the names of functions that are not loaded any more."""
    starts = [address for address, _ in known]

    def name(match: re.Match[str]) -> str:
        address = int(match[1], 16)
        index = bisect_right(starts, address) - 1
        if index < 0 or address - starts[index] > 1 << 16:
            return match[0]
        return f"{known[index][1]}+{address - starts[index]:#x}"

    return _ADDRESS.sub(name, text)
