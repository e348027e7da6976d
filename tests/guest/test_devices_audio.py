# SPDX-License-Identifier: GPL-2.0
"""A loudspeaker across the wire: isochronous transfers, at full speed."""

from harness import usb
from harness.audio import SERIAL, heard, noise, samples, speaker
from harness.client import Client
from harness.imported import imported, wait_node
from harness.server import Server


def test_speaker(server: Server, client: Client) -> None:
    """Every sample is played, once and in order, and playing can begin again and again."""
    guest = server.guest
    clips = [noise(0.25, f"clip {number}") for number in range(4)]
    with speaker(guest) as recording:
        guest.run("modprobe snd-pcm-oss")
        with imported(server, client, SERIAL) as local:
            node = wait_node(guest, f"{usb.SYSFS}/{local}:1.*/sound/card*/dsp*")
            for clip in clips:
                guest.run(f"dsp {node}", stdin=samples(clip), timeout=15)
    assert heard(recording) == sum(clips, [])
