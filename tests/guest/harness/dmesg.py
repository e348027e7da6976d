# SPDX-License-Identifier: GPL-2.0
"""Reads a kernel log for everything a healthy kernel never says."""

import re
from dataclasses import dataclass

COMPLAINTS = (
    r"WARNING:",
    # Without KCSAN's reports, of which only those about our modules count: the kernel has races of its own.
    r"\bBUG\b(?!: KCSAN)",
    r"\bKCSAN: .*\[(usbip_core|usbip_host|vhci_hcd)_rs\]",
    r"Poison overwritten",
    r"Redzone overwritten",
    r"\bOops\b",
    r"general protection fault",
    r"Unable to handle kernel",
    r"Kernel panic",
    r"\bKASAN:",
    r"\bKFENCE:",
    r"\bUBSAN:",
    r"possible recursive locking",
    r"circular locking",
    r"lock order inversion",
    r"inconsistent lock state",
    r"lock held when returning to user space",
    r"suspicious RCU usage",
    r"sleeping function called",
    r"scheduling while atomic",
    r"blocked for more than \d+ seconds",
    r"blocked in I/O wait for more than",
    r"soft lockup",
    r"hard LOCKUP",
    r"rcu: INFO: .*stall",
    r"rcu.*detected (expedited )?stalls",
    r"refcount_t",
    r"Call Trace:",
    r"list_(add|del) corruption",
    r"Bad page state",
    r"Objects remaining",
    r"unregister_netdevice: waiting",
    r"kmemleak: \d+ new suspected memory leaks",
    r"unreferenced object",
    r"ODEBUG:",
    r"unbalanced",
    r"irq \d+: nobody cared",
    r"panicked at",
    r"workqueue lockup",
)
_PATTERN = re.compile("|".join(f"(?:{complaint})" for complaint in COMPLAINTS))
_TAIL_LINES = 40


class KernelComplaint(AssertionError):
    """A kernel log holds lines that fail whatever was running."""


@dataclass(frozen=True)
class Log:
    """A stretch of kernel log and where its whole is kept."""

    text: str
    kept_in: str

    @property
    def complaints(self) -> list[str]:
        """The lines that make the log a bad one."""
        return [line.strip() for line in self.text.splitlines() if _PATTERN.search(line)]

    @property
    def tail(self) -> str:
        """The last lines, for a failure report."""
        return "\n".join(self.text.splitlines()[-_TAIL_LINES:])

    def check(self) -> None:
        """Raise KernelComplaint unless the log is clean."""
        lines = self.complaints
        if lines:
            listed = "\n  ".join(lines[:20])
            raise KernelComplaint(f"the kernel complained ({self.kept_in}):\n  {listed}")
