# SPDX-License-Identifier: GPL-2.0
"""The commands of the tools, each from its start to its end: Debian's, and ours with the C modules and with ours.

The depth of a cell is the number of devices that are exported.
"""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job
from .perturbation import PERTURBATIONS

SUITE = "tools"
_DEVICES = 8


def jobs() -> Iterator[Job]:
    """All commands in each guest, where the medium is memory."""
    for perturbation, stack in product(PERTURBATIONS, (Stack.C, Stack.OUR_TOOLS, Stack.OURS)):
        setup = ["use_our_tools"] if stack.has_ours else []
        setup += [f"plug_crowd {_DEVICES} 512", f"stub {stack.server}", f"client {stack.client}"]
        loads = (
            f"measure_tool {_label('list-local')} usbip list -l",
            f"measure_tool {_label('list-remote')} usbip list -r 127.0.0.1",
            f"measure_attach {_label('attach')}",
            f"measure_tool {_label('port')} usbip port",
            "usbip detach -p 0 >/dev/console 2>&1",
            f"bench measure {_label('detach')} usbip detach -p 1 2>/dev/console",
        )
        yield Job(SUITE, "commands", stack, perturbation, tuple(setup), loads)


def _label(action: str) -> str:
    return Cell(SUITE, "commands", 0, _DEVICES, action).label
