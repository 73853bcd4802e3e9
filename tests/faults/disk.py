"""The file operations that Python code does below one folder, seen and spoilt one at a time.

Everything is patched where Python meets the operating system: functions of ``os`` and raw files,
so that the code under test is the one that ships. What C libraries open themselves is not seen.
"""
# ruff: noqa: PTH100, PTH115, PTH117, PTH118

import builtins
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

CHANGES = frozenset(
    {"create", "truncate", "write", "fsync", "mkdir", "rename", "link", "unlink", "rmdir"}
)
GROWS = frozenset({"create", "write", "mkdir", "link"})
READS = frozenset({"open", "read", "list"})


@dataclass(frozen=True)
class Operation:
    """One operation, before it is done.

    Attributes:
        kind: one of CHANGES or READS, or "stat".
        path: what it is done to.
        target: the new name, of a rename or a link.
        offset: where a write goes.
        data: what is written.
    """

    kind: str
    path: str
    target: str = ""
    offset: int = 0
    data: bytes = b""


Watcher = Callable[[Operation], None]
"""Told of every operation; may raise in its place."""


@contextmanager
def watched(root: Path, watcher: Watcher) -> Iterator[None]:
    """Tell ``watcher`` of all operations below ``root``; nothing is really synchronised."""
    disk = _Disk(str(root.absolute()), watcher)
    singles = {"stat": "stat", "listdir": "list", "mkdir": "mkdir", "rmdir": "rmdir"}
    singles |= {"unlink": "unlink", "remove": "unlink"}
    patches = {name: disk.single(kind, getattr(os, name)) for name, kind in singles.items()}
    patches |= {"open": disk.open_descriptor, "fsync": disk.fsync}
    patches |= {"rename": disk.rename, "replace": disk.rename, "link": disk.link}
    with (
        mock.patch.multiple(os, **patches),
        mock.patch.object(io, "open", disk.open_file),
        mock.patch.object(builtins, "open", disk.open_file),
    ):
        yield


def killer(nth: int) -> Watcher:
    """Kill this process at its n-th change of the disk (from 1), a write in its middle."""
    left = nth

    def watcher(operation: Operation) -> None:
        nonlocal left
        left -= operation.kind in CHANGES
        if left == 0:
            if operation.kind == "write":
                with io.FileIO(operation.path, "r+") as stream:
                    half = operation.data[: len(operation.data) // 2]
                    os.pwrite(stream.fileno(), half, operation.offset)
            os.kill(os.getpid(), signal.SIGKILL)

    return watcher


def failer(nth: int, number: int, kinds: frozenset[str], stays: bool = False) -> Watcher:
    """Fail the n-th operation of the named kinds (from 1), or all from there on."""
    left = nth

    def watcher(operation: Operation) -> None:
        nonlocal left
        if operation.kind in kinds:
            left -= 1
            if left == 0 or (stays and left < 0):
                raise OSError(number, os.strerror(number), operation.path)

    return watcher


class _Disk:
    """What stands in for the operating system."""

    def __init__(self, root: str, watcher: Watcher) -> None:
        self._root = root
        self._watcher = watcher
        self._open, self._rename, self._fsync, self._link = os.open, os.rename, os.fsync, os.link
        self._open_file = io.open

    def tell(self, kind: str, path: str, **more: Any) -> bool:
        """Tell of an operation if it is below the root; return whether it is."""
        inside = path == self._root or path.startswith(self._root + "/")
        if inside:
            self._watcher(Operation(kind, path, **more))
        return inside

    def single(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return what stands in for a function of one path."""

        def call(path: Any = ".", *args: Any, **options: Any) -> Any:
            self.tell(kind, _named(path, options.get("dir_fd")))
            return real(path, *args, **options)

        return call

    def open_descriptor(
        self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        """For ``os.open``."""
        self._tell_opening(_named(path, dir_fd), flags)
        return self._open(path, flags, mode, dir_fd=dir_fd)

    def rename(self, source: Any, target: Any, **options: Any) -> None:
        """For ``os.rename`` and ``os.replace``."""
        self.tell("rename", _named(source), target=_named(target))
        self._rename(source, target, **options)

    def link(self, source: Any, target: Any, **options: Any) -> None:
        """For ``os.link``."""
        self.tell("link", _named(source), target=_named(target))
        self._link(source, target, **options)

    def fsync(self, descriptor: int) -> None:
        """For ``os.fsync``."""
        if not self.tell("fsync", _named(descriptor)):
            self._fsync(descriptor)

    def open_file(
        self, file: Any, mode: str = "r", buffering: int = -1, *args: Any, **o: Any
    ) -> Any:
        """For ``open``."""
        if isinstance(file, int) or not _named(file).startswith(self._root):
            return self._open_file(file, mode, buffering, *args, **o)
        plain = mode.replace("b", "").replace("t", "")
        flags = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "x": os.O_CREAT, "a": os.O_CREAT}[plain[0]]
        self._tell_opening(_named(file), flags)
        raw = _RawFile(file, plain)
        raw.disk = self
        if buffering == 0:
            return raw
        kinds = {"r": io.BufferedReader, "r+": io.BufferedRandom, "w+": io.BufferedRandom}
        stream = kinds.get(plain, io.BufferedWriter)(raw)
        return stream if "b" in mode else io.TextIOWrapper(stream, *args, **o)

    def _tell_opening(self, path: str, flags: int) -> None:
        if flags & os.O_CREAT and not os.path.lexists(path):
            self.tell("create", path)
        else:
            self.tell("truncate" if flags & os.O_TRUNC else "open", path)


class _RawFile(io.FileIO):
    """An unbuffered file that tells what is done to it."""

    disk: _Disk

    def write(self, data: Any) -> int:
        copy = bytes(data)
        try:
            self.disk.tell("write", _named(self.fileno()), offset=self.tell(), data=copy)
        except OSError:
            super().write(copy[: len(copy) // 2])  # a disk fills up in the middle of a write
            raise
        return super().write(copy)

    def readinto(self, buffer: Any) -> int | None:
        self.disk.tell("read", _named(self.fileno()))
        return super().readinto(buffer)

    def readall(self) -> bytes | None:
        self.disk.tell("read", _named(self.fileno()))
        return super().readall()


def _named(path: Any, dir_fd: int | None = None) -> str:
    """The absolute path that a function of ``os`` is called with."""
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    text = os.fspath(path)
    if dir_fd is not None and not os.path.isabs(text):
        text = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), text)
    return os.path.abspath(text)
