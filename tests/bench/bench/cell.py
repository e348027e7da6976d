# SPDX-License-Identifier: GPL-2.0
"""What is measured: one kind of transfer, or one command."""

from dataclasses import dataclass
from enum import StrEnum


class Stack(StrEnum):
    """What is between the load and the device."""

    DIRECT = "direct"
    C = "c"
    OURS = "ours"
    OUR_CLIENT = "our client"
    OUR_SERVER = "our server"
    OUR_TOOLS = "our tools"

    @property
    def server(self) -> str:
        """The module that exports."""
        return "usbip_host_rs" if self in (Stack.OURS, Stack.OUR_SERVER) else "usbip_host"

    @property
    def client(self) -> str:
        """The module that imports."""
        return "vhci_hcd_rs" if self in (Stack.OURS, Stack.OUR_CLIENT) else "vhci_hcd"

    @property
    def has_ours(self) -> bool:
        """Whether anything of ours is in it."""
        return self not in (Stack.DIRECT, Stack.C)


# What is compared with C.
OURS = tuple(stack for stack in Stack if stack.has_ours)


@dataclass(frozen=True, order=True)
class Cell:
    """One cell of a table; its label names it in guests and in the data file."""

    suite: str
    variant: str
    size: int
    depth: int
    action: str

    @property
    def label(self) -> str:
        """The cell in one word."""
        return f"{self.suite}/{self.variant}/{self.size}/{self.depth}/{self.action}"

    @classmethod
    def parse(cls, label: str) -> "Cell":
        """The cell of a label."""
        suite, variant, size, depth, action = label.split("/")
        return cls(suite, variant, int(size), int(depth), action)

    @property
    def significance(self) -> float:
        """How far two medians are apart at least if they differ at all: at some depth batches form by chance."""
        return 0.01 if self.depth == 1 else 0.02 if self.depth <= 8 else 0.05
