# SPDX-License-Identifier: GPL-2.0
"""A newc cpio archive, the format the kernel unpacks an initramfs from."""

import stat
from pathlib import Path


class Archive:
    """Collects directories and files in memory; everything belongs to root."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._directories: set[str] = set()
        self._inode = 0

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Add a regular file, and the directories above it."""
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def symlink(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def directory(self, name: str) -> None:
        """Add a directory, once, and the directories above it."""
        if name in self._directories:
            return
        self._parents(name)
        self._directories.add(name)
        self._entry(name, stat.S_IFDIR | 0o755, b"")

    def tree(self, source: Path, name: str) -> None:
        """Add a file or everything below a directory."""
        if source.is_dir():
            self.directory(name)
            for child in sorted(source.iterdir()):
                self.tree(child, f"{name}/{child.name}")
        else:
            self.file(name, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def finish(self) -> bytes:
        """The whole archive, trailer included."""
        self._entry("TRAILER!!!", 0, b"")
        return b"".join(self._chunks)

    def _parents(self, name: str) -> None:
        parent = name.rpartition("/")[0]
        if parent:
            self.directory(parent)

    def _entry(self, name: str, mode: int, data: bytes) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        numbers = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % number for number in numbers)
        self._chunks += [_padded(header + encoded), _padded(data)]


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
