# SPDX-License-Identifier: GPL-2.0
"""The USB stick: a FAT image whose files the host makes, knows and verifies without mounting it."""

import hashlib
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
LABEL = "USBIP"
# Sizes around what a driver can get wrong: nothing, one byte, sectors, clusters, many requests.
SIZES = {
    "EMPTY.BIN": 0,
    "ONE.BIN": 1,
    "SECTOR.BIN": SECTOR,
    "ODD.BIN": 4097,
    "SMALL.BIN": 65_536,
    "BIG.BIN": 3 * 1024 * 1024 + 7,
}


@dataclass(frozen=True)
class Stick:
    """A stick's image file, its serial number and the checksums of what is on it."""

    image: Path
    serial: str
    sums: dict[str, str]

    @classmethod
    def make(cls, image: Path, serial: str, *, megabytes: int = 16) -> "Stick":
        """Make an image with one file of each size."""
        image.parent.mkdir(parents=True, exist_ok=True)
        image.unlink(missing_ok=True)
        with image.open("wb") as file:
            file.truncate(megabytes * 1024 * 1024)
        subprocess.run(["mkfs.vfat", "-n", LABEL, str(image)], check=True, stdout=subprocess.DEVNULL)
        # Seeded by the serial: a failure can be repeated with the same bytes.
        source = random.Random(serial)
        sums = {}
        for name, size in SIZES.items():
            data = source.randbytes(size)
            subprocess.run(["mcopy", "-i", str(image), "-", f"::{name}"], input=data, check=True)
            sums[name] = hashlib.sha256(data).hexdigest()
        return cls(image, serial, sums)

    @classmethod
    def found(cls, image: Path, serial: str) -> "Stick":
        """The stick somebody else has made, as it is now."""
        stick = cls(image, serial, {})
        stick.sums.update({name: stick.sum(name) for name in SIZES})
        return stick

    def read(self, name: str) -> bytes:
        """The content of a file, read from the image on the host."""
        command = ["mcopy", "-n", "-i", str(self.image), f"::{name}", "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def sum(self, name: str) -> str:
        """The checksum of a file as the host reads it."""
        return hashlib.sha256(self.read(name)).hexdigest()

    def verify(self) -> None:
        """Raise unless every file still has the content it was made with."""
        for name, expected in self.sums.items():
            if self.sum(name) != expected:
                raise AssertionError(f"{name} changed on the stick's image {self.image}")
