# SPDX-License-Identifier: GPL-2.0
"""What the PC tries with each device of the Pi, and how long it takes there."""

import hashlib
import random
import socket
import time
from pathlib import Path

from harness.guest import Guest
from harness.imported import wait_node
from harness.input import InputEvent, Recording, event_node, key
from harness.qmp import Qmp
from harness.usb import SYSFS

KIB = 256
# QEMU's keyboard remembers 16 keys that go down or up.
WORD = "raspi"
LINE_BYTES = 1000

_EV_KEY = 1
_REPEATED = 2
# linux/input-event-codes.h
_CODES = {"r": 19, "a": 30, "s": 31, "p": 25, "i": 23}
_SECONDS = 60


class StickTrial:
    """Reads the beginning of the stick, past every cache."""

    def __init__(self, pc: Guest, image: Path, disk: str) -> None:
        self._pc = pc
        self._image = image
        self._read = f"dd if={disk} bs=64k count={KIB // 64} iflag=direct status=none | sha256sum"

    def run(self) -> str:
        """Raise unless it is what the image holds."""
        start = time.monotonic()
        digest = self._pc.out(self._read, timeout=_SECONDS).split()[0]
        took = time.monotonic() - start
        with self._image.open("rb") as image:
            wanted = hashlib.sha256(image.read(KIB * 1024)).hexdigest()
        assert digest == wanted, f"the first {KIB} KiB are not those of the stick"
        return f"{took:.1f} s, {KIB / took:.0f} KiB/s"


class KeyboardTrial:
    """Types a word on the Pi's keyboard."""

    def __init__(self, pc: Guest, keyboard: Qmp, busid: str) -> None:
        self._keyboard = keyboard
        self._recording = Recording(pc, event_node(pc, busid))
        self._earlier = 0

    def run(self) -> str:
        """Raise unless every key goes down and up on the PC, in order."""
        wanted = [InputEvent(_EV_KEY, _CODES[letter], value) for letter in WORD for value in (1, 0)]
        start = time.monotonic()
        for letter in WORD:
            for down in (True, False):
                self._keyboard.execute("input-send-event", events=[key(letter, down)])
        seen: list[InputEvent] = []
        typed: list[InputEvent] = []
        while len(typed) < len(wanted) and time.monotonic() - start < _SECONDS:
            seen = self._recording.wait_events({_EV_KEY}, 0)[self._earlier :]
            # A key whose release is long in coming repeats, as one that is held down.
            typed = [event for event in seen if event.value != _REPEATED]
        took = time.monotonic() - start
        assert typed == wanted, f"of {wanted} came {seen}"
        self._earlier += len(seen)
        repeats = len(seen) - len(typed)
        return f"{took:.1f} s" + (f", {repeats} repeated" if repeats else "")


class SerialTrial:
    """Sends bytes over the Pi's serial line, in both directions."""

    def __init__(self, pc: Guest, line: Path, busid: str) -> None:
        self._pc = pc
        self._node = wait_node(pc, f"{SYSFS}/{busid}:1.0/ttyUSB*")
        far_end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        far_end.settimeout(_SECONDS)
        far_end.connect(str(line))
        self._far_end = far_end.makefile("rwb")

    def run(self) -> str:
        """Raise unless they arrive as they were sent."""
        data = random.randbytes(LINE_BYTES)
        self._pc.write("/tmp/sent", data)
        # Opened once for both: closing it forgets what has arrived.
        talk = f"cat /tmp/sent >&3; head -c {LINE_BYTES} <&3 | sha256sum > /tmp/received"
        self._pc.run(f"stty -F {self._node} raw -echo 115200", timeout=_SECONDS)
        start = time.monotonic()
        self._pc.run(f"setsid sh -c '{talk}' 3<>{self._node} </dev/null >/dev/null 2>&1 &")
        assert self._far_end.read(LINE_BYTES) == data, "what the PC wrote is not what arrived"
        self._far_end.write(data[::-1])
        self._far_end.flush()
        self._pc.wait_until("[ -s /tmp/received ]", timeout=_SECONDS)
        took = time.monotonic() - start
        digest = self._pc.out("cat /tmp/received; rm /tmp/received").split()[0]
        assert digest == hashlib.sha256(data[::-1]).hexdigest(), "what the PC read is not what was sent"
        return f"{took:.1f} s"
