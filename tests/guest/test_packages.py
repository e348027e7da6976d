# SPDX-License-Identifier: GPL-2.0
"""The Debian packages on a Debian system that systemd runs: what they install works, and goes away again."""

import os
import subprocess
from pathlib import Path

import pytest
from harness import modules, usb
from harness.client import Client
from harness.env import Env
from harness.guest import Guest
from harness.kept import Kept
from harness.server import Server
from harness.services import Services
from harness.stick import Stick
from harness.workshop import run_in_workshop

REPOSITORY = Path(__file__).resolve().parents[2]
# Packages are built, and a system boots with all of its services.
pytestmark = pytest.mark.timeout(900)
PROGRAMS = ("usbip", "usbipd", "usbip-connectd")
UNITS = ("usbipd.socket", "usbipd.service", "usbip-connectd.service", "usbip-connectd-sleep.service")


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
    """The tools package replaces Debian's; aliases, programs and services do their work; removal is complete."""
    guest = packaged
    guest.write("/run/usbip-rs.deb", _package(debs, "usbip-rs").read_bytes())
    guest.run("dpkg --remove usbip && dpkg --install /run/usbip-rs.deb", timeout=60)
    _check_files(guest)
    _check_aliases(guest)
    guest.plug(stick)
    busid = usb.wait_local(guest, stick.serial)
    usb.wait_disk(guest, busid)
    services = Services(Kept(Server(guest), Client(guest), stick))
    services.check_socket()
    _by_hand(guest, stick, busid)
    services.check_kept(busid)
    services.check_sandboxes()
    guest.run("dpkg --purge usbip-rs", timeout=60)
    assert not any(guest.succeeds(f"test -e /usr/sbin/{program}") for program in PROGRAMS)
    assert not guest.succeeds("ls /usr/lib/modprobe.d/usbip-rs.conf /etc/usbip/*")
    assert not guest.succeeds("pgrep -x 'usbipd|usbip-connectd'")
    for unit in UNITS:
        assert guest.out(f"systemctl show -P LoadState {unit}") == "not-found"


def _check_files(guest: Guest) -> None:
    # The guests' dpkg leaves documentation out.
    missing = guest.run("dpkg --verify usbip-rs", check=False).out.splitlines()
    assert all("/usr/share/doc/" in line or "/usr/share/man/" in line for line in missing)
    for program in PROGRAMS:
        assert guest.succeeds(f"test -x /usr/sbin/{program}")
    guest.run("udevadm verify /usr/lib/udev/rules.d/6[01]-usbip*.rules && udevadm control --reload")
    verified = guest.run(f"cd /usr/lib/systemd/system && systemd-analyze verify --man=no {' '.join(UNITS)} 2>&1")
    assert verified.out == ""
    assert guest.out("/usr/sbin/usbip version") == "usbip (usbip-utils 2.0)"


def _check_aliases(guest: Guest) -> None:
    """Either spelling, and ours although the C modules are there; what is loaded is unloaded, whoever's it is."""
    guest.run("modprobe usbip-host && modprobe vhci_hcd", timeout=30)
    assert modules.is_loaded(guest, "usbip_host_rs") and modules.is_loaded(guest, "vhci_hcd_rs")
    guest.run("modprobe usbip_host && modprobe vhci-hcd", timeout=30)
    assert not modules.is_loaded(guest, "usbip_host") and not modules.is_loaded(guest, "vhci_hcd")
    guest.run("modprobe -r vhci-hcd && modprobe -r usbip_host", timeout=30)
    assert not modules.is_loaded(guest, "usbip_host_rs") and not modules.is_loaded(guest, "vhci_hcd_rs")
    guest.run("modprobe --ignore-install -a usbip_host vhci_hcd && modprobe -r -a vhci_hcd usbip_host", timeout=30)
    assert not modules.is_loaded(guest, "usbip_host") and not modules.is_loaded(guest, "vhci_hcd")


def _by_hand(guest: Guest, stick: Stick, busid: str) -> None:
    """Export and import a stick with what is installed."""
    guest.run(f"/usr/sbin/usbip bind -b {busid} && /usr/sbin/usbip attach -r 127.0.0.1 -b {busid}", timeout=30)
    local = usb.wait_imported(guest, stick.serial)
    disk = usb.wait_disk(guest, local)
    for device in (f"{usb.SYSFS}/{local}", f"/sys/class/block/{disk.removeprefix('/dev/')}"):
        guest.wait_until(f"udevadm info --query=property {device} | grep -qx ID_USBIP=1")
    port = "/usr/sbin/usbip port | sed -n 's/^Port \\([0-9]*\\):.*/\\1/p'"
    guest.run(f"/usr/sbin/usbip detach -p $({port})")
    guest.wait_until(f"grep -q 1 {usb.SYSFS}/{busid}/usbip_status")
    guest.run(f"/usr/sbin/usbip unbind -b {busid}")
    usb.wait_disk(guest, busid)


