# SPDX-License-Identifier: GPL-2.0
"""The log of a guest's serial console, read in stretches."""

import time
from pathlib import Path


class Console:
    """Follows a file QEMU writes; a position is a byte offset."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def position(self) -> int:
        """The present end of the log."""
        return self.path.stat().st_size

    def since(self, position: int) -> str:
        """Everything logged after a position."""
        with self.path.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, text: str, position: int, timeout: float) -> bool:
        """Whether TEXT is logged after a position within the time."""
        deadline = time.monotonic() + timeout
        while text not in self.since(position):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True
