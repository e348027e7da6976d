# SPDX-License-Identifier: GPL-2.0
"""What a benchmark guest consists of: all of it in one initramfs.

There is one for C and one with ours in addition: C's figures do not depend on what ours is, and need not be measured again
when it has changed.
"""

import shutil
import subprocess
from pathlib import Path

from harness.cpio import Archive
from harness.env import Env

BENCH = Path(__file__).resolve().parents[1]
INSIDE = BENCH / "inside"
# From the root image of the other guests, which is Debian's.
_PROGRAMS = ("usr/sbin/usbip", "usr/sbin/usbipd", "usr/sbin/tc", "usr/sbin/mke2fs")
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LOADER = "usr/lib64/ld-linux-x86-64.so.2"
_USB_IDS = "usr/share/misc/usb.ids"
_MODULES = (
    "configfs", "dummy_hcd", "usb_f_ss_lb", "usb_f_hid", "usb_f_mass_storage", "usb_storage", "sd_mod", "ext4", "sch_netem",
    "usbip_host", "vhci_hcd",
)  # fmt: skip
OUR_MODULES = ("usbip_core_rs", "usbip_host_rs", "vhci_hcd_rs")
_OUR_TOOLS = ("usbip", "usbipd")
_DIRECTORIES = ("bin", "dev", "etc", "proc", "sys", "tmp", "var")
_RULES = BENCH.parents[1] / "userspace/packaging/udev/61-usbip-disk.rules"


def build_root(env: Env, scratch: Path, with_ours: bool) -> bytes:
    """An initramfs without a job; SCRATCH is an empty directory, and is one again in the end."""
    archive = Archive()
    for directory in _DIRECTORIES:
        archive.directory(directory)
    archive.file("init", (INSIDE / "init").read_bytes(), 0o755)
    archive.file("lib.sh", (INSIDE / "lib.sh").read_bytes())
    archive.file("bin/busybox", Path("/bin/busybox").resolve().read_bytes(), 0o755)
    archive.file("disk.rules", _RULES.read_bytes())
    ours = {f"opt/usbip-rs/bin/{name}": env.tools / name for name in _OUR_TOOLS if with_ours}
    _add_programs(archive, env, scratch / "image", ours)
    _add_modules(archive, env, scratch / "modules", OUR_MODULES if with_ours else ())
    return archive.finish()


def with_job(root: bytes, job: str) -> bytes:
    """An initramfs with a job for it; the kernel unpacks archives that follow each other."""
    archive = Archive()
    archive.file("job", f". /lib.sh\n{job}".encode())
    return root + archive.finish()


def _add_programs(archive: Archive, env: Env, image: Path, ours: dict[str, Path]) -> None:
    """Debian's tools, ours and our loads, with what they need."""
    wanted = [*_PROGRAMS, _LIBRARIES, _LOADER, _USB_IDS]
    extract = ["unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-dest", str(image), str(env.guest_root)]
    subprocess.run([*extract, *wanted], check=True, stdout=subprocess.DEVNULL)
    programs = {name: image / name for name in _PROGRAMS} | {"bin/bench": _build_loads(env)} | ours
    libraries: set[Path] = set()
    for name, program in programs.items():
        archive.file(name, program.read_bytes(), 0o755)
        libraries |= _libraries(program, image)
    for library in sorted(libraries):
        archive.file(f"lib/{library.name}", library.read_bytes(), 0o755)
    archive.file("lib64/ld-linux-x86-64.so.2", (image / _LOADER).read_bytes(), 0o755)
    archive.file(_USB_IDS, (image / _USB_IDS).read_bytes())
    shutil.rmtree(image)


def _libraries(program: Path, image: Path) -> set[Path]:
    """The shared libraries of the image that a program would be given."""
    loader = [str(image / _LOADER), "--inhibit-cache", "--library-path", str(image / _LIBRARIES), "--list"]
    listing = subprocess.run([*loader, str(program)], check=True, capture_output=True, text=True).stdout
    paths = [Path(line.split()[2]) for line in listing.splitlines() if " => /" in line]
    return {path for path in paths if path.is_relative_to(image)}


def _build_loads(env: Env) -> Path:
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(INSIDE / "Cargo.toml")]
    subprocess.run(command, check=True)
    return env.tools / "bench"


def _add_modules(archive: Archive, env: Env, scratch: Path, ours: tuple[str, ...]) -> None:
    """The stock modules that are wanted and ours, with all they need, and the lists modprobe reads."""
    home = f"lib/modules/{env.kernel_release}"
    tree = scratch / home
    (tree / "updates").mkdir(parents=True)
    stock = env.stock_modules / home
    for entry in ("kernel", "modules.order", "modules.builtin", "modules.builtin.modinfo"):
        (tree / entry).symlink_to(stock / entry)
    for name in ours:
        target = str(tree / "updates" / f"{name}.ko")
        subprocess.run(["strip", "--strip-debug", "-o", target, str(env.our_modules / f"{name}.ko")], check=True)
    subprocess.run(["depmod", "-b", scratch, env.kernel_release], check=True, stderr=subprocess.DEVNULL)
    for module in _needed(scratch, env.kernel_release, ours):
        archive.file(f"{home}/{module.relative_to(tree)}", module.read_bytes())
    for index in sorted(tree.glob("modules.*")):
        archive.file(f"{home}/{index.name}", index.read_bytes())
    shutil.rmtree(scratch)


def _needed(scratch: Path, release: str, ours: tuple[str, ...]) -> list[Path]:
    command = ["modprobe", "--dirname", str(scratch), "--set-version", release, "--show-depends", "--all"]
    listing = subprocess.run([*command, *_MODULES, *ours], check=True, capture_output=True, text=True).stdout
    return sorted({Path(line.split()[1]) for line in listing.splitlines() if line.startswith("insmod ")})
