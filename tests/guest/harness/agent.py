# SPDX-License-Identifier: GPL-2.0
"""The QEMU guest agent: runs commands inside the guest without touching its network or console."""

import base64
import time
from dataclasses import dataclass
from pathlib import Path

from .channel import Channel, ChannelTimeout, Message

POLL_SECONDS = 0.02
# How much longer than the command's own limit the agent may take to tell.
GRACE_SECONDS = 20.0


class AgentError(Exception):
    """The agent refused a request."""


class CommandTimeout(Exception):
    """A command did not end in time."""


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    command: str
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{self.command!r} ended with {self.code}\nstdout: {self.out}\nstderr: {self.err}"


class Agent:
    """The harness's end of the agent's serial port."""

    def __init__(self, path: Path) -> None:
        self._channel = Channel(path)
        self._token = 0

    def wait(self, deadline: float) -> None:
        """Wait until the agent inside answers; QEMU keeps the request until it opens the port."""
        self._token += 1
        self._channel.send({"execute": "guest-sync-delimited", "arguments": {"id": self._token}})
        while self._channel.receive(deadline).get("return") != self._token:
            pass

    def run(self, command: str, stdin: bytes, timeout: float) -> Result:
        """Run a shell command to its end."""
        deadline = time.monotonic() + timeout
        pid = self._start(command, stdin, deadline)
        while True:
            state = self._call("guest-exec-status", {"pid": pid}, deadline + GRACE_SECONDS)
            if state["exited"]:
                return _result(command, state)
            if time.monotonic() > deadline:
                self._call("guest-exec", _shell(f"kill -9 -{pid} {pid}", b""), deadline + GRACE_SECONDS)
                raise CommandTimeout(f"{command!r} did not end within {timeout:.0f} s")
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Close our end of the port."""
        self._channel.close()

    def _start(self, command: str, stdin: bytes, deadline: float) -> int:
        return self._call("guest-exec", _shell(command, stdin), deadline + GRACE_SECONDS)["pid"]

    def _call(self, name: str, arguments: Message, deadline: float) -> Message:
        self._channel.send({"execute": name, "arguments": arguments})
        try:
            answer = self._channel.receive(deadline)
        except ChannelTimeout:
            raise CommandTimeout(f"the guest agent does not answer {name}") from None
        if "error" in answer:
            raise AgentError(f"{name}: {answer['error']}")
        return answer["return"]


def _shell(command: str, stdin: bytes) -> Message:
    arguments: Message = {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True}
    # Without input the command would inherit whatever the agent's stdin is.
    arguments["input-data"] = base64.b64encode(stdin).decode()
    return arguments


def _result(command: str, state: Message) -> Result:
    code = state.get("exitcode", 128 + state.get("signal", 0))
    streams = [base64.b64decode(state.get(key, "")) for key in ("out-data", "err-data")]
    out, err = (stream.decode(errors="surrogateescape") for stream in streams)
    return Result(command, code, out, err)
