# SPDX-License-Identifier: GPL-2.0
"""A stream of JSON objects, one a line, over a unix socket: what QMP and the guest agent speak."""

import json
import socket
import time
from pathlib import Path
from typing import Any

type Message = dict[str, Any]


class ChannelClosed(Exception):
    """The other end went away: QEMU is gone."""


class ChannelTimeout(Exception):
    """Nothing arrived before the deadline."""


class Channel:
    """One connected socket; a deadline is a time.monotonic() value."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._buffer = b""

    def send(self, message: Message) -> None:
        """Send one object."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ChannelClosed(str(error)) from error

    def receive(self, deadline: float) -> Message:
        """The next object."""
        while b"\n" not in self._buffer:
            self._fill(deadline)
        line, _, self._buffer = self._buffer.partition(b"\n")
        # The guest agent marks the answer to guest-sync-delimited by a 0xff byte.
        return json.loads(line.rpartition(b"\xff")[2])

    def close(self) -> None:
        """Close our end."""
        self._socket.close()

    def _fill(self, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise ChannelTimeout
        self._socket.settimeout(remaining)
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            raise ChannelTimeout from None
        except OSError as error:
            raise ChannelClosed(str(error)) from error
        if not data:
            raise ChannelClosed("end of file")
        self._buffer += data
