# SPDX-License-Identifier: GPL-2.0
"""The Debian packages: what they install works, and goes away again."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from harness import modules, usb
from harness.env import Env
from harness.guest import Guest
from harness.stick import Stick

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = ("usbip", "usbipd", "usbip-connectd")


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the packages are, made as a user makes them."""
    out = tmp_path_factory.mktemp("deb")
    subprocess.run(["make", "-C", str(REPOSITORY), "deb", f"DEB_OUT={out}"], check=True)
    return out


def _package(debs: Path, name: str) -> Path:
    (found,) = debs.glob(f"{name}_*.deb")
    return found


def test_install(packaged: Guest, debs: Path, stick: Stick) -> None:
    """The tools package replaces Debian's, its aliases load our modules, a stick goes through, removal is complete."""
    guest = packaged
    guest.write("/run/usbip-rs.deb", _package(debs, "usbip-rs").read_bytes())
    guest.run("dpkg --remove usbip", timeout=60)
    guest.run("dpkg --install /run/usbip-rs.deb", timeout=60)
    # The guests' dpkg leaves documentation out.
    missing = guest.run("dpkg --verify usbip-rs", check=False).out.splitlines()
    assert all("/usr/share/doc/" in line or "/usr/share/man/" in line for line in missing)
    for program in PROGRAMS:
        assert guest.succeeds(f"test -x /usr/sbin/{program}")
    guest.run("udevadm verify /usr/lib/udev/rules.d/60-usbip.rules && udevadm control --reload")
    assert guest.out("/usr/sbin/usbip version") == "usbip (usbip-utils 2.0)"
    # Either spelling, and ours although the C modules are there.
    guest.run("modprobe usbip-host && modprobe vhci_hcd", timeout=30)
    assert modules.is_loaded(guest, "usbip_host_rs") and modules.is_loaded(guest, "vhci_hcd_rs")
    guest.run("modprobe usbip_host && modprobe vhci-hcd", timeout=30)
    assert not modules.is_loaded(guest, "usbip_host") and not modules.is_loaded(guest, "vhci_hcd")
    _carry(guest, stick)
    guest.run("pkill -x usbipd; modprobe -r vhci-hcd && modprobe -r usbip_host", timeout=30)
    assert not modules.is_loaded(guest, "usbip_host_rs") and not modules.is_loaded(guest, "vhci_hcd_rs")
    guest.run("dpkg --purge usbip-rs", timeout=60)
    assert not any(guest.succeeds(f"test -e /usr/sbin/{program}") for program in PROGRAMS)
    assert not guest.succeeds("ls /usr/lib/modprobe.d/usbip-rs.conf /etc/usbip")


def _carry(guest: Guest, stick: Stick) -> None:
    """Export and import a stick by its serial number with what is installed."""
    guest.plug(stick)
    busid = usb.wait_local(guest, stick.serial)
    usb.wait_disk(guest, busid)
    guest.run("/usr/sbin/usbipd -D")
    guest.wait_until("[ -n \"$(ss -Hltn 'sport = :3240')\" ]")
    guest.run(f"/usr/sbin/usbip bind -b {busid} && /usr/sbin/usbip attach -r 127.0.0.1 -b {busid}")
    local = usb.wait_imported(guest, stick.serial)
    disk = usb.wait_disk(guest, local)
    for device in (f"{usb.SYSFS}/{local}", f"/sys/class/block/{disk.removeprefix('/dev/')}"):
        assert "ID_USBIP=1" in guest.out(f"udevadm info --query=property {device}").splitlines()
    listing = guest.out(f"mount -o ro {disk} /mnt/stick && cd /mnt/stick && sha256sum *", timeout=60)
    port = "/usr/sbin/usbip port | sed -n 's/^Port \\([0-9]*\\):.*/\\1/p'"
    guest.run(f"umount /mnt/stick; /usr/sbin/usbip detach -p $({port})")
    assert {name: digest for digest, name in (line.split() for line in listing.splitlines())} == stick.sums


def test_content(debs: Path) -> None:
    """Each program comes with its manual, completions and units; the files they are configured by have manuals too."""
    command = ["dpkg-deb", "--contents", str(_package(debs, "usbip-rs"))]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for program in PROGRAMS:
        assert f"/usr/share/man/man8/{program}.8.gz" in listing
        assert f"/usr/share/bash-completion/completions/{program}\n" in listing
    for name in ("usbipd.service", "usbipd.socket", "usbip-connectd.service"):
        assert f"/usr/lib/systemd/system/{name}" in listing
    for name in ("usbipd.toml", "connect.toml"):
        assert f"/etc/usbip/{name}" in listing and f"/usr/share/man/man5/{name}.5.gz" in listing


def test_module_fallback(packaged: Guest) -> None:
    """Where ours are not built for the kernel, the names of the C modules load the C modules."""
    guest = packaged
    path = REPOSITORY / "userspace/packaging/modprobe.d/usbip-rs.conf"
    guest.write("/etc/modprobe.d/usbip-rs.conf", path.read_bytes())
    base = "/lib/modules/$(uname -r)"
    guest.run(f"mv {base}/updates /run/updates && depmod", timeout=60)
    try:
        guest.run("modprobe usbip-host && modprobe vhci-hcd", timeout=30)
        assert modules.is_loaded(guest, "usbip_host") and modules.is_loaded(guest, "vhci_hcd")
        guest.run("modprobe -r usbip-host && modprobe -r vhci-hcd", timeout=30)
        assert not modules.is_loaded(guest, "usbip_host") and not modules.is_loaded(guest, "vhci_hcd")
    finally:
        guest.run(f"mv /run/updates {base}/updates && depmod; rm /etc/modprobe.d/usbip-rs.conf", timeout=60)


def test_dkms_source(packaged: Guest, debs: Path, env: Env, tmp_path: Path) -> None:
    """The modules built from the DKMS package, by the command DKMS would run, are complete and load."""
    subprocess.run(["dpkg-deb", "-x", str(_package(debs, "usbip-rs-dkms")), str(tmp_path)], check=True)
    (source,) = (tmp_path / "usr/src").iterdir()
    conf = (source / "dkms.conf").read_text()
    names = re.findall(r'^BUILT_MODULE_NAME\[\d\]="(.*)"$', conf, re.MULTILINE)
    (command,) = re.findall(r'^MAKE\[0\]="(.*)"$', conf, re.MULTILINE)
    values = {"kernelver": env.kernel_release, "kernel_source_dir": os.environ["USBIP_KDIR"]}
    subprocess.run(command, shell=True, check=True, cwd=source, env={**os.environ, **values})
    base = "/lib/modules/$(uname -r)"
    packaged.run(f"mv {base}/updates /run/updates && mkdir -p {base}/updates/dkms")
    try:
        for name in names:
            module = f"/lib/modules/{env.kernel_release}/updates/dkms/{name}.ko"
            packaged.write(module, (source / f"{name}.ko").read_bytes())
        packaged.run("depmod", timeout=60)
        packaged.run("modprobe usbip_host_rs && modprobe vhci_hcd_rs", timeout=30)
        assert packaged.read("/sys/module/usbip_host_rs/refcnt").strip() == "0"
        modules.unload_all(packaged)
    finally:
        packaged.run(f"rm -rf {base}/updates && mv /run/updates {base}/updates && depmod", timeout=60)
