# SPDX-License-Identifier: GPL-2.0
"""QEMU's own control socket: plugging and unplugging, typing, quitting."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .channel import Channel, Message

ANSWER_SECONDS = 30.0


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """One QMP session, past the capability handshake."""

    def __init__(self, path: Path) -> None:
        self._channel = Channel(path)
        self._events: deque[Message] = deque(maxlen=1000)
        self._channel.receive(time.monotonic() + ANSWER_SECONDS)
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run one command; Python's underscores become QMP's dashes in argument names."""
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        self._channel.send({"execute": command, "arguments": named})
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self._channel.receive(deadline)
            if "event" in message:
                self._events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            else:
                return message["return"]

    def wait_event(self, name: str, wanted: Callable[[Message], bool], timeout: float) -> Message:
        """Wait for an event whose data satisfies WANTED; earlier ones count."""
        deadline = time.monotonic() + timeout
        while True:
            while self._events:
                event = self._events.popleft()
                if event["event"] == name and wanted(event.get("data", {})):
                    return event
            message = self._channel.receive(deadline)
            if "event" in message:
                self._events.append(message)

    def close(self) -> None:
        """Close the session."""
        self._channel.close()
