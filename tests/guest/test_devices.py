# SPDX-License-Identifier: GPL-2.0
"""Gadgets of every class through their own drivers: what goes in at one end comes out at the other."""

import struct
from random import Random

import pytest
from harness import usb
from harness.bench import Bench
from harness.gadget import Function, Gadget, Speed, gadget
from harness.guest import Guest
from harness.imported import wait_file, wait_interface, wait_node
from harness.input import InputEvent, Recording, event_node

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

# A boot mouse: three buttons, two axes.
MOUSE = Function("hid", {
    "protocol": b"2",
    "subclass": b"1",
    "report_length": b"3",
    "report_desc": bytes.fromhex(
        "05010902a1010901a100050919012903150025019503750181029501750581030501093009311581257f75089502"
        "8106c0c0"
    ),
})  # fmt: skip
EV_KEY, EV_REL, EV_SCAN, EV_LED = 1, 2, 4, 17
LED_CAPSLOCK, REPEATED, BTN_LEFT, X, Y = 1, 2, 0x110, 0, 1

PRINTER = Function("printer", {"pnp_string": b"MFG:usbip-rs;MDL:test;CLS:PRINTER;", "q_len": b"10"})


def _use_disk(guest: Guest, busid: str) -> None:
    """Make, fill, check and read a file system; the gadget's file holds the same."""
    disk = usb.wait_disk(guest, busid)
    guest.run(f"head -c 2000001 /dev/urandom > {FAR}; mkfs.ext4 -q {disk}", timeout=30)
    guest.run(f"mount {disk} {MOUNT} && cp {FAR} {MOUNT}/data && umount {MOUNT}", timeout=30)
    guest.run(f"fsck.ext4 -fn {disk}", timeout=30)
    guest.run(f"mount -o ro {disk} {MOUNT} && cmp {FAR} {MOUNT}/data && umount {MOUNT}", timeout=30)
    guest.run(f"debugfs -R 'dump /data {BACK}' /tmp/disk.img && cmp {FAR} {BACK} && rm {FAR} {BACK}")


@pytest.mark.parametrize("speed", [Speed.HIGH, Speed.SUPER], ids=["high", "super"])
def test_storage(bench: Bench, speed: Speed) -> None:
    """A file system is made, filled, checked and read back; the server's disk holds the same."""
    guest = bench.guest
    guest.run("rm -f /tmp/disk.img; truncate -s 32M /tmp/disk.img")
    with gadget(guest, STORAGE, speed) as made:
        for busid in bench.gadget("mass storage", made):
            _use_disk(guest, busid)
    guest.run("rm /tmp/disk.img")


def _letters(count: int) -> tuple[bytes, list[InputEvent]]:
    """Letters going down and up in turn: keyboard reports, and the events they must become."""
    reports, events = b"", []
    for number in range(count):
        letter, down = number // 2 % len(LETTERS), number % 2 == 0
        reports += bytes([0, 0, 4 + letter if down else 0, 0, 0, 0, 0, 0])
        events.append(InputEvent(EV_KEY, LETTERS[letter], int(down)))
    return reports, events


def test_keyboard(bench: Bench) -> None:
    """100 reports arrive, each once and in order; the host's word about a LED arrives too."""
    guest = bench.guest
    reports, wanted = _letters(100)
    with gadget(guest, KEYBOARD) as made:
        for busid in bench.gadget("HID keyboard", made):
            node = event_node(guest, busid)
            recording = Recording(guest, node)
            # A report is a scan code, a key and an end.
            recording.play(reports, 8, 3)
            # On a slow machine the kernel finds that keys are held.
            seen = recording.wait_events({EV_KEY}, len(wanted))
            assert [event for event in seen if event.value != REPEATED] == wanted
            guest.run(f"cat > {node}", stdin=struct.pack("<QQHHi", 0, 0, EV_LED, LED_CAPSLOCK, 1))
            report = "dd if=/dev/hidg0 bs=8 count=1 status=none | od -An -tu1 | tr -d ' '"
            guest.wait_until(f'[ "$({report})" = {1 << LED_CAPSLOCK} ]')


def _strokes(count: int) -> tuple[bytes, list[InputEvent]]:
    """A button going down and up in turn while the mouse moves, never twice the same way."""
    reports, events = b"", []
    for number in range(count):
        down, right, up = (number + 1) % 2, number % 127 + 1, -(number % 113) - 1
        reports += struct.pack("<Bbb", down, right, up)
        events += [InputEvent(EV_KEY, BTN_LEFT, down), InputEvent(EV_REL, X, right), InputEvent(EV_REL, Y, up)]
    return reports, events


def test_mouse(bench: Bench) -> None:
    """100 strokes with a button held or not arrive, each once and in order."""
    guest = bench.guest
    reports, wanted = _strokes(100)
    with gadget(guest, MOUSE) as made:
        for busid in bench.gadget("HID mouse", made):
            recording = Recording(guest, event_node(guest, busid))
            # A report is a scan code, a button, two axes and an end.
            recording.play(reports, 3, 5)
            assert recording.wait_events({EV_KEY, EV_REL}, len(wanted)) == wanted


def _exchange(guest: Guest, near: str, far: str, count: int, prepare: str = "") -> None:
    """Send bytes both ways at once between two character devices that stay open meanwhile."""
    ends = f"{FAR} {NEAR}"
    guest.run(f"for end in {ends}; do head -c {count} /dev/urandom > $end.sent; done")
    guest.run(
        f"exec 3<>{near} 4<>{far}; {prepare}"
        f" head -c {count} <&3 > {NEAR} & a=$!; head -c {count} <&4 > {FAR} & b=$!;"
        f" cat {FAR}.sent >&3 & c=$!; cat {NEAR}.sent >&4 & d=$!; wait $a $b $c $d",
        timeout=30,
    )
    guest.run(f"for end in {ends}; do cmp $end $end.sent && rm $end $end.sent || exit; done")


