# SPDX-License-Identifier: GPL-2.0
"""Gadgets of every class through their own drivers: what goes in at one end comes out at the other."""

import struct
from random import Random

import pytest
from harness import usb
from harness.client import Client
from harness.gadget import Function, Gadget, Speed, gadget
from harness.guest import Guest
from harness.imported import imported, wait_file, wait_node
from harness.input import InputEvent, Recording, event_node
from harness.server import Server

MOUNT = "/mnt/stick"
FAR, NEAR, BACK = "/tmp/far", "/tmp/near", "/tmp/back"

STORAGE = Function("mass_storage", {"lun.0/file": b"/tmp/disk.img"})

# A boot keyboard: modifiers, reserved, six keys; LEDs as output.
KEYBOARD = Function("hid", {
    "protocol": b"1",
    "subclass": b"1",
    "report_length": b"8",
    "report_desc": bytes.fromhex(
        "05010906a101050719e029e71500250175019508810295017508810395057501050819012905910295017503"
        "910395067508150025650507190029658100c0"
    ),
})  # fmt: skip
# The kernel's codes for the letters, in HID's (and the alphabet's) order.
LETTERS = (30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44)
EV_KEY, EV_SCAN, EV_LED, LED_CAPSLOCK, REPEATED = 1, 4, 17, 1, 2
# An event node keeps 64 events for a reader that has no time, and a report is three.
BATCH = 10

PRINTER = Function("printer", {"pnp_string": b"MFG:usbip-rs;MDL:test;CLS:PRINTER;", "q_len": b"10"})


def _bytes(count: int, seed: str) -> bytes:
    return Random(seed).randbytes(count)


@pytest.mark.parametrize("speed", [Speed.HIGH, Speed.SUPER], ids=["high", "super"])
def test_storage(server: Server, client: Client, speed: Speed) -> None:
    """A file system is made, filled, checked and read back; the server's disk holds the same."""
    guest = server.guest
    guest.run(f"rm -f /tmp/disk.img; truncate -s 32M /tmp/disk.img; head -c 5000001 /dev/urandom > {FAR}")
    with gadget(guest, STORAGE, speed) as made, imported(server, client, made.serial) as local:
        disk = usb.wait_disk(guest, local)
        guest.run(f"mkfs.ext4 -q {disk}", timeout=30)
        guest.run(f"mount {disk} {MOUNT} && cp {FAR} {MOUNT}/data && umount {MOUNT}", timeout=30)
        guest.run(f"fsck.ext4 -fn {disk}", timeout=30)
        guest.run(f"mount -o ro {disk} {MOUNT} && cmp {FAR} {MOUNT}/data", timeout=30)
        guest.run(f"umount {MOUNT}")
    guest.run(f"debugfs -R 'dump /data {BACK}' /tmp/disk.img && cmp {FAR} {BACK} && rm /tmp/disk.img {FAR} {BACK}")


def _reports(first: int, count: int) -> tuple[bytes, list[InputEvent]]:
    """Letters going down and up in turn: keyboard reports, and the events they must become."""
    reports, events = b"", []
    for number in range(first, first + count):
        letter, down = number // 2 % len(LETTERS), number % 2 == 0
        reports += bytes([0, 0, 4 + letter if down else 0, 0, 0, 0, 0, 0])
        events.append(InputEvent(EV_KEY, LETTERS[letter], int(down)))
    return reports, events


def test_keyboard(server: Server, client: Client) -> None:
    """200 reports arrive, each once and in order; the host's word about a LED arrives too."""
    guest = server.guest
    with gadget(guest, KEYBOARD) as made, imported(server, client, made.serial) as local:
        node = event_node(guest, local)
        recording = Recording(guest, node)
        wanted: list[InputEvent] = []
        for first in range(0, 200, BATCH):
            reports, events = _reports(first, BATCH)
            wanted += events
            guest.run("dd of=/dev/hidg0 bs=8 iflag=fullblock conv=notrunc status=none", stdin=reports)
            recording.wait_events({EV_SCAN}, len(wanted))
            # Only scan codes are one a report: on a slow machine the kernel finds that keys are held.
            assert [event for event in recording.wait_events({EV_KEY}, 0) if event.value != REPEATED] == wanted
        guest.run(f"cat > {node}", stdin=struct.pack("<QQHHi", 0, 0, EV_LED, LED_CAPSLOCK, 1))
        report = "dd if=/dev/hidg0 bs=8 count=1 status=none | od -An -tu1 | tr -d ' '"
        guest.wait_until(f'[ "$({report})" = {1 << LED_CAPSLOCK} ]')


def _exchange(guest: Guest, near: str, far: str, count: int, prepare: str = "") -> None:
    """Send bytes both ways at once between two character devices that stay open meanwhile."""
    sent = {FAR: _bytes(count, "near to far"), NEAR: _bytes(count, "far to near")}
    for name, data in sent.items():
        guest.write(f"{name}.sent", data)
    guest.run(
        f"exec 3<>{near} 4<>{far}; {prepare}"
        f" head -c {count} <&3 > {NEAR} & a=$!; head -c {count} <&4 > {FAR} & b=$!;"
        f" cat {FAR}.sent >&3 & c=$!; cat {NEAR}.sent >&4 & d=$!; wait $a $b $c $d",
        timeout=30,
    )
    guest.run(f"for end in {FAR} {NEAR}; do cmp $end $end.sent && rm $end $end.sent || exit; done")


