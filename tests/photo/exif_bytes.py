"""EXIF blocks made byte by byte, so that tests can hold what no library would write."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

EXIF_IFD, GPS_IFD, THUMBNAIL_AT, THUMBNAIL_BYTES = 0x8769, 0x8825, 0x0201, 0x0202


class Field(NamedTuple):
    """Type, count and bytes of an entry; numbers are little-endian unless made otherwise."""

    kind: int
    count: int
    data: bytes


Table = Mapping[int, Field]


def ascii_(text: str | bytes) -> Field:
    data = text if isinstance(text, bytes) else text.encode() + b"\0"
    return Field(2, len(data), data)


def rationals(*pairs: tuple[int, int], order: str = "<") -> Field:
    return Field(5, len(pairs), b"".join(struct.pack(order + "II", *pair) for pair in pairs))


def srationals(*pairs: tuple[int, int], order: str = "<") -> Field:
    return Field(10, len(pairs), b"".join(struct.pack(order + "ii", *pair) for pair in pairs))


def short(value: int, order: str = "<") -> Field:
    return Field(3, 1, struct.pack(order + "H", value))


def long(value: int, order: str = "<") -> Field:
    return Field(4, 1, struct.pack(order + "I", value))


def undefined(data: bytes) -> Field:
    return Field(7, len(data), data)


def degrees(*parts: float) -> Field:
    return rationals(*((round(part * 1000), 1000) for part in parts))


def directory(start: int, table: Table, order: str = "<", following: int = 0) -> bytes:
    """A table that begins ``start`` bytes into its file; large values come after it."""
    head, after = struct.pack(order + "H", len(table)), b""
    begin = start + 2 + 12 * len(table) + 4
    for tag, (kind, count, data) in sorted(table.items()):
        value = data.ljust(4, b"\0")
        if len(data) > 4:
            value = struct.pack(order + "I", begin + len(after))
            after += data + bytes(len(data) % 2)
        head += struct.pack(order + "HHI", tag, kind, count) + value
    return head + struct.pack(order + "I", following) + after


def exif_block(
    main: Table | None = None,
    exif: Table | None = None,
    gps: Table | None = None,
    thumbnail: bytes = b"",
    thumbnail_tags: Table | None = None,
) -> bytes:
    """``Exif\\0\\0`` and a little-endian TIFF with these tables."""
    tables = dict(main or {})
    parts = [(EXIF_IFD, exif), (GPS_IFD, gps)]
    for tag, table in parts:
        if table is not None:
            tables[tag] = long(0)
    at = 8 + len(directory(8, tables))
    bodies = b""
    for tag, table in parts:
        if table is not None:
            tables[tag] = long(at + len(bodies))
            bodies += directory(at + len(bodies), table)
    second = b""
    if thumbnail:
        start = at + len(bodies)
        small = dict(thumbnail_tags or {}) | {THUMBNAIL_AT: long(0)}
        small[THUMBNAIL_BYTES] = long(len(thumbnail))
        small[THUMBNAIL_AT] = long(start + len(directory(start, small)))
        second = directory(start, small) + thumbnail
    following = at + len(bodies) if second else 0
    head = b"II*\0" + struct.pack("<I", 8)
    return b"Exif\0\0" + head + directory(8, tables, following=following) + bodies + second
