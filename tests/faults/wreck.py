"""What a power loss may leave of a folder, from a record of what was done in it.

The harshest reading of POSIX: of what was not synchronised, any part may be lost. Bytes of a file
are safe once the file was synchronised, names in a folder once the folder was; a rename is done
whole or not at all.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.disk import Operation


@dataclass(eq=False)
class _File:
    """Bytes on the disk, and what was written since."""

    safe: bytes = b""
    since: list[Operation] = field(default_factory=list)

    def synced(self, kept: Callable[[], bool]) -> bytes:
        """The bytes with some of what was written since."""
        data = bytearray(self.safe)
        for operation in self.since:
            if operation.kind == "truncate" and kept():
                data.clear()
            elif operation.kind == "write" and kept():
                gap = operation.offset - len(data)
                data.extend(bytes(max(0, gap)))
                data[operation.offset : operation.offset + len(operation.data)] = operation.data
        return bytes(data)


@dataclass(eq=False)
class _Folder:
    """Names on the disk, names as programs see them, and what was changed since."""

    safe: "dict[str, _File | _Folder]" = field(default_factory=dict)
    seen: "dict[str, _File | _Folder]" = field(default_factory=dict)
    since: "list[dict[str, _File | _Folder | None]]" = field(default_factory=list)

    def change(self, **names: "_File | _Folder | None") -> None:
        """Name, rename or remove, in one step."""
        self.since.append(names)
        self.seen = _with(self.seen, names)

    def synced(self, kept: Callable[[], bool]) -> "dict[str, _File | _Folder]":
        """The names with some of what was changed since."""
        found = self.safe
        for names in self.since:
            found = _with(found, names) if kept() else found
        return found


def survivors(
    before: Path, record: Sequence[Operation], root: Path, rng: random.Random
) -> dict[str, bytes | None]:
    """The files and folders (None) after a power loss, by path relative to the root.

    Args:
        before: a copy of the root as it was.
        record: what was done in the root since.
        root: the folder.
        rng: decides what is lost.
    """
    top = _load(before)
    for operation in record:
        _apply(top, operation, root)
    share = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    return dict(_walk(top, "", lambda: rng.random() < share))


def restore(folder: Path, files: dict[str, bytes | None]) -> Path:
    """Write what survived into a new folder."""
    folder.mkdir()
    for name, data in files.items():
        path = folder / name
        if data is None:
            path.mkdir()
        else:
            path.write_bytes(data)
    return folder


def _with(
    names: "dict[str, _File | _Folder]", changes: "dict[str, _File | _Folder | None]"
) -> "dict[str, _File | _Folder]":
    found = {**names, **changes}
    return {name: node for name, node in found.items() if node is not None}


def _load(path: Path) -> _Folder:
    names: dict[str, _File | _Folder] = {
        child.name: _load(child) if child.is_dir() else _File(child.read_bytes())
        for child in path.iterdir()
    }
    return _Folder(names, names)


def _apply(top: _Folder, operation: Operation, root: Path) -> None:
    """Do one operation of a record, unless it failed there."""
    parent, name = _parent(top, Path(operation.path), root)
    if parent is None:
        return
    node = top if name == "." else parent.seen.get(name)
    if operation.kind in ("create", "mkdir"):
        if node is None:
            parent.change(**{name: _File() if operation.kind == "create" else _Folder()})
    elif node is None or (operation.kind == "rmdir" and node.seen):
        return
    elif operation.kind in ("unlink", "rmdir"):
        parent.change(**{name: None})
    elif operation.kind == "rename":
        target = Path(operation.target)
        assert target.parent == Path(operation.path).parent, "renamed from folder to folder"
        parent.change(**{name: None, target.name: node})
    elif operation.kind == "link":
        beside, new = _parent(top, Path(operation.target), root)
        if beside is not None and new not in beside.seen:
            beside.change(**{new: node})
    elif operation.kind == "fsync":
        _synchronise(node)
    else:
        node.since.append(operation)


def _parent(top: _Folder, path: Path, root: Path) -> tuple[_Folder | None, str]:
    """The folder that a path lies in, if it is there, and its name."""
    *steps, name = path.relative_to(root).parts or (".",)
    parent: _File | _Folder | None = top
    for step in steps:
        parent = parent.seen.get(step) if isinstance(parent, _Folder) else None
    return (parent if isinstance(parent, _Folder) else None), name


def _synchronise(node: "_File | _Folder") -> None:
    if isinstance(node, _File):
        node.safe, node.since = node.synced(lambda: True), []
    else:
        node.safe, node.since = node.seen, []


def _walk(folder: _Folder, prefix: str, kept: Callable[[], bool]):
    for name, node in folder.synced(kept).items():
        if isinstance(node, _Folder):
            yield prefix + name, None
            yield from _walk(node, f"{prefix}{name}/", kept)
        else:
            yield prefix + name, node.synced(kept)
