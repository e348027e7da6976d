# SPDX-License-Identifier: GPL-2.0
"""A disk, its medium in memory: sequential, random, files; near and far."""

from collections.abc import Iterator
from itertools import product

from .cell import Cell, Stack
from .job import Job
from .perturbation import PERTURBATIONS

SUITE = "storage"
# Round trips in ms, and MiB that are read and written: at the far end a MiB takes long. With fewer the windows of TCP, which
# have to grow first, are much of it.
DISTANCES = {0: 64, 1: 32, 8: 32, 20: 16}
SEQUENTIAL = ("read", "write")
ACTIONS = (*SEQUENTIAL, "random", "create", "delete")
# As our udev rule leaves a disk, where the distance tells.
RAISED = 8
_RAISED = "-raised"
_SPEEDS = ("high", "super")
_MEDIUM = 64
# What a unit is if it is sequential.
_KIB = 1024
_PAGE = 4096
# Pages, and files of a page.
_RANDOM = 200
_FILES = 200


def jobs() -> Iterator[Job]:
    """Near at both speeds, and direct there; far at high speed."""
    for perturbation, speed, stack in product(PERTURBATIONS, _SPEEDS, (Stack.DIRECT, Stack.C, Stack.OURS)):
        setup = [f"plug_disk {speed} {_MEDIUM}"]
        if stack is not Stack.DIRECT:
            setup += [f"stub {stack.server}", f"import {stack.client}"]
        far = stack is not Stack.DIRECT and speed == "high"
        loads = [line for distance in (DISTANCES if far else [0]) for line in _loads(speed, distance)]
        if far:
            loads += [f"distance {RAISED}", "as_by_udev", *_sequential(raised(f"{speed}-{RAISED}ms"), RAISED)]
        yield Job(SUITE, speed, stack, perturbation, (*setup, "find_disk"), tuple(loads), 3)


def raised(variant: str) -> str:
    """The variant with the udev rule."""
    return f"{variant}{_RAISED}"


def plain(variant: str) -> str | None:
    """The variant without the udev rule of one with it."""
    return variant.removesuffix(_RAISED) if variant.endswith(_RAISED) else None


def _loads(speed: str, distance: int) -> Iterator[str]:
    variant = f"{speed}-{distance}ms"
    yield f"distance {distance}"
    yield from _sequential(variant, distance)
    yield f"bench disk {Cell(SUITE, variant, _PAGE, 1, 'random').label} random /dev/$disk {_RANDOM}"
    yield "mount_disk"
    for action in ("create", "delete"):
        yield f"bench disk {Cell(SUITE, variant, _PAGE, 1, action).label} {action} /mnt {_FILES}"
    yield "umount /mnt"


def _sequential(variant: str, distance: int) -> Iterator[str]:
    for action in SEQUENTIAL:
        yield f"bench disk {Cell(SUITE, variant, _KIB, 1, action).label} {action} /dev/$disk {DISTANCES[distance]}"


def milliseconds(cell: Cell) -> float:
    """The distance of a cell."""
    return float(cell.variant.split("-")[1].removesuffix("ms"))


def is_by_distance(cell: Cell) -> bool:
    """Whether a cell differs from others by its distance only."""
    return cell.variant.startswith("high-") and plain(cell.variant) is None
