# SPDX-License-Identifier: GPL-2.0
"""What our usbip can do that usbip-utils cannot, on real devices."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from harness import usb
from harness.client import VHCI, Client
from harness.gadget import Function, gadget
from harness.guest import Guest
from harness.imported import wait_interface
from harness.link import Link
from harness.modules import Kind
from harness.server import Server
from harness.stick import Stick
from harness.tools import Tools

HOST = "127.0.0.1"
# Imports the device $0 and writes $1 to the driver's file, with the connection as descriptor 3.
IMPORT = f"""
exec 3<>/dev/tcp/{HOST}/3240
{{ printf "\\x01\\x11\\x80\\x03\\0\\0\\0\\0%s" $0; head -c $((32 - ${{#0}})) /dev/zero; }} >&3
head -c 320 <&3 >/dev/null
echo $1 > {VHCI}/attach
"""


@pytest.fixture
def ours(guest: Guest, kind: Kind, stick: Stick) -> Link:
    """A stick between server and client, with our tools at both ends; daemon and drivers run."""
    link = Link(Server(guest, kind, Tools.RS), Client(guest, kind, Tools.RS), stick)
    link.start()
    return link


@pytest.fixture
def second(ours: Link, stick: Stick) -> Iterator[str]:
    """The busid of another stick of the same make, exported like the first."""
    other = Stick.make(stick.image.with_name("second.img"), f"{stick.serial}B")
    ours.server.guest.plug(other)
    busid = usb.wait_local(ours.server.guest, other.serial)
    usb.wait_disk(ours.server.guest, busid)
    for exported in (ours.busid, busid):
        ours.server.bind(exported)
    yield busid
    ours.client.detach_all()


def _json(link: Link, command: str) -> dict[str, Any]:
    answer = json.loads(link.server.guest.run(f"{link.server.usbip} {command} --json", check=False).out)
    assert answer["schema"] == "usbip/1"
    return answer


def _refusal(link: Link, busid: str) -> str:
    """Why bind refuses; nothing may have changed."""
    refused = link.server.guest.run(f"{link.server.usbip} bind -b {busid}", check=False)
    assert refused.code == 1
    first, cause = refused.err.splitlines()
    assert first == f"usbip: error: could not unbind driver from device on busid {busid}"
    assert usb.driver(link.server.guest, busid) == "usb"
    return cause.removeprefix("usbip: info: in use: ")


def test_disk_in_use(ours: Link) -> None:
    """A disk that is mounted, here or out of sight, or is swap space, is not exported; --force does."""
    guest, disk = ours.server.guest, usb.wait_disk(ours.server.guest, ours.busid)
    name = disk.removeprefix("/dev/")
    guest.run(f"mount {disk} /mnt/stick")
    assert _refusal(ours, ours.busid).startswith(f"{name} is mounted on /mnt/stick; run ")
    guest.run("umount /mnt/stick")
    guest.run(f"setsid unshare -m sh -c 'mount {disk} /mnt/stick && exec sleep 1000' >/dev/null 2>&1 &")
    guest.wait_until("pgrep -x sleep")
    assert _refusal(ours, ours.busid).startswith(f"{name} is taken by some program; ")
    guest.run("pkill -x sleep")
    guest.wait_until(f"mkswap {disk}")
    guest.run(f"swapon {disk}")
    assert _refusal(ours, ours.busid).startswith(f"{name} is swap space; ")
    guest.run(f"swapoff {disk} && mkfs.vfat {disk} && mount -t vfat -o ro {disk} /mnt/stick")
    guest.run(f"{ours.server.usbip} bind --force -b {ours.busid}")
    assert ours.server.status(ours.busid) == "1\n"
    guest.run("umount -l /mnt/stick")


def test_program_in_the_way(ours: Link) -> None:
    """A terminal that a program has open is not exported, and the program is named."""
    guest = ours.server.guest
    with gadget(guest, Function("acm")) as made:
        guest.wait_until("[ -c /dev/ttyACM0 ]")
        guest.run("setsid sleep 1000 < /dev/ttyACM0 > /dev/null 2>&1 &")
        guest.wait_until("pgrep -x sleep")
        assert _refusal(ours, made.busid).startswith("ttyACM0 is open in sleep (process ")
        guest.run("pkill -x sleep")


def test_network_in_use(ours: Link) -> None:
    """A network interface that is up and connected is not exported."""
    guest = ours.server.guest
    with gadget(guest, Function("ecm")) as made:
        interface = wait_interface(guest, made.busid)
        guest.run(f"ip link set {interface} up; for i in /sys/class/net/*; do ip link set ${{i##*/}} up; done")
        guest.wait_until(f"grep -q 1 /sys/class/net/{interface}/carrier")
        assert _refusal(ours, made.busid).startswith(f"network interface {interface} is up; ")


def test_wait(ours: Link) -> None:
    """attach --wait comes back when the disk can be read, and says which it is."""
    guest = ours.client.guest
    ours.server.bind(ours.busid)
    said = guest.run(f"{ours.client.usbip} attach -r {HOST} -b {ours.busid} --wait")
    local = guest.out(f"usb-find imported {ours.stick.serial}")
    disk = guest.out(f"usb-disk {local}")
    assert said.err == ""
    assert f": {local} " in said.out
    assert f"         block  {disk}\n" in said.out
    assert ours.client.sums(disk) == ours.stick.sums
    ours.client.detach_all()


def test_wait_for_no_driver(ours: Link) -> None:
    """attach --wait of a device no driver takes ends in time and says so; the device stays."""
    guest = ours.client.guest
    ours.server.bind(ours.busid)
    guest.run("echo 0 > /sys/bus/usb/drivers_autoprobe")
    try:
        said = _json(ours, f"attach -r {HOST} -b {ours.busid} --wait=5")
    finally:
        guest.run("echo 1 > /sys/bus/usb/drivers_autoprobe")
    assert said["error"]["kind"] == "timeout"
    assert [port["remote"]["busid"] for port in said["ports"]] == [ours.busid]
    ours.client.detach_all()


def test_choice_by_identity(ours: Link, second: str) -> None:
    """Two sticks of one make: the id is ambiguous, the serial number is not, and --all takes both."""
    guest, usbip = ours.client.guest, ours.client.usbip
    ids = {device["busid"]: device["id"] for device in _json(ours, f"list -r {HOST}")["devices"]}
    assert ids.keys() == {ours.busid, second}
    unclear = guest.run(f"{usbip} attach -r {HOST} --id {ids[second]}", check=False)
    assert unclear.code == 1
    assert unclear.err.startswith("usbip: error: 2 devices have id ")
    assert f"fits {second}, {ours.busid}" in unclear.err or f"fits {ours.busid}, {second}" in unclear.err
    guest.run(f"{usbip} attach -r {HOST} --serial '{ours.stick.serial}?' --wait")
    assert guest.out(f"usb-find imported {ours.stick.serial}B")
    assert not guest.succeeds(f"usb-find imported {ours.stick.serial}")
    ours.server.wait_status(ours.busid, 1)
    guest.run(f"{usbip} attach -r {HOST} --all --wait")
    assert guest.out(f"usb-find imported {ours.stick.serial}")
    guest.run(f"{usbip} detach --serial '{ours.stick.serial}?'")
    guest.wait_until(f"! usb-find imported {ours.stick.serial}B")
    assert guest.succeeds(f"usb-find imported {ours.stick.serial}")
    guest.run(f"{usbip} detach --all")
    guest.wait_until(f"! usb-find imported {ours.stick.serial}")


def test_class_before_first_import(ours: Link) -> None:
    """A device that no list tells the class of, because nobody has imported it yet, is asked for it."""
    guest, usbip = ours.client.guest, ours.client.usbip
    ours.server.bind(ours.busid)
    listed = guest.run(f"{usbip} list -r {HOST} --class storage")
    assert f"{ours.busid} does not tell its class before it is attached" in listed.err
    refused = guest.run(f"{usbip} attach -r {HOST} --class printer", check=False)
    assert (refused.code, refused.err.splitlines()[0]) == (1, "usbip: error: no device has class 07")
    ours.server.wait_status(ours.busid, 1)
    guest.run(f"{usbip} attach -r {HOST} --class storage --wait")
    assert guest.out(f"usb-find imported {ours.stick.serial}")
    ours.client.detach_all()
    ours.server.wait_status(ours.busid, 1)
    guest.run(f"{usbip} unbind --class storage")
    assert usb.driver(guest, ours.busid) == "usb"


def test_who_has_which(ours: Link, second: str) -> None:
    """With two clients status tells which of them has which device."""
    guest, clients = ours.server.guest, {ours.busid: "127.0.0.1", second: "::1"}
    for busid, address in clients.items():
        guest.run(f"{ours.client.usbip} attach -r {address} -b {busid} --wait")
    devices = _json(ours, "status")["devices"]
    told = {device["busid"]: device["export"]["peers"] for device in devices if device["busid"] in clients}
    assert told == {busid: [address] for busid, address in clients.items()}


def test_status(ours: Link) -> None:
    """status tells who has a device, and what keeps one from being exported."""
    guest = ours.server.guest
    ours.attach()
    guest.run(f"mount -o ro {ours.disk} /mnt/stick")
    status = _json(ours, "status")
    (device,) = [one for one in status["devices"] if one["busid"] == ours.busid]
    assert device["export"] == {"state": "in_use", "peers": [HOST]}
    (port,) = status["ports"]
    assert port["remote"] == {"host": HOST, "tcp_port": "3240", "busid": ours.busid}
    assert port["device"]["holders"][0]["place"] == "/mnt/stick"
    shown = guest.out(f"{ours.server.usbip} status")
    assert f"exported, in use by {HOST}" in shown
    assert "is mounted on /mnt/stick" in shown
    guest.run("umount /mnt/stick")
    ours.detach()
    ours.release()
    assert "not exported: usb-storage has it" in guest.out(f"{ours.server.usbip} status")


def test_without_udev(ours: Link) -> None:
    """Everything works while udevd does nothing."""
    guest = ours.server.guest
    guest.run("pkill -STOP -x systemd-udevd")
    try:
        assert f"busid={ours.busid}#" in guest.out(f"{ours.server.usbip} list -p -l")
        ours.server.bind(ours.busid)
        assert f" {ours.busid}: " in ours.client.list_remote(HOST)
        said = guest.out(f"{ours.client.usbip} attach -r {HOST} -b {ours.busid} --wait")
        assert "block  /dev/" in said
        assert f":3240/{ours.busid}" in guest.out(f"{ours.client.usbip} port")
        ours.client.detach_all()
    finally:
        guest.run("pkill -CONT -x systemd-udevd")


def test_port_beyond_255(guest: Guest, stick: Stick) -> None:
    """A device on a port whose number does not fit into a byte is shown and detached, and the port it is not on stays."""
    link = Link(Server(guest, Kind.RS, Tools.RS), Client(guest, Kind.RS, Tools.RS), stick)
    guest.run("modprobe vhci_hcd_rs controllers=10", timeout=60)
    link.start()
    link.server.bind(link.busid)
    device = f"{usb.SYSFS}/{link.busid}"
    busnum, devnum, speed = guest.out(f"cd {device} && echo $(cat busnum devnum speed)").split()
    number, port = {"480": (3, 270), "5000": (5, 285)}[speed]
    # The tool would take the first free port.
    devid = int(busnum) << 16 | int(devnum)
    guest.run(f"bash -c '{IMPORT}' {link.busid} '{port} 3 {devid} {number}'")
    usb.wait_disk(guest, usb.wait_imported(guest, stick.serial))
    assert f"Port {port}: <Port in Use>" in guest.out(f"{link.client.usbip} port")
    low = guest.run(f"{link.client.usbip} detach -p {port - 256}")
    assert f"Port {port - 256} is already detached!" in low.err
    assert guest.succeeds(f"usb-find imported {stick.serial}")
    link.client.detach(port)
    link.wait_gone()
