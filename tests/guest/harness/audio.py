# SPDX-License-Identifier: GPL-2.0
"""QEMU's USB loudspeaker, and the recording of what it was given to play."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from .guest import PLUG_SECONDS, Guest

RATE = 48_000
CHANNELS = 2
_LEVEL = 12_000
_WAV_HEADER = 44
# Enough for a whole clip: a loudspeaker that is emulated late drops nothing.
_BUFFER = 1 << 20
_NAME = "speaker"
SERIAL = "SPEAKER"


@contextmanager
def speaker(guest: Guest) -> Iterator[Path]:
    """Plug a loudspeaker in, and pull it out at the end: only then its recording, in the file given, is complete."""
    options = {"audiodev": _NAME, "serial": SERIAL, "buffer": _BUFFER}
    guest.qmp.execute("device_add", driver="usb-audio", id=_NAME, bus="xhci.0", **options)
    try:
        yield guest.console.path.parent / "speaker.wav"
    finally:
        guest.qmp.execute("device_del", id=_NAME)
        limit = PLUG_SECONDS * guest.env.patience
        guest.qmp.wait_event("DEVICE_DELETED", lambda data: data.get("device") == _NAME, limit)


def heard(recording: Path) -> list[int]:
    """What was played, silence left out: 1 or -1 for the sign of each sample."""
    data = recording.read_bytes()[_WAV_HEADER:]
    return [1 if sample > 0 else -1 for sample in array("h", data[: len(data) // 4 * 4]) if sample]


def noise(seconds: float, seed: str) -> list[int]:
    """A clip in which no stretch can be missed or doubled unnoticed: random signs, both channels."""
    source = Random(seed)
    return [source.choice((-1, 1)) for _ in range(int(seconds * RATE) * CHANNELS)]


def voice(count: int, seed: str) -> bytes:
    """So many samples in which no stretch can be missed or doubled unnoticed, none of them silent; 16 bits each."""
    source = Random(seed)
    return array("h", [source.choice((-1, 1)) * source.randint(1, 32_767) for _ in range(count)]).tobytes()


def loud(samples: bytes) -> bytes:
    """Samples of 16 bits, silence left out."""
    return array("h", [sample for sample in array("h", samples) if sample]).tobytes()


def samples(signs: list[int]) -> bytes:
    """A clip as it is played. Only signs count: the mixer may make it louder or softer."""
    return array("h", [sign * _LEVEL for sign in signs]).tobytes()


def leaps(heard: bytes, said: bytes) -> list[str]:
    """Where what was heard goes on at another place of what is said over and over; empty if nowhere, in samples."""
    loop, window = said + said, 8
    found, start = [], 0
    place = loop.find(heard[:window])
    while place >= 0:
        rest = heard[start:]
        alike = next((at for at, (a, b) in enumerate(zip(rest, loop[place:] + loop)) if a != b), len(rest)) // 2 * 2
        start += alike
        if start >= len(heard):
            return found
        after, place = (place + alike) % len(said), loop.find(heard[start : start + window])
        found.append(f"after {start // 2}: from {after // 2} to {place // 2}")
    return [*found, f"what was never said: {heard[start : start + 64].hex(' ', 2)}"]
