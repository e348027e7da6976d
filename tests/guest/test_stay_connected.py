# SPDX-License-Identifier: GPL-2.0
"""The services bring an attachment back by themselves, whatever ended it; except when somebody wanted it to end."""

import time

import pytest
from harness import usb
from harness.client import VHCI
from harness.kept import RETRY_MAX, Kept, plug_cable, stopwatch
from harness.modules import Kind
from harness.network import SERVER_ADDRESS
from harness.stick import Stick
from harness.suspend import suspends
from harness.tools import Tools

# What the issue asks for, and how soon a dead peer is to be found, in seconds.
OUTAGE = 30
DEAD_PEER = 20

# How a user detaches: with either tool, or with none.
DETACH = {
    "deb": "/usr/sbin/usbip detach -p {port}",
    "rs": "/opt/usbip-rs/bin/usbip detach -p {port}",
    "raw": f"echo {{port}} > {VHCI}/detach",
}


def test_server_restarts(kept: Kept) -> None:
    """The server loses its power and boots again: the client notices, and gets the stick back."""
    kept.server.guest.cut_power()
    kept.handle = ""
    kept.server.guest.boot_again()
    kept.wait_lost()
    kept.start_server()
    with stopwatch("back after the server's daemon started"):
        kept.wait_attached()
    kept.check()


def test_client_restarts(kept: Kept) -> None:
    """The client loses its power and boots again: the server's stick becomes free by itself, and is attached anew."""
    busid = kept.state()["busid"]
    kept.client.guest.cut_power()
    kept.client.guest.boot_again()
    kept.server.wait_status(busid, 1)
    kept.start_client()
    with stopwatch("back after the client's service started"):
        kept.wait_attached()
    kept.check()


def test_cable(kept: Kept) -> None:
    """The cable is out for half a minute: both sides notice, and it comes back with the cable."""
    busid = kept.state()["busid"]
    start = time.monotonic()
    plug_cable(kept.client.guest, False)
    with stopwatch("the client knows after"):
        kept.wait_lost()
    kept.server.wait_status(busid, 1)
    known = time.monotonic() - start
    print(f"both know after: {known:.1f} s")
    assert known < DEAD_PEER * (1 if kept.client.guest.env.accel == "kvm" else 1.5)
    time.sleep(max(0.0, OUTAGE - known))
    plug_cable(kept.client.guest, True)
    with stopwatch("back after the cable"):
        kept.wait_attached()
    kept.check()


def test_replugged(kept: Kept) -> None:
    """The stick is pulled out of the server and plugged in again."""
    kept.replug()
    with stopwatch("back after plugging in"):
        kept.wait_attached()
    kept.check()


def test_service_killed(kept: Kept) -> None:
    """The client's service is killed: the attachment stays, and its successor keeps it."""
    kept.kill_service()
    kept.check()
    # One that is lost while nobody looks after it comes back with the service.
    kept.server.guest.run("ss -K 'sport = :3240'")
    kept.wait_lost()
    kept.start_service()
    with stopwatch("back after the service started"):
        kept.wait_attached()
    kept.kill_service()
    kept.start_service()
    kept.wait_state("attached")
    kept.check()


@pytest.mark.parametrize("way", DETACH)
def test_detached_by_the_user(kept: Kept, way: str) -> None:
    """A detach wins, also over a restart of the service, until it is wanted again."""
    guest = kept.client.guest
    guest.run(DETACH[way].format(port=kept.port))
    kept.wait_state("detached")
    kept.kill_service()
    kept.start_service()
    # Longer than the service pauses between two attempts.
    guest.run(f"sleep {RETRY_MAX}.5")
    assert not guest.succeeds(f"usb-find imported {kept.stick.serial}")
    assert kept.state()["state"] == "detached"
    guest.run("/opt/usbip-rs/bin/usbip-connectd --resume stick")
    with stopwatch("back after --resume"):
        kept.wait_attached()