def _set_line(guest: Guest, made: Gadget, tty: str) -> None:
    """9600 baud, two stop bits, even parity, seven data bits: a SET_LINE_CODING request reaches the device."""
    seen = f"/sys/kernel/debug/usb/usbmon/{made.busid.partition('-')[0]}u"
    guest.run(f"modprobe usbmon; cat {seen} > {NEAR} 2> /dev/null < /dev/null & echo $! > {BACK}")
    guest.wait_until(f"ls -l /proc/$(cat {BACK})/fd | grep -q usbmon")
    guest.run(f"stty -F {tty} 9600 cs7 cstopb parenb -parodd")
    guest.wait_until(f"grep -q 's 21 20 0000 0000 0007 7 = 80250000 020207' {NEAR}")
    guest.run(f"kill $(cat {BACK}); rm {NEAR} {BACK}")


def test_serial(bench: Bench) -> None:
    """Bytes go both ways at once, at load; line settings reach the device."""
    guest = bench.guest
    with gadget(guest, Function("acm")) as made:
        far = f"/dev/ttyGS{made.read('port_num')}"
        guest.wait_until(f"[ -c {far} ]")
        for busid in bench.gadget("CDC-ACM serial", made):
            near = wait_node(guest, f"{usb.SYSFS}/{busid}:1.0/tty/tty*")
            _exchange(guest, near, far, 200_000, prepare="stty raw -echo <&3; stty raw -echo <&4;")
            _set_line(guest, made, near)


def test_printer(bench: Bench) -> None:
    """What is printed comes out of the printer, and what it answers comes back."""
    guest = bench.guest
    with gadget(guest, PRINTER) as made:
        for busid in bench.gadget("printer", made):
            near = wait_node(guest, f"{usb.SYSFS}/{busid}:1.0/usbmisc/lp*", "/dev/usb")
            assert guest.out(f"cat {usb.SYSFS}/{busid}:1.0/ieee1284_id").startswith("MFG:usbip-rs;")
            _exchange(guest, near, "/dev/g_printer0", 100_000)


def _midi(count: int, seed: str) -> bytes:
    """Notes: complete messages, as no byte stream in between is allowed to shorten them."""
    source = Random(seed)
    return b"".join(bytes([0x90, source.randrange(128), 1 + source.randrange(127)]) for _ in range(count))


def test_midi(bench: Bench) -> None:
    """Notes are played both ways."""
    guest = bench.guest
    with gadget(guest, Function("midi")) as made:
        far = wait_node(guest, "/sys/devices/platform/dummy_udc.0/gadget*/sound/card*/midiC*", "/dev/snd")
        for busid in bench.gadget("MIDI", made):
            near = wait_node(guest, f"{usb.SYSFS}/{busid}:1.*/sound/card*/midiC*", "/dev/snd")
            for source, target, seed in ((near, far, f"{busid} out"), (far, near, f"{busid} in")):
                data = _midi(1000, seed)
                guest.write(FAR, data)
                # Nothing is kept for those who begin to read later.
                guest.run(
                    f"head -c {len(data)} < {target} > {NEAR} &"
                    " until grep -q '^0 0x0 ' /proc/$!/syscall; do sleep 0.05; done;"
                    f" cat {FAR} > {source}; wait; cmp {FAR} {NEAR}",
                    timeout=20,
                )
            guest.run(f"rm {FAR} {NEAR}")


def _join(guest: Guest, made: Gadget, busid: str) -> None:
    """Give both ends of the cable an address, the host's in a network namespace of its own."""
    near = wait_interface(guest, busid)
    far = made.read("ifname")
    guest.run(
        f"ip netns add near && ip link set {near} netns near && ip -n near address add 10.78.0.2/24 dev {near} &&"
        f" ip -n near link set {near} up && ip address replace 10.78.0.1/24 dev {far} && ip link set {far} up"
    )
    guest.wait_until("ip netns exec near busybox ping -c 1 -W 1 10.78.0.1")


def _stream(guest: Guest) -> None:
    """A TCP stream either way."""
    guest.run(f"head -c 1000003 /dev/urandom > {FAR}")
    for listening, sending in (("", "ip netns exec near"), ("ip netns exec near", "")):
        address = "10.78.0.1" if sending else "10.78.0.2"
        guest.run(
            f"{listening} busybox nc -l -p 5000 < /dev/null > {NEAR} & reader=$!;"
            f" until {listening} ss -Hltn | grep -q :5000; do sleep 0.05; done;"
            f" {sending} bash -c 'cat {FAR} > /dev/tcp/{address}/5000'; wait $reader; cmp {FAR} {NEAR}",
            timeout=30,
        )
    guest.run(f"rm {FAR} {NEAR}")


@pytest.mark.parametrize(("name", "speed"), [("ecm", Speed.HIGH), ("ncm", Speed.SUPER)], ids=["ecm", "ncm"])
def test_network(bench: Bench, name: str, speed: Speed) -> None:
    """Two network namespaces joined by USB: large pings, and a TCP stream either way."""
    guest = bench.guest
    with gadget(guest, Function(name), speed) as made:
        for busid in bench.gadget(f"CDC-{name.upper()} network", made):
            try:
                _join(guest, made, busid)
                guest.run("ip netns exec near busybox ping -c 5 -i 0.2 -s 4000 10.78.0.1", timeout=30)
                _stream(guest)
            finally:
                guest.run("ip netns del near", check=False)
