# SPDX-License-Identifier: GPL-2.0
"""Sound across the wire: isochronous transfers both ways."""

import pytest
from harness import usb
from harness.audio import CHANNELS, RATE, SERIAL, heard, leaps, loud, noise, samples, speaker, voice
from harness.bench import Bench
from harness.gadget import Speed
from harness.guest import Guest
from harness.imported import imported, wait_node
from harness.paced import paced, read_bytes

# The headset's: one channel, a rate that packets of different lengths add up to.
HEADSET_RATE = 44_100
PLAYED, RECORDED = "/tmp/played", "/tmp/recorded"


def _node(guest: Guest, busid: str) -> str:
    guest.run("modprobe snd-pcm-oss")
    return wait_node(guest, f"{usb.SYSFS}/{busid}:1.*/sound/card*/dsp*")


def test_speaker(bench: Bench) -> None:
    """Every sample is played, once and in order, and playing can begin again and again."""
    guest = bench.guest
    clips = [noise(0.25, f"clip {number}") for number in range(4)]
    with speaker(guest) as recording:
        plugged = usb.wait_local(guest, SERIAL)
        imports = imported(bench.server, bench.client, SERIAL)
        for busid in bench.both("loudspeaker", Speed.FULL, plugged, imports):
            node = _node(guest, busid)
            for clip in clips:
                guest.run(f"dsp play {node} {RATE} {CHANNELS}", stdin=samples(clip), timeout=15)
    assert heard(recording) == 2 * sum(clips, [])


@pytest.mark.parametrize("speed", [Speed.FULL, Speed.HIGH], ids=["full", "high"])
def test_headset(bench: Bench, speed: Speed) -> None:
    """Samples are recorded and played at once: what is heard at either end is what was said at the other, gapless."""
    guest = bench.guest
    said = voice(2 * HEADSET_RATE, "microphone")
    clip = voice(HEADSET_RATE // 2, "loudspeaker")
    guest.write(PLAYED, clip)
    with paced(bench.client, "headset", speed, said) as device:
        for count, busid in enumerate(bench.paced("headset", device), 1):
            node = _node(guest, busid)
            guest.run(
                f"dsp record {node} {HEADSET_RATE} 1 {2 * HEADSET_RATE} > {RECORDED} & recorder=$!;"
                f" dsp play {node} {HEADSET_RATE} 1 < {PLAYED} && wait $recorder",
                timeout=30,
            )
            # What is said is said over and over.
            recorded, played = read_bytes(guest, RECORDED), loud(device.received())
            assert recorded in 2 * said, leaps(recorded, said)
            assert played == count * clip, leaps(played, clip)