def test_detached_behind_its_back(kept: Kept) -> None:
    """A number written to the driver's file counts also while no service is there to see it."""
    guest, port = kept.client.guest, kept.port
    kept.kill_service()
    guest.run(DETACH["raw"].format(port=port))
    kept.wait_lost()
    kept.start_service()
    kept.wait_state("detached")
    guest.run("/opt/usbip-rs/bin/usbip-connectd --resume stick")
    kept.wait_attached()


@pytest.mark.parametrize("tools", Tools)
def test_other_detached(kept: Kept, stick: Stick, tools: Tools) -> None:
    """A device that is lost just when the user detaches another one comes back."""
    server, client = kept.guests
    handle = server.plug(stick)
    busid = usb.wait_local(server, stick.serial)
    kept.usbip(server, tools, f"bind -b {busid}")
    kept.usbip(client, tools, f"attach -r {SERVER_ADDRESS} -b {busid}")
    port = kept.client.port_of(usb.wait_imported(client, stick.serial)).number
    kept.usbip(client, tools, f"detach -p {port}")
    server.run("ss -K 'sport = :3240'")
    kept.wait_lost()
    with stopwatch("back after the loss"):
        kept.wait_attached()
    kept.check()
    server.unplug(handle)


def test_sleep(kept: Kept) -> None:
    """The machine does not sleep with a mounted stick, sleeps after the service gave it back, and has it again."""
    guest, connectd = kept.client.guest, "/opt/usbip-rs/bin/usbip-connectd"
    guest.run(f"mount -o ro {kept.wait_attached()} /mnt/stick")
    refused = guest.run(f"{connectd} --sleep", check=False)
    assert refused.code == 1 and "stick: " in refused.err and "is mounted on /mnt/stick; " in refused.err
    assert not suspends(guest)
    guest.run(f"umount /mnt/stick && {connectd} --wake && {connectd} --sleep")
    assert kept.state()["state"] == "asleep"
    assert suspends(guest)
    guest.run(f"{connectd} --wake")
    with stopwatch("back after waking up"):
        kept.wait_attached()
    kept.check()


@pytest.mark.parametrize("tools", Tools)
def test_unbound_by_the_user(kept: Kept, tools: Tools) -> None:
    """An unbind wins until the stick is bound by hand, or plugged in again."""
    guest = kept.server.guest
    busid = kept.state()["busid"]
    kept.usbip(guest, tools, f"unbind -b {busid}")
    kept.wait_lost()
    # Events bring the daemon to look again.
    guest.run("udevadm trigger --settle --subsystem-match=usb && sleep 1")
    assert usb.driver(guest, busid) == "usb"
    kept.usbip(guest, tools, f"bind -b {busid}")
    with stopwatch("back after bind"):
        kept.wait_attached()
    kept.usbip(guest, tools, f"unbind -b {busid}")
    kept.wait_lost()
    kept.replug()
    with stopwatch("back after plugging in"):
        kept.wait_attached()


def test_driver_loaded_again(kept: Kept) -> None:
    """The server's module is unloaded and loaded: the rule still holds."""
    guest = kept.server.guest
    name = "usbip_host_rs" if kept.server.kind is Kind.RS else "usbip_host"
    guest.run(f"rmmod {name}")
    kept.wait_lost()
    guest.run(f"modprobe {name}")
    with stopwatch("back after modprobe"):
        kept.wait_attached()


def test_mounted_disk(kept: Kept) -> None:
    """A disk the server itself has mounted is not taken away from under it, rule or not."""
    guest = kept.server.guest
    guest.run("pkill -x usbipd && while pgrep -x usbipd; do sleep 0.05; done")
    kept.usbip(guest, Tools.RS, f"unbind -b {kept.state()['busid']}")
    kept.wait_lost()
    busid = kept.replug()
    disk = usb.wait_disk(guest, busid)
    guest.run(f"mount -o ro {disk} /mnt/stick")
    kept.start_server()
    guest.wait_until("grep -q 'is mounted on /mnt/stick' /run/usbip/usbipd.json")
    assert usb.driver(guest, busid) == "usb"
    guest.run("umount /mnt/stick")
    with stopwatch("back after umount"):
        kept.wait_attached()
    kept.check()
