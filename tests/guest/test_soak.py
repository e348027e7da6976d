# SPDX-License-Identifier: GPL-2.0
"""Endurance: attach, work, break, detach in random order; memory stays flat. Collected when SOAK_SECONDS says how long.

SOAK_SEED repeats the order of an earlier run.
"""

import os
import random
import time
from collections import Counter
from dataclasses import replace

import pytest
from harness.guest import Guest
from harness.link import Link
from harness.memory import Usage, allocators
from harness.qemu import Machine
from harness.soak import Soak
from tables import publish

SECONDS = int(os.environ.get("SOAK_SECONDS") or 0)
SEED = int(os.environ.get("SOAK_SEED") or int.from_bytes(os.urandom(4)))
SAMPLES = 12
# One lost with every twentieth attachment is found; below that, what is kept for later comes and goes.
OBJECTS_PER_CYCLE = 0.05
MIN_OBJECTS = 64
MAX_KILOBYTES = {"LargeObjects": 512, "VmallocUsed": 512, "KernelStack": 128, "Percpu": 128}
COLUMNS = ("MemAvailable", "LargeObjects", "KernelStack", "VmallocUsed")


def _row(begin: float, cycles: int, soak: Soak, usage: Usage) -> str:
    sizes = "".join(f"{usage.kilobytes[name]:>14}" for name in COLUMNS)
    objects = sum(usage.objects.values())
    return f"{time.monotonic() - begin:>8.0f}{cycles:>8}{sizes}{objects:>10}{usage.threads.total():>9}{soak.sockets():>9}"


@pytest.fixture
def guest_machine(guest_machine: Machine) -> Machine:
    """One that also keeps who allocated what."""
    return replace(guest_machine, name="soak", words=guest_machine.words.replace("slab_debug=FZP", "slab_debug=FZPU"))


def _grown(guest: Guest, first: Usage, last: Usage, cycles: int) -> list[str]:
    most = max(MIN_OBJECTS, cycles * OBJECTS_PER_CYCLE)
    growth = {name: count for name, count in last.grown(first).items() if count > most}
    objects = [f"{name}: {count} more objects\n{allocators(guest, name)}" for name, count in growth.items()]
    more = {name: last.kilobytes[name] - first.kilobytes[name] for name in MAX_KILOBYTES}
    return objects + [f"{name}: {size} KiB more" for name, size in more.items() if size > MAX_KILOBYTES[name]]


@pytest.mark.timeout(SECONDS + 1200)
def test_endurance(link: Link) -> None:
    """However attachments end, everything goes on, and as much memory, threads and sockets are in use as before."""
    soak = Soak(link, random.Random(SEED))
    soak.start()
    soak.warm_up()
    begin = time.monotonic()
    done: Counter[str] = Counter()
    usages, rows = [], []
    heading = f"{'seconds':>8}{'cycles':>8}{''.join(f'{name:>14}' for name in COLUMNS)}{'objects':>10}{'threads':>9}{'sockets':>9}"
    while True:
        soak.renew()
        usages.append(Usage.of(link.client.guest))
        rows.append(_row(begin, done.total(), soak, usages[-1]))
        publish(f"endurance, seed {SEED}", [heading, *rows, ", ".join(f"{count} {name}" for name, count in done.items())])
        if time.monotonic() - begin >= SECONDS:
            break
        deadline = time.monotonic() + SECONDS / SAMPLES
        while time.monotonic() < deadline:
            done[soak.cycle()] += 1
    assert done
    grown = _grown(link.client.guest, usages[0], usages[-1], done.total())
    assert not grown, "\n".join(grown)
    assert usages[-1].threads == usages[0].threads
    soak.stop()
