# SPDX-License-Identifier: GPL-2.0
"""Fifty attachments leave as much memory as ten."""

import pytest
from harness.link import Link
from harness.memory import Usage

WARM_UP = 10
HALF = 20
# What leaks grows in both halves; what a cache keeps for later does so once. One slab object, or 8 KiB that
# belong to none, lost with every attachment are found.
MAX_OBJECTS = HALF - 1
MAX_KILOBYTES = {"SUnreclaim": 160, "VmallocUsed": 160, "KernelStack": 64, "Unaccounted": 1024, "Percpu": 64}


def _cycles(link: Link, count: int) -> None:
    """Attach, read the partition table's sector past the cache, detach; inside the guest, which is quicker."""
    loop = f"""
    for cycle in $(seq {count}); do
        {link.client.usbip} attach -r {link.host} -b {link.busid} || exit 1
        until busid=$(usb-find imported {link.stick.serial}) && disk=$(usb-disk $busid); do sleep 0.02; done
        dd if=$disk of=/dev/null bs=64k count=4 iflag=direct status=none || exit 2
        {link.client.usbip} detach -p {link.port} || exit 3
        until grep -hq '^.s  {link.port:04} 004' {link.client.port_files()}; do sleep 0.02; done
        while usb-find imported {link.stick.serial} > /dev/null; do sleep 0.02; done
        until [ "$(cat /sys/bus/usb/devices/{link.busid}/usbip_status)" = 1 ]; do sleep 0.02; done
    done
    """
    link.client.guest.run(loop, timeout=4 * count)


def _objects(before: Usage, after: Usage) -> set[str]:
    return {name for name, count in after.grown(before).items() if count > MAX_OBJECTS}


def _memory(before: Usage, after: Usage) -> set[str]:
    return {name for name, most in MAX_KILOBYTES.items() if after.kilobytes[name] - before.kilobytes[name] > most}


@pytest.mark.timeout(900)
def test_no_growth(link: Link) -> None:
    """Slab objects, memory and threads are the same after 10 and after 50 attachments."""
    link.start()
    link.attach()
    link.detach()
    points = []
    for cycles in (WARM_UP, HALF, HALF):
        _cycles(link, cycles)
        points.append(Usage.of(link.client.guest))
        print(points[-1].kilobytes, points[-1].threads.total())
    first, middle, last = points
    print(f"grown: {middle.grown(first)} and {last.grown(middle)}")

    assert not _objects(first, middle) & _objects(middle, last)
    assert not _memory(first, middle) & _memory(middle, last)
    assert last.threads == first.threads
