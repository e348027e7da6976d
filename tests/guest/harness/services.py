# SPDX-License-Identifier: GPL-2.0
"""The units of the package, run by systemd in one guest that is server and client."""

from dataclasses import dataclass

from . import usb
from .guest import Guest
from .kept import Kept

HOST = "127.0.0.1"
SERVICES = ("usbipd.service", "usbip-connectd.service")
# CAP_NET_BIND_SERVICE, CAP_NET_ADMIN.
_CAPABILITIES = 1 << 10 | 1 << 12


@dataclass
class Services:
    """The services and what they keep."""

    kept: Kept

    @property
    def guest(self) -> Guest:
        """The guest they run in."""
        return self.kept.client.guest

    def check_socket(self) -> None:
        """The first client starts the daemon, which loads its module and answers through systemd's socket."""
        guest = self.guest
        guest.run("systemctl start usbipd.socket")
        assert guest.out("systemctl is-active usbipd.service || true") == "inactive"
        said = guest.run(f"/usr/sbin/usbip list -r {HOST}", timeout=30)
        assert said.err == f"usbip: info: no exportable devices found on {HOST}\n"
        assert guest.out("systemctl is-active usbipd.service") == "active"
        assert guest.succeeds("test -d /sys/module/usbip_host_rs")
        self._check_addresses()

    def _check_addresses(self) -> None:
        """Addresses in the configuration count without systemd's socket, and are refused beside it."""
        guest = self.guest
        guest.run("cp /etc/usbip/usbipd.toml /run/ && echo 'listen = [\"127.0.0.2\"]' > /etc/usbip/usbipd.toml")
        guest.run("systemctl reload usbipd.service", timeout=30)
        guest.wait_until("journalctl -u usbipd.service | grep -q 'systemd has opened .*, which stays open'")
        guest.run("systemctl stop usbipd.socket usbipd.service && systemctl start usbipd.service", timeout=30)
        assert guest.out("ss -Hltn 'sport = :3240' | awk '{ print $4 }'") == "127.0.0.2:3240"
        guest.run("cp /run/usbipd.toml /etc/usbip/ && systemctl stop usbipd.service", timeout=30)
        self._check_obstacle()
        guest.run("systemctl stop usbipd.service && systemctl start usbipd.socket usbipd.service", timeout=30)

    def _check_obstacle(self) -> None:
        """What keeps the daemon from starting, here another one, may go at any time: systemd does not give up."""
        guest, place = self.guest, "/run/systemd/system.conf.d"
        # Its limit is five times within ten seconds, which an emulated guest is too slow for.
        guest.run(f"mkdir -p {place}")
        guest.write(f"{place}/limit.conf", b"[Manager]\nDefaultStartLimitIntervalSec=1h\n")
        guest.run("systemctl daemon-reload", timeout=30)
        guest.run("/usr/sbin/usbipd -D -P/run/obstacle.pid && systemctl start --no-block usbipd.service")
        guest.wait_until("[ $(systemctl show -P NRestarts usbipd.service) -gt 5 ]", timeout=30)
        guest.run("kill $(cat /run/obstacle.pid)")
        guest.wait_until("[ $(systemctl is-active usbipd.service) = active ]", timeout=30)
        guest.run(f"rm {place}/limit.conf && systemctl daemon-reload", timeout=30)

    def check_kept(self, busid: str) -> None:
        """A rule exports the stick, a wish attaches it; both outlive a restart; what the user detaches stays so."""
        guest, serial = self.guest, self.kept.stick.serial
        guest.write("/etc/usbip/usbipd.toml", f"[[allow]]\nserial = '{serial}'\n".encode())
        wanted = f"[[attach]]\nname = 'stick'\nhost = '{HOST}'\nclass = 'storage'\n"
        guest.write("/etc/usbip/connect.toml", wanted.encode())
        guest.run("systemctl reload usbipd.service")
        guest.wait_until(f"grep -q 1 {usb.SYSFS}/{busid}/usbip_status")
        guest.run("systemctl start usbip-connectd.service", timeout=30)
        self.kept.check()
        guest.run(f"systemctl restart {' '.join(SERVICES)}", timeout=30)
        self.kept.wait_state("attached")
        self.kept.check()
        self._check_sleep()
        guest.run(f"/usr/sbin/usbip detach -p {self.kept.port}")
        self.kept.wait_state("detached")
        guest.run("systemctl restart usbip-connectd.service", timeout=30)
        assert self.kept.state()["state"] == "detached"
        self._check_vsock()

    def _check_vsock(self) -> None:
        """Either service has a machine's own vsock in reach, as virtual machines have one to their host."""
        guest = self.guest
        guest.run("modprobe vsock_loopback && systemctl stop usbipd.socket usbipd.service", timeout=30)
        rule = f"listen = ['vsock:3240']\n[[allow]]\nserial = '{self.kept.stick.serial}'\n"
        guest.write("/etc/usbip/usbipd.toml", rule.encode())
        guest.write("/etc/usbip/connect.toml", b"[[attach]]\nname = 'near'\nhost = 'vsock:1'\nclass = 'storage'\n")
        guest.run("systemctl start usbipd.service && systemctl reload usbip-connectd.service", timeout=30)
        self.kept.check()

    def _check_sleep(self) -> None:
        """What systemd does before and after sleep has the stick given back and attached again.

        The guest cannot sleep, and nobody may start sleep.target by hand: another target wants the same.
        """
        guest = self.guest
        nap = "[Unit]\nWants=usbip-connectd-sleep.service\nAfter=usbip-connectd-sleep.service\n"
        guest.write("/run/systemd/system/nap.target", nap.encode())
        guest.run("systemctl enable usbip-connectd-sleep.service && systemctl start nap.target", timeout=60)
        assert self.kept.state()["state"] == "asleep"
        guest.run("systemctl stop nap.target", timeout=30)
        self.kept.wait_state("attached")
        self.kept.check()

    def check_sandboxes(self) -> None:
        """What the daemons cannot do to the system, seen from where they are."""
        for service in SERVICES:
            pid = self.guest.out(f"systemctl show -P MainPID {service}")
            lines = self.guest.read(f"/proc/{pid}/status").splitlines()
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), service
            assert int(status["CapBnd"], 16) & ~_CAPABILITIES == 0, service
            for place in ("/etc/usbip", "/usr/sbin", "/root"):
                assert not self.guest.succeeds(f"nsenter --target {pid} --mount touch {place}/probe"), (service, place)
