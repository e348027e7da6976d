# SPDX-License-Identifier: GPL-2.0
"""The kernel modules of each role, the stock C ones and ours."""

from enum import StrEnum

from .guest import Guest, GuestError


class Kind(StrEnum):
    """Whose modules."""

    C = "c"
    RS = "rs"


HOST = {Kind.C: "usbip_host", Kind.RS: "usbip_host_rs"}
VHCI = {Kind.C: "vhci_hcd", Kind.RS: "vhci_hcd_rs"}
CORE = {Kind.C: "usbip_core", Kind.RS: "usbip_core_rs"}
_FEW = {VHCI[Kind.RS]: "controllers=2"}
ALL = (*HOST.values(), *VHCI.values(), *CORE.values())


def load(guest: Guest, module: str, *, whole: bool = False) -> None:
    """Load a module and what it needs; of our virtual controllers only two unless WHOLE, for the usual eight take
    seconds to come and go without KVM.
    """
    if module.endswith("_rs") and not (guest.env.our_modules / f"{module}.ko").exists():
        raise GuestError(f"{module}.ko is not in {guest.env.our_modules}: run 'make modules'")
    parameters = "" if whole else _FEW.get(module, "")
    guest.run(f"modprobe {module} {parameters}", timeout=30)


def unload(guest: Guest, module: str) -> None:
    """Unload one module, leaving alone what it needed."""
    guest.run(f"rmmod {module}", timeout=30)


def is_loaded(guest: Guest, module: str) -> bool:
    """Whether a module is in the kernel."""
    return guest.succeeds(f"test -d /sys/module/{module}")


def references(guest: Guest, module: str) -> int:
    """A loaded module's reference count."""
    return int(guest.read(f"/sys/module/{module}/refcnt"))


def unload_all(guest: Guest) -> None:
    """Unload every USB/IP module that is there, users first."""
    # One command: this runs after every test.
    guest.run(
        f"for m in {' '.join(ALL)}; do [ ! -d /sys/module/$m ] || rmmod $m || exit 1; done", timeout=30
    )
