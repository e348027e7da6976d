# SPDX-License-Identifier: GPL-2.0
"""A machine of another architecture that is only busybox, our modules and our tools, all in its initramfs."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .cpio import Archive
from .env import Env
from .initramfs import BUSYBOX, add_boot_modules
from .payload import INSIDE

# What finds a stick and its disk; the rest of inside/bin is for a guest with systemd.
_SCRIPTS = ("usb-find", "usb-disk")


@dataclass(frozen=True)
class Appliance:
    """What is in it; INIT is its first process, which finds modules in /boot and programs in /bin."""

    init: Path
    boot_modules: Iterable[str]
    modules: Iterable[str]
    tools: Iterable[str]

    def build(self, env: Env, target: Path) -> Path:
        """Write the initramfs to TARGET and return it."""
        archive = Archive()
        for directory in ("dev", "proc", "sys", "tmp", "run", "var/run"):
            archive.directory(directory)
        archive.file("bin/busybox", BUSYBOX.resolve().read_bytes(), 0o755)
        archive.file("init", self.init.read_bytes(), 0o755)
        for name in _SCRIPTS:
            archive.file(f"bin/{name}", (INSIDE / "bin" / name).read_bytes(), 0o755)
        add_boot_modules(archive, env, self.boot_modules)
        for name in self.modules:
            archive.file(f"boot/{name}.ko", (env.our_modules / f"{name}.ko").read_bytes())
        release = env.tools.parent / os.environ["CARGO_BUILD_TARGET"] / "release"
        for name in self.tools:
            archive.file(f"bin/{name}", (release / name).read_bytes(), 0o755)
        target.write_bytes(archive.finish())
        return target
