# SPDX-License-Identifier: GPL-2.0
"""The toolbox environment: where kernel, root image, modules and tools are."""

import os
from dataclasses import dataclass
from pathlib import Path


class EnvironmentMissing(Exception):
    """A variable that tests/env/enter sets is not there."""


def _variable(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise EnvironmentMissing(f"{name} is not set: run this through tests/env/enter") from None


def is_debug() -> bool:
    """Whether the guests run a debug kernel."""
    return os.environ.get("USBIP_KERNEL", "stock") != "stock"


@dataclass(frozen=True)
class Env:
    """What tests/env/enter tells us about the toolbox it entered."""

    kernel_release: str
    vmlinuz: Path
    stock_modules: Path
    guest_root: Path
    accel: str
    out: Path
    tools: Path
    debug: bool = False

    @classmethod
    def read(cls) -> "Env":
        """Read the variables; raises EnvironmentMissing outside the toolbox."""
        target = Path(_variable("CARGO_TARGET_DIR"))
        return cls(
            kernel_release=_variable("USBIP_KVER"),
            vmlinuz=Path(_variable("USBIP_VMLINUZ")),
            stock_modules=Path(_variable("USBIP_STOCK_MODULES")),
            guest_root=Path(_variable("USBIP_GUEST_ROOT")),
            accel=_variable("USBIP_ACCEL"),
            out=Path(_variable("USBIP_OUT")),
            tools=target / "release",
            debug=is_debug(),
        )

    @property
    def our_modules(self) -> Path:
        """Where the build leaves our .ko files."""
        return self.out / "modules"

    @property
    def logs(self) -> Path:
        """Where every test leaves its console and dmesg."""
        return self.out / "logs"

    @property
    def patience(self) -> float:
        """Factor for every time limit: an emulated guest is an order of magnitude slower."""
        return (1.0 if self.accel == "kvm" else 4.0) * (3.0 if self.debug else 1.0)
