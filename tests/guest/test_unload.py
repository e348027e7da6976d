# SPDX-License-Identifier: GPL-2.0
"""rmmod in every order and at every moment: it succeeds, nothing is left, a reload works."""

from itertools import permutations

import pytest
from harness import modules, usb
from harness.client import MOUNT, Client
from harness.guest import Guest
from harness.link import Link
from harness.modules import Kind
from harness.server import Server

ROLES = ("host", "vhci")


def _names(kind: Kind) -> dict[str, str]:
    return {"host": modules.HOST[kind], "vhci": modules.VHCI[kind]}


def _unload_core(guest: Guest, kind: Kind) -> None:
    """The shared module must be free once nobody uses it."""
    core = modules.CORE[kind]
    assert modules.references(guest, core) == 0
    modules.unload(guest, core)


def _finish(link: Link, kind: Kind) -> None:
    """Unload what is left, then prove that a reload moves the stick again."""
    guest = link.server.guest
    for name in _names(kind).values():
        if modules.is_loaded(guest, name):
            modules.unload(guest, name)
    _unload_core(guest, kind)
    link.server.stop()
    usb.wait_disk(guest, link.busid)
    link.start()
    link.attach()
    link.check()
    link.detach()
    link.release()


@pytest.mark.parametrize("unload_order", list(permutations(ROLES)), ids="-".join)
@pytest.mark.parametrize("load_order", list(permutations(ROLES)), ids="-".join)
def test_idle(guest: Guest, kind: Kind, load_order: tuple[str, ...], unload_order: tuple[str, ...]) -> None:
    """Loaded and unloaded again, unused, in every order."""
    names = _names(kind)
    for role in load_order:
        modules.load(guest, names[role])
    for role in unload_order:
        modules.unload(guest, names[role])
    _unload_core(guest, kind)


def test_core_is_in_use(guest: Guest, kind: Kind) -> None:
    """The shared module cannot be unloaded under the drivers."""
    for name in _names(kind).values():
        modules.load(guest, name)
    assert modules.references(guest, modules.CORE[kind]) == 2
    assert not guest.succeeds(f"rmmod {modules.CORE[kind]}")


def test_bound(link: Link, kind: Kind) -> None:
    """The host driver goes while a device waits for clients: the device's own driver gets it back."""
    link.start()
    link.server.bind(link.busid)
    modules.unload(link.server.guest, modules.HOST[kind])
    usb.wait_disk(link.server.guest, link.busid)
    _finish(link, kind)


@pytest.mark.parametrize("first", ROLES)
def test_attached(link: Link, kind: Kind, first: str) -> None:
    """One side goes while a device is attached; the other side notices."""
    link.start()
    link.attach()
    modules.unload(link.server.guest, _names(kind)[first])
    link.wait_gone()
    if first == "host":
        link.client.wait_free(link.port)
    else:
        link.server.wait_status(link.busid, 1)
    _finish(link, kind)


@pytest.mark.parametrize("first", ROLES)
def test_mounted(link: Link, kind: Kind, first: str) -> None:
    """One side goes while the imported stick is mounted with a file open."""
    guest = link.client.guest
    link.start()
    link.attach()
    guest.run(f"mount -o ro {link.disk} {MOUNT}")
    guest.run(f"setsid sh -c 'exec sleep 1000 < {MOUNT}/BIG.BIN' > /dev/null 2>&1 &")
    modules.unload(guest, _names(kind)[first])
    link.wait_gone()
    guest.run(f"pkill -x -f 'sleep 1000'; umount {MOUNT}")
    _finish(link, kind)


@pytest.mark.parametrize("first", ROLES)
def test_busy(link: Link, kind: Kind, first: str) -> None:
    """One side goes with URBs in flight."""
    link.start()
    link.attach()
    link.read_forever()
    modules.unload(link.client.guest, _names(kind)[first])
    link.wait_gone()
    link.wait_readers_gone()
    _finish(link, kind)


def test_daemon_outlives_module(server: Server, client: Client, kind: Kind) -> None:
    """usbipd keeps answering, with an empty list, when the driver is gone."""
    server.start()
    modules.unload(server.guest, modules.HOST[kind])
    shown = server.guest.run(f"{client.usbip} list -r 127.0.0.1", check=False)
    assert shown.out == ""
