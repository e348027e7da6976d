# SPDX-License-Identifier: GPL-2.0
"""Nothing is lost for good by attaching and detaching: collected for the debug kernel only."""

import pytest
from harness import kmemleak, modules
from harness.link import Link


@pytest.mark.timeout(900)
def test_attachments(link: Link) -> None:
    """Attachments, ended by each side, then everything unloaded: no object without a pointer to it."""
    guest = link.client.guest
    link.start()
    link.attach()
    link.check()
    link.detach()
    link.attach_again()
    link.read_forever()
    guest.run("ss -K 'sport = :3240'")
    link.wait_gone()
    link.wait_readers_gone()
    link.server.wait_status(link.busid, 1)
    link.release()
    link.server.stop()
    known = kmemleak.symbols(guest)
    modules.unload_all(guest)
    lost = kmemleak.leaks(guest, known)
    shown = "\n".join(lost[:10])
    assert not lost, f"{len(lost)} objects lost\n{shown}"
