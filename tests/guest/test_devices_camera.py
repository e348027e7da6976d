# SPDX-License-Identifier: GPL-2.0
"""A camera across the wire: isochronous transfers that are full, then empty, then full again."""

from random import Random

from harness import usb
from harness.bench import Bench
from harness.gadget import Speed
from harness.imported import wait_node
from harness.paced import paced, read_bytes

PICTURE = 160 * 120 * 2
TAKEN = 6
PICTURES = "/tmp/pictures"


def test_camera(bench: Bench) -> None:
    """Pictures are taken as they were sent, each once and in order."""
    guest = bench.guest
    sent = Random("pictures").randbytes(4 * PICTURE)
    with paced(bench.client, "camera", Speed.HIGH, sent) as device:
        for busid in bench.paced("UVC camera", device):
            node = wait_node(guest, f"{usb.SYSFS}/{busid}:1.0/video4linux/video*")
            guest.run(f"capture {node} {TAKEN} {PICTURE} > {PICTURES}", timeout=30)
            # The first ones may have been sent before there was anybody to take them.
            assert read_bytes(guest, PICTURES) in 3 * sent
