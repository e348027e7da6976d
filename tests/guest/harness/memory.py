# SPDX-License-Identifier: GPL-2.0
"""What a guest's kernel holds on to: memory, slab objects, threads."""

import re
from collections import Counter
from dataclasses import dataclass

from .guest import Guest

# Everything that is only kept for later is thrown away, or it would look like a leak: address space that is given
# back only when many pages of it are free or, as here, a module goes, which is something for udev; its workers, which
# stay for some seconds when there is nothing to do; connections in TIME_WAIT, caches (what refers to what takes several
# rounds), and free pages on processors' lists. In the end the kernel adds up what each processor has counted. KASAN
# keeps what has been freed until its cache is shrunk, or there is too much of it; to have a cache shrunk a file is
# opened, which leaves something in the caches that are named here, some of it until RCU has a batch of five seconds
# (KFREE_DRAIN_JIFFIES). The agent makes a socket each time it is asked, to tell a syslog that is not there: sockets come
# last of all, and what there is then is read at once.
_SETTLE = """
modprobe dummy && rmmod dummy
udevadm settle --timeout=120
while ps -eo comm= | grep -q '^(udev-worker)'; do sleep 0.2; done
echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets
sync
for round in 1 2 3; do echo 3 > /proc/sys/vm/drop_caches; done
! [ -e /proc/sys/vm/compact_memory ] || echo 1 > /proc/sys/vm/compact_memory
cd /sys/kernel/slab
for cache in *; do echo 1 > "$cache/shrink"; done
sleep 6
for cache in filp lsm_file* kernfs* seq_file* kmalloc-* names_cache UNIX*; do
	! [ -e "$cache" ] || echo 1 > "$cache/shrink"
done
cat /proc/sys/vm/stat_refresh
cat /proc/meminfo
echo
cat /proc/slabinfo
"""
# Reclaimed as the kernel sees fit: their size says what was looked at, not what was lost. The block layer keeps
# up to 256 free bios a processor (ALLOC_CACHE_MAX). Areas of address space are kept by size (VmallocUsed says
# what is in use), each with something for kmemleak to scan, and DEBUG_OBJECTS keeps a pool.
_CACHES = (
    "dentry", "inode", "damon_region", "radix_tree_node", "buffer_head", "bio-",
    "vmap_area", "kmemleak_scan_area", "debug_objects_cache",
)  # fmt: skip
_ACCOUNTED = ("MemFree", "Buffers", "Cached", "AnonPages", "Slab", "KernelStack", "PageTables", "Percpu")
_PAGE = 4096
_KEPT = ("MemAvailable", "SUnreclaim", "KernelStack", "VmallocUsed", "Percpu")


@dataclass(frozen=True)
class Usage:
    """One measurement."""

    kilobytes: dict[str, int]
    objects: dict[str, int]
    threads: Counter[str]

    @classmethod
    def of(cls, guest: Guest) -> "Usage":
        """Measure a guest at rest; booted with slab_debug, which makes the counts exact."""
        memory, slabs = guest.run(_SETTLE, timeout=180).out.split("\n\n", 1)
        meminfo = {}
        for line in memory.splitlines():
            name, size, *_ = line.split()
            meminfo[name.rstrip(":")] = int(size)
        kilobytes = {name: meminfo[name] for name in _KEPT}
        # Pages that were allocated as pages, which no statistic names.
        accounted = sum(meminfo[name] for name in _ACCOUNTED) + _listed(guest)
        kilobytes["Unaccounted"] = meminfo["MemTotal"] - accounted
        caches = [line.split() for line in slabs.splitlines()[2:]]
        # What no cache is large enough for; slabs that are only partly in use come and go.
        kilobytes["LargeObjects"] = meminfo["Slab"] - sum(map(_slabs, caches))
        return cls(kilobytes, _objects(caches), _threads(guest))

    def grown(self, since: "Usage") -> dict[str, int]:
        """The slab caches with more objects than before, and how many more."""
        growth = {name: count - since.objects.get(name, 0) for name, count in self.objects.items()}
        return {name: count for name, count in growth.items() if count > 0}


def allocators(guest: Guest, cache: str) -> str:
    """Who allocated what is in a slab cache, most first; of a guest booted with slab_debug=U, empty on others."""
    return guest.run(f"head -n 200 '/sys/kernel/debug/slab/{cache}/alloc_traces'", check=False).out


def _listed(guest: Guest) -> int:
    # Free pages on processors' lists, which MemFree does not count: the kernel lets them grow to many MiB as it sees fit.
    pages = re.findall(r"^ +count: +(\d+)$", guest.read("/proc/zoneinfo"), re.MULTILINE)
    return sum(map(int, pages)) * _PAGE // 1024


def _slabs(cache: list[str]) -> int:
    """The KiB of a cache, a line of slabinfo: the pages of a slab are the sixth word, the slabs the last but one."""
    return int(cache[5]) * int(cache[-2]) * _PAGE // 1024


def _objects(caches: list[list[str]]) -> dict[str, int]:
    return {name: int(active) for name, active, *_ in caches if not any(cache in name for cache in _CACHES)}


def _threads(guest: Guest) -> Counter[str]:
    # The kernel starts and ends its workers as it sees fit; of others there is one for each device or processor.
    names = guest.out("ps -eLo comm=").splitlines()
    return Counter(re.sub(r"\d+", "N", name) for name in names if not name.startswith("kworker"))
