# SPDX-License-Identifier: GPL-2.0
"""The kernel's own driver test: what it does to a source/sink gadget must work over USB/IP."""

import errno
from dataclasses import replace

import pytest
from harness.bench import Bench
from harness.env import is_debug
from harness.gadget import Speed, gadget
from harness.qemu import Machine
from harness.usbtest import CASES, THROUGHPUT, run_cases, source_sink

# dummy_hcd has no isochronous endpoints (see test_devices_isochronous.py), the gadget no interrupt ones.
NO_ENDPOINT = (15, 16, 22, 23, 25, 26)


@pytest.fixture
def guest_machine(guest_machine: Machine) -> Machine:
    """On a debug kernel without DEBUG_OBJECTS: usbtest has a timer on its stack and does not say so."""
    if not is_debug():
        return guest_machine
    return replace(guest_machine, name="usbtest", words=f"{guest_machine.words} no_debug_objects")


@pytest.mark.parametrize("zeros", [False, True], ids=["checked", "throughput"])
@pytest.mark.parametrize("speed", Speed, ids=["full", "high", "super"])
def test_usbtest(bench: Bench, speed: Speed, zeros: bool) -> None:
    """Bulk, control, scatter-gather, unlink, halt and toggle: as on the gadget itself."""
    cases = {case: numbers for case, numbers in CASES.items() if (case in THROUGHPUT) == zeros}
    wanted = {case: errno.EOPNOTSUPP if case in NO_ENDPOINT else 0 for case in cases}
    with gadget(bench.guest, source_sink(zeros=zeros), speed) as made:
        for busid in bench.gadget("usbtest", made):
            assert run_cases(bench.guest, busid, cases, zeros=zeros) == wanted
