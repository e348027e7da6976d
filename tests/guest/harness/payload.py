# SPDX-License-Identifier: GPL-2.0
"""What is laid over the guest's root: our modules, our tools, what the tests run inside."""

import subprocess
import tempfile
from pathlib import Path

from .cpio import Archive
from .env import Env

INSIDE = Path(__file__).resolve().parent.parent / "inside"
TOOLS = ("usbip", "usbipd", "usbip-connectd")
HOME = "opt/usbip-rs"


def add_payload(archive: Archive, env: Env, below: str) -> None:
    """Put everything below directory BELOW of the archive, at its place in the guest's root."""
    archive.tree(INSIDE / "etc", f"{below}/etc")
    archive.tree(INSIDE / "bin", f"{below}/{HOME}/bin")
    for source in sorted((INSIDE / "src").glob("*.rs")):
        archive.file(f"{below}/{HOME}/bin/{source.stem}", _compile(source, env).read_bytes(), 0o755)
    for tool in TOOLS:
        binary = env.tools / tool
        if binary.exists():
            archive.file(f"{below}/{HOME}/bin/{tool}", binary.read_bytes(), 0o755)
    _add_modules(archive, env, f"{below}/usr/lib/modules/{env.kernel_release}")


def _compile(source: Path, env: Env) -> Path:
    """Build one of the small programs that run in a guest, unless it is built already."""
    target = env.out / "inside" / source.stem
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Another process of the same run may be at it too: either's result will do, as long as it is whole.
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / source.stem
            command = ["rustc", "--edition=2021", "-O", "-Cstrip=symbols", "-Dwarnings", "-o", str(made), str(source)]
            subprocess.run(command, check=True)
            made.replace(target)
    return target


def _stripped(module: Path) -> bytes:
    """A module as it is installed, without what only debuggers read: most of it, and guests are slow readers."""
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "--strip-debug", "-o", stripped.name, str(module)], check=True)
        return Path(stripped.name).read_bytes()


def _add_modules(archive: Archive, env: Env, below: str) -> None:
    """Install our modules as modules_install and depmod would: in updates/, known to modprobe."""
    ours = sorted(env.our_modules.glob("*.ko"))
    for module in ours:
        archive.file(f"{below}/updates/{module.name}", _stripped(module))
    stock = env.stock_modules / "lib/modules" / env.kernel_release
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "lib/modules" / env.kernel_release
        (root / "updates").mkdir(parents=True)
        for entry in ("kernel", "modules.order", "modules.builtin", "modules.builtin.modinfo"):
            if (stock / entry).exists():
                (root / entry).symlink_to(stock / entry)
        for module in ours:
            (root / "updates" / module.name).symlink_to(module)
        # Its warnings are about lists the stock packages leave to the installed kernel.
        subprocess.run(["depmod", "-b", scratch, env.kernel_release], check=True, stderr=subprocess.DEVNULL)
        for index in sorted(root.glob("modules.*")):
            if not index.is_symlink():
                archive.file(f"{below}/{index.name}", index.read_bytes())
