# SPDX-License-Identifier: GPL-2.0
"""The kernel's own driver test: what it does to a source/sink gadget must work over USB/IP."""

import errno

import pytest
from harness import usb
from harness.client import Client
from harness.gadget import Speed, gadget
from harness.imported import imported
from harness.server import Server
from harness.usbtest import CASES, THROUGHPUT, run_cases, source_sink

# dummy_hcd has no isochronous endpoints, the gadget no interrupt ones.
NO_ENDPOINT = (15, 16, 22, 23, 25, 26)


@pytest.mark.parametrize("zeros", [False, True], ids=["checked", "throughput"])
@pytest.mark.parametrize("speed", Speed, ids=["full", "high", "super"])
def test_usbtest(server: Server, client: Client, speed: Speed, zeros: bool) -> None:
    """Bulk, control, scatter-gather, unlink, halt and toggle: as on the gadget itself."""
    with gadget(server.guest, source_sink(zeros=zeros), speed) as made:
        direct = run_cases(server.guest, usb.wait_local(server.guest, made.serial), zeros=zeros)
        ran = {case for case in CASES if (case in THROUGHPUT) == zeros}
        assert direct == {case: errno.EOPNOTSUPP if case in NO_ENDPOINT else 0 for case in ran}
        with imported(server, client, made.serial) as local:
            assert run_cases(client.guest, local, zeros=zeros) == direct