def test_serial(server: Server, client: Client) -> None:
    """Bytes go both ways at once, at load; line settings reach the device."""
    guest = server.guest
    with gadget(guest, Function("acm")) as made, imported(server, client, made.serial) as local:
        near = wait_node(guest, f"{usb.SYSFS}/{local}:1.0/tty/tty*")
        far = f"/dev/ttyGS{made.read('port_num')}"
        guest.wait_until(f"[ -c {far} ]")
        _exchange(guest, near, far, 200_000, prepare="stty raw -echo <&3; stty raw -echo <&4;")
        # 9600 baud, two stop bits, even parity, seven data bits: a SET_LINE_CODING request.
        bus = usb.wait_local(guest, made.serial).partition("-")[0]
        seen = f"/sys/kernel/debug/usb/usbmon/{bus}u"
        guest.run(f"modprobe usbmon; cat {seen} > {NEAR} 2> /dev/null < /dev/null & echo $! > {BACK}")
        guest.wait_until(f"ls -l /proc/$(cat {BACK})/fd | grep -q usbmon")
        guest.run(f"stty -F {near} 9600 cs7 cstopb parenb -parodd")
        guest.wait_until(f"grep -q 's 21 20 0000 0000 0007 7 = 80250000 020207' {NEAR}")
        guest.run(f"kill $(cat {BACK}); rm {NEAR} {BACK}")


def test_printer(server: Server, client: Client) -> None:
    """What is printed comes out of the printer, and what it answers comes back."""
    guest = server.guest
    with gadget(guest, PRINTER) as made:
        identity = guest.out(f"cat {usb.SYSFS}/{usb.wait_local(guest, made.serial)}:1.0/ieee1284_id")
        assert identity.startswith("MFG:usbip-rs;")
        with imported(server, client, made.serial) as local:
            assert guest.out(f"cat {usb.SYSFS}/{local}:1.0/ieee1284_id") == identity
            near = wait_node(guest, f"{usb.SYSFS}/{local}:1.0/usbmisc/lp*", "/dev/usb")
            _exchange(guest, near, "/dev/g_printer0", 100_000)


def _midi(count: int, seed: str) -> bytes:
    """Notes: complete messages, as no byte stream in between is allowed to shorten them."""
    source = Random(seed)
    return b"".join(bytes([0x90, source.randrange(128), 1 + source.randrange(127)]) for _ in range(count))


def test_midi(server: Server, client: Client) -> None:
    """Notes are played both ways."""
    guest = server.guest
    with gadget(guest, Function("midi")) as made, imported(server, client, made.serial) as local:
        near = wait_node(guest, f"{usb.SYSFS}/{local}:1.*/sound/card*/midiC*", "/dev/snd")
        far = wait_node(guest, "/sys/devices/platform/dummy_udc.0/gadget*/sound/card*/midiC*", "/dev/snd")
        for source, target, seed in ((near, far, "out"), (far, near, "in")):
            data = _midi(1000, seed)
            guest.write(FAR, data)
            # Nothing is kept for those who begin to read later.
            guest.run(
                f"head -c {len(data)} < {target} > {NEAR} & until grep -q '^0 0x0 ' /proc/$!/syscall; do sleep 0.05;"
                f" done; cat {FAR} > {source}; wait; cmp {FAR} {NEAR}",
                timeout=20,
            )
        guest.run(f"rm {FAR} {NEAR}")


def _network(guest: Guest, made: Gadget, local: str) -> None:
    """Give both ends of the cable an address, the importing one in a network namespace of its own."""
    near = wait_file(guest, f"{usb.SYSFS}/{local}:1.*/net/*").rpartition("/")[2]
    far = made.read("ifname")
    guest.run(
        f"ip netns add near && ip link set {near} netns near && ip address add 10.78.0.1/24 dev {far} &&"
        f" ip link set {far} up && ip -n near address add 10.78.0.2/24 dev {near} && ip -n near link set {near} up"
    )
    guest.wait_until("ip netns exec near busybox ping -c 1 -W 1 10.78.0.1")


@pytest.mark.parametrize(("name", "speed"), [("ecm", Speed.HIGH), ("ncm", Speed.SUPER)], ids=["ecm", "ncm"])
def test_network(server: Server, client: Client, name: str, speed: Speed) -> None:
    """Two network namespaces joined by USB: large pings, and a TCP stream either way."""
    guest = server.guest
    with gadget(guest, Function(name), speed) as made, imported(server, client, made.serial) as local:
        try:
            _network(guest, made, local)
            guest.run("ip netns exec near busybox ping -c 5 -i 0.2 -s 4000 10.78.0.1", timeout=30)
            guest.write(FAR, _bytes(2_000_003, name))
            for listening, sending in (("", "ip netns exec near"), ("ip netns exec near", "")):
                address = "10.78.0.1" if sending else "10.78.0.2"
                guest.run(
                    f"{listening} busybox nc -l -p 5000 < /dev/null > {NEAR} & reader=$!;"
                    f" until {listening} ss -Hltn | grep -q :5000; do sleep 0.05; done;"
                    f" {sending} bash -c 'cat {FAR} > /dev/tcp/{address}/5000'; wait $reader; cmp {FAR} {NEAR}",
                    timeout=30,
                )
            guest.run(f"rm {FAR} {NEAR}")
        finally:
            guest.run("ip netns del near", check=False)
