# SPDX-License-Identifier: GPL-2.0
"""The kernel's usbtest driver and the source/sink gadget it is made for."""

from . import usb
from .gadget import Function
from .guest import Guest
from .imported import usbfs_node

# The product usbtest takes for gadget zero; pattern 1 has both ends check every byte, pattern 0 are zeros.
_ZERO_IDS = ("0x0525", "0xa4a0")
_CHECKED, _ZEROS = 1, 0

# Case: iterations, length, vary, scatter list entries. Where dummy_hcd needs whole packets (scatter lists) or the
# source sends nothing else (IN), lengths are multiples of the largest packet of any speed.
CASES = {
    0: (1, 0, 0, 0),
    1: (20, 4000, 0, 0),
    2: (20, 4096, 0, 0),
    3: (20, 4000, 421, 0),
    4: (20, 4096, 1024, 0),
    5: (5, 2048, 0, 32),
    6: (5, 2048, 0, 32),
    7: (5, 4096, 1024, 32),
    8: (5, 4096, 1024, 32),
    9: (3, 0, 0, 0),
    10: (5, 0, 0, 32),
    11: (30, 2048, 0, 0),
    12: (30, 2048, 0, 0),
    13: (10, 0, 0, 0),
    14: (30, 1024, 97, 0),
    15: (5, 2048, 0, 8),
    16: (5, 2048, 0, 8),
    17: (10, 2048, 0, 0),
    18: (10, 2048, 0, 0),
    19: (10, 2048, 0, 0),
    20: (10, 2048, 0, 0),
    21: (30, 1024, 97, 0),
    22: (5, 2048, 0, 8),
    23: (5, 2048, 0, 8),
    24: (10, 2048, 0, 32),
    25: (10, 512, 0, 0),
    26: (10, 512, 0, 0),
    27: (5, 8192, 0, 32),
    28: (5, 8192, 0, 32),
    29: (10, 0, 0, 0),
}
# These measure speed and move zeros only.
THROUGHPUT = (27, 28)


def source_sink(*, zeros: bool) -> Function:
    """The gadget, which checks what it is sent."""
    pattern = _ZEROS if zeros else _CHECKED
    return Function("SourceSink", {"pattern": str(pattern).encode()}, _ZERO_IDS)


def run_cases(
    guest: Guest, busid: str, cases: dict[int, tuple[int, int, int, int]], *, zeros: bool = False
) -> dict[int, int]:
    """Run cases on a device; per case its errno, 0 for passed."""
    guest.wait_until(f'[ "$(basename $(readlink {usb.SYSFS}/{busid}:1.0/driver))" = usbtest ]')
    guest.run(f"echo {_ZEROS if zeros else _CHECKED} > /sys/module/usbtest/parameters/pattern")
    lines = "".join(" ".join(map(str, (case, *numbers))) + "\n" for case, numbers in cases.items())
    told = guest.run(f"usbtest {usbfs_node(guest, busid)}", stdin=lines.encode(), timeout=45).out
    print(f"usbtest {busid}: case errno milliseconds\n{told}")
    results = [tuple(map(int, line.split())) for line in told.splitlines()]
    return {case: errno for case, errno, _ in results}
