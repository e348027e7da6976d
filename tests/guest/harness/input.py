# SPDX-License-Identifier: GPL-2.0
"""Input devices: what a guest's kernel reports while QEMU types, clicks and moves."""

import base64
import struct
import time
from dataclasses import dataclass
from typing import Any

from . import usb
from .guest import Guest

_EVENT = struct.Struct("<QQHHi")
_RECORDING = "/tmp/events"
_REPORTS = "/tmp/reports"
_ARRIVE_SECONDS = 5.0


@dataclass(frozen=True)
class InputEvent:
    """One event: type, code and value as in linux/input-event-codes.h."""

    type: int
    code: int
    value: int


def event_node(guest: Guest, busid: str) -> str:
    """The event node of a USB input device."""
    # "head" because a keyboard may have a second one for its media keys.
    find = f"ls -d {usb.SYSFS}/{busid}/*/*/input/input*/event* 2>/dev/null | head -n 1"
    guest.wait_until(f'[ -n "$({find})" ]')
    node = "/dev/input/" + guest.out(f"basename $({find})")
    guest.wait_until(f"[ -c {node} ]")
    return node


class Recording:
    """Records what an event node reports."""

    def __init__(self, guest: Guest, node: str) -> None:
        self._guest = guest
        guest.run(f"rm -f {_RECORDING}; setsid cat {node} > {_RECORDING} 2> /dev/null < /dev/null &")
        # Events are only kept for those who have the node open.
        guest.wait_until(f"ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q ' {node}$'")

    def wait_events(self, types: set[int], count: int) -> list[InputEvent]:
        """The events of some types: all there are once there are COUNT, or the time is up."""
        deadline = time.monotonic() + _ARRIVE_SECONDS * self._guest.env.patience
        while True:
            seen = [event for event in self._events() if event.type in types]
            if len(seen) >= count or time.monotonic() > deadline:
                return seen

    def play(self, reports: bytes, size: int, events: int) -> None:
        """Send reports of a gadget's, each of which becomes at least so many events; returns when all have come."""
        self._guest.write(_REPORTS, reports)
        # An event node keeps 64 events for a reader that has no time.
        batch = 48 // events
        ends = range(batch, len(reports) // size + batch, batch)
        self._guest.run(
            f"for end in {' '.join(map(str, ends))}; do"
            f" dd if={_REPORTS} of=/dev/hidg0 bs={size} skip=$((end - {batch})) count={batch} conv=notrunc status=none;"
            f" wanted=$((end * {size} < {len(reports)} ? end : {len(reports) // size}));"
            f" until [ $(stat -c %s {_RECORDING}) -ge $((wanted * {events * _EVENT.size})) ]; do sleep 0.02; done; done"
        )

    def _events(self) -> list[InputEvent]:
        data = base64.b64decode(self._guest.out(f"base64 {_RECORDING}"))
        whole = len(data) // _EVENT.size * _EVENT.size
        return [InputEvent(*fields[2:]) for fields in _EVENT.iter_unpack(data[:whole])]


def send(guest: Guest, *events: dict[str, Any]) -> None:
    """Have QEMU's input devices report events."""
    guest.qmp.execute("input-send-event", events=list(events))


def key(code: str, down: bool) -> dict[str, Any]:
    """A key goes down or up."""
    return {"type": "key", "data": {"key": {"type": "qcode", "data": code}, "down": down}}


def move(kind: str, axis: str, value: int) -> dict[str, Any]:
    """A pointer moves: by VALUE ("rel") or to VALUE of 32767 ("abs")."""
    return {"type": kind, "data": {"axis": axis, "value": value}}


def button(name: str, down: bool) -> dict[str, Any]:
    """A pointer's button goes down or up."""
    return {"type": "btn", "data": {"button": name, "down": down}}
