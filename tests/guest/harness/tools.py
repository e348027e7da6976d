# SPDX-License-Identifier: GPL-2.0
"""The usbip and usbipd commands: Debian's C ones and ours."""

from enum import StrEnum

from .guest import Guest, GuestError


class Tools(StrEnum):
    """Whose tools."""

    DEB = "deb"
    RS = "rs"

    def path(self, guest: Guest, program: str) -> str:
        """Where a program of this set is in the guest."""
        if self is Tools.DEB:
            return f"/usr/sbin/{program}"
        if not (guest.env.tools / program).exists():
            raise GuestError(f"{program} is not in {guest.env.tools}: run 'make tools'")
        return f"/opt/usbip-rs/bin/{program}"