def test_content(debs: Path) -> None:
    """Each program comes with its manual, completions and units; the files they are configured by have manuals too."""
    command = ["dpkg-deb", "--contents", str(_package(debs, "usbip-rs"))]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for program in PROGRAMS:
        assert f"/usr/share/man/man8/{program}.8.gz" in listing
        assert f"/usr/share/bash-completion/completions/{program}\n" in listing
    for name in UNITS:
        assert f"/usr/lib/systemd/system/{name}" in listing
    assert "/usr/lib/udev/rules.d/61-usbip-disk.rules" in listing and "/usr/share/man/man5/usbip-disk.5.gz" in listing
    for name in ("usbipd.toml", "connect.toml"):
        assert f"/etc/usbip/{name}" in listing and f"/usr/share/man/man5/{name}.5.gz" in listing


def test_prepare_tree(env: Env, tmp_path: Path) -> None:
    """Headers that cannot be completed are refused with the reason and what to install."""
    config = tmp_path / ".config"
    _refused(env.kernel_release, tmp_path, f"install linux-headers-{env.kernel_release}")
    config.write_text('CONFIG_RUSTC_VERSION_TEXT="rustc 9.9.9"\n')
    _refused("9.9.1-amd64", tmp_path, "install linux-source-9.9")
    _refused(env.kernel_release, tmp_path, "this kernel was built with 'rustc 9.9.9', rustc here is 'rustc ")


def _refused(release: str, headers: Path, reason: str) -> None:
    script = REPOSITORY / "userspace/packaging/dkms/prepare-tree"
    ran = subprocess.run([script, release, headers, headers / "tree"], capture_output=True, text=True)
    assert ran.returncode == 2 and ran.stderr.startswith("error: ") and reason in ran.stderr, ran
    assert not (headers / "tree").exists()


def test_uninstall(env: Env, tmp_path: Path) -> None:
    """What `make install` puts below a prefix `make uninstall` takes away again, except the configuration."""
    manuals, place = tmp_path / "manuals", REPOSITORY / "userspace/packaging/place"
    subprocess.run([env.tools / "usbip-manuals", manuals], check=True)
    places = {"DESTDIR": str(tmp_path / "root"), "PREFIX": "/usr/local", "PATH": os.environ["PATH"]}
    subprocess.run([place, "install", env.tools, manuals], check=True, env=places)
    installed = _files(tmp_path / "root")
    assert {f"usr/local/sbin/{program}" for program in PROGRAMS} < installed
    assert {"usr/local/share/zsh/site-functions/_usbip", "usr/local/share/doc/usbip-rs/JSON.md"} < installed
    subprocess.run([place, "uninstall"], check=True, env=places)
    assert _files(tmp_path / "root") == {"etc/usbip/usbipd.toml", "etc/usbip/connect.toml"}


def _files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


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


def test_dkms(packaged: Guest, debs: Path, env: Env, tmp_path: Path) -> None:
    """Installing the DKMS package on a clean Debian builds the modules, which load; removing it removes them."""
    built, scratch, kdir = tmp_path / "built", tmp_path / "layer", os.environ["USBIP_KDIR"]
    built.mkdir()
    scratch.mkdir()
    place = f"/lib/modules/{env.kernel_release}"
    # Debian's headers have no metadata of Rust's. Completing them takes minutes, so that is done already.
    tree = f"/var/cache/usbip-rs-dkms/{env.kernel_release}"
    script = f"""
        mkdir -p {tree}
        cp -as {kdir}/. {tree}
        touch {tree}/complete
        dpkg --install {_package(debs, "usbip-rs-dkms")}
        dkms status
        cp {place}/updates/dkms/* {built}
        dpkg --purge usbip-rs-dkms
        [ -z "$(dkms status)$(find {place} -name '*_rs.ko*')$(ls /usr/src | grep usbip)" ]
    """
    said = run_in_workshop(scratch, script, kdir)
    assert f"{env.kernel_release}, x86_64: installed" in said, said
    assert {path.name.partition(".")[0] for path in built.iterdir()} == {"usbip_core_rs", "usbip_host_rs", "vhci_hcd_rs"}
    packaged.run(f"mv {place}/updates /run/updates && mkdir -p {place}/updates/dkms")
    try:
        for path in built.iterdir():
            packaged.write(f"{place}/updates/dkms/{path.name}", path.read_bytes())
        packaged.run("depmod", timeout=60)
        assert "/updates/dkms/" in packaged.out("modinfo -n usbip_host_rs")
        packaged.run("modprobe usbip_host_rs && modprobe vhci_hcd_rs", timeout=30)
        modules.unload_all(packaged)
    finally:
        packaged.run(f"rm -rf {place}/updates && mv /run/updates {place}/updates && depmod", timeout=60)
