# SPDX-License-Identifier: GPL-2.0
"""The initramfs: just enough to mount the root image, with the payload laid over it."""

from collections.abc import Iterable
from pathlib import Path

from .cpio import Archive
from .env import Env
from .payload import INSIDE, add_payload

BUSYBOX = Path("/bin/busybox")
BOOT_MODULES = ("virtio_blk", "squashfs", "overlay", "virtio_net")


def _dependencies(env: Env) -> dict[str, list[str]]:
    """modules.dep by module name: the paths to load, the module's own last."""
    base = env.stock_modules / "lib/modules" / env.kernel_release
    chains = {}
    for line in (base / "modules.dep").read_text().splitlines():
        path, _, needed = line.partition(":")
        name = Path(path).name.removesuffix(".ko").replace("-", "_")
        chains[name] = [*reversed(needed.split()), path]
    return chains


def add_boot_modules(archive: Archive, env: Env, names: Iterable[str]) -> None:
    """Add the stock kernel's modules of these names, what they need, and the order in which they can be loaded."""
    base = env.stock_modules / "lib/modules" / env.kernel_release
    chains = _dependencies(env)
    order: list[str] = []
    for name in names:
        # A module that is not listed is built into this kernel.
        order += [path for path in chains.get(name, []) if path not in order]
    for path in order:
        archive.file(f"boot/{Path(path).name}", (base / path).read_bytes())
    archive.file("boot/order", "".join(f"{Path(path).name}\n" for path in order).encode())


def build_initramfs(env: Env, target: Path) -> Path:
    """Write the initramfs of this run to TARGET and return it."""
    archive = Archive()
    for directory in ("dev", "proc", "sys", "image", "scratch", "root"):
        archive.directory(directory)
    archive.file("bin/busybox", BUSYBOX.resolve().read_bytes(), 0o755)
    archive.file("init", (INSIDE / "init").read_bytes(), 0o755)
    add_boot_modules(archive, env, BOOT_MODULES)
    add_payload(archive, env, "payload")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(archive.finish())
    return target
