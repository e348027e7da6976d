# SPDX-License-Identifier: GPL-2.0
"""Isochronous endpoints across the wire: packets of any length, as many as a transfer may have, at each speed."""

from random import Random

import pytest
from harness.bench import Bench
from harness.gadget import Speed
from harness.guest import Guest
from harness.imported import usbfs_node
from harness.paced import paced, read_bytes
from harness.usbtest import run_cases

SOURCE, SINK = "0x82", "0x02"
# Four URBs of usbfs's.
LARGEST, PACKETS = 64, 512
# Out and in, out and in with an odd address; then a transfer of as many packets as one may have.
CASES = {case: (2, 2048, 0, 4) for case in (15, 16, 22, 23)}
LONG_CASES = {case: (1, 1024 * LARGEST, 0, 1) for case in (15, 16)}


def _packets(seed: str) -> bytes:
    """Packets of all lengths, empty and whole ones more often than others; each after its length."""
    source = Random(seed)
    lengths = [source.choice((0, LARGEST, source.randrange(LARGEST))) for _ in range(PACKETS)]
    return b"".join(length.to_bytes(2, "little") + source.randbytes(length) for length in lengths)


def _run_usbtest(guest: Guest, busid: str) -> None:
    # usbtest puts up with one packet in ten.
    count = "dmesg | grep -c ' errors out of ' || true"
    before = guest.out(count)
    for cases in (CASES, LONG_CASES):
        assert run_cases(guest, busid, cases) == dict.fromkeys(cases, 0)
    assert guest.out(count) == before
    guest.run(f"echo {busid}:1.0 > /sys/bus/usb/drivers/usbtest/unbind")


@pytest.mark.parametrize("speed", Speed, ids=["full", "high", "super"])
def test_isochronous(bench: Bench, speed: Speed) -> None:
    """usbtest's cases; packets arrive both ways as they were sent, however long they and those before them are."""
    guest = bench.guest
    lots = [_packets("direct"), _packets("imported")]
    with paced(bench.client, "source-sink", speed, b"".join(lots)) as device:
        for number, busid in enumerate(bench.paced("isochronous source/sink", device)):
            _run_usbtest(guest, busid)
            node = usbfs_node(guest, busid)
            received = "/tmp/packets"
            guest.run(f"usbfs receive {node} {SOURCE} {PACKETS} {LARGEST} > {received}")
            assert read_bytes(guest, received) == lots[number]
            guest.run(f"usbfs send {node} {SINK}", stdin=lots[number])
            assert device.received() == b"".join(lots[: number + 1])
