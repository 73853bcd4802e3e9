"""Damaged, lying and overblown photos, each from a number; and what becomes of them.

``python -m tests.photo.mutants FOLDER FIRST LAST`` tries some in children with bounded memory and
time, and prints a line of JSON for each: number, kind, how the child ended, what was told, its
largest memory in MB and its processor time in seconds.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from cvgl_core.errors import PhotoError, PhotoViewError
from cvgl_core.photo import read_photo, to_ground_view
from cvgl_core.types import GroundSpec
from tests.photo.originals import XMP, make_originals, pixels, saved

MAX_BYTES_OF_ADDRESSES = 4 << 30
MAX_CPU_S, MAX_WALL_S = 20, 300
SPEC = GroundSpec(48, 256, 37.5, -30.0)
EXTREMES = (0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Some bits or bytes anywhere."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20, 100])):
        at = rng.randrange(len(out))
        out[at] = rng.choice([out[at] ^ (1 << rng.randrange(8)), 0, 1, 127, 128, 255])
    return bytes(out)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Only the beginning, sometimes closed as if it were whole."""
    return data[: rng.randrange(len(data))] + rng.choice([b"", b"", b"\xff\xd9", bytes(500)])


def spliced(data: bytes, rng: random.Random) -> bytes:
    """A part taken out, doubled, moved, or written over with another part."""
    first, second = sorted(rng.randrange(len(data)) for _ in range(2))
    part = data[first : min(second, first + rng.choice([4, 50, 5000]))]
    at = rng.randrange(len(data))
    return rng.choice([
        data[:first] + data[first + len(part) :],
        data[:at] + part + data[at:],
        data[:at] + part + data[at + len(part) :],
        data[:at] + part * 50 + data[at:],
    ])  # fmt: skip


def with_numbers(data: bytes, rng: random.Random) -> bytes:
    """Extreme integers near the head, where sizes and lengths are."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(min(len(out) - 4, 400))
        size, kind = rng.choice([(2, "<H"), (2, ">H"), (4, "<I"), (4, ">I")])
        out[at : at + size] = struct.pack(kind, rng.choice(EXTREMES) % 256**size)
    return bytes(out)


def tables_of(data: bytes) -> list[tuple[int, str, int]]:
    """Places of entries in all TIFF tables found in a file: position, byte order, table number."""
    found = []
    for mark, order in ((b"II*\0", "<"), (b"MM\0*", ">")):
        start = data.find(mark)
        if start < 0:
            continue
        waiting, seen = [struct.unpack_from(order + "I", data, start + 4)[0]], set()
        while waiting and len(seen) < 10:
            at = start + waiting.pop()
            if at in seen or at + 2 > len(data):
                continue
            seen.add(at)
            for entry in range(min(struct.unpack_from(order + "H", data, at)[0], 60)):
                place = at + 2 + 12 * entry
                if place + 12 <= len(data):
                    found.append((place, order, len(seen)))
                    if struct.unpack_from(order + "H", data, place)[0] in (0x8769, 0x8825):
                        waiting.append(struct.unpack_from(order + "I", data, place + 8)[0])
    return found


def retagged(data: bytes, rng: random.Random) -> bytes:
    """Entries of EXIF with another tag, type, count, value or place; loops of tables."""
    entries = tables_of(data)
    if not entries:
        return with_numbers(data, rng)
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at, order, _ = rng.choice(entries)
        what = rng.randrange(5)
        if what == 0:
            struct.pack_into(order + "H", out, at, rng.choice([0x112, 0x8769, 0x8825, 0x927C, 2]))
        elif what == 1:
            struct.pack_into(order + "H", out, at + 2, rng.randrange(20))
        elif what == 2:
            struct.pack_into(order + "I", out, at + 4, rng.choice([*EXTREMES, 3, 1000]))
        else:
            value = rng.choice([*EXTREMES, 8, 26, rng.randrange(len(data))])
            struct.pack_into(order + "I", out, at + 8, value)
    return bytes(out)


def turned_round(data: bytes, rng: random.Random) -> bytes:
    """The other byte order, as stated."""
    swapped = data.replace(b"II*\0", b"MM\0*", 1) if b"II*\0" in data else data
    if swapped == data:
        swapped = data.replace(b"MM\0*", b"II*\0", 1)
    return swapped if swapped != data else data[:2][::-1] + data[2:]


def refitted(data: bytes, rng: random.Random) -> bytes:
    """A PNG damaged within its chunks, checksums made right again; others: lengths changed."""
    if not data.startswith(PNG_HEAD):
        return with_numbers(data, rng)
    out, at = PNG_HEAD, 8
    while at + 12 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if body and rng.random() < 0.5:
            body = flipped(body, rng) if rng.random() < 0.7 else with_extremes(body, rng)
        out += struct.pack(">I", len(body)) + kind + body
        out += struct.pack(">I", zlib.crc32(kind + body))
        at += 12 + length
    return out


def with_extremes(body: bytes, rng: random.Random) -> bytes:
    out = bytearray(body.ljust(4, b"\0"))
    struct.pack_into(">I", out, rng.randrange(len(out) - 3), rng.choice(EXTREMES))
    return bytes(out)


def other_xmp(data: bytes, rng: random.Random) -> bytes:
    """A JPEG or WebP whose XMP is a bomb, a maze, endless, of another encoding, or lies."""
    from PIL import Image

    numbers = ["-1", "0", "1e308", "nan", "inf", "9" * 4000, "0x10", "½", "", "-0", "96", "1,5"]
    lie = XMP.decode()
    for old in ("'96'", "'48'", "'36'", "'0'", "'6'", "'144.0'", "'2.5'"):
        lie = lie.replace(old, f"'{rng.choice(numbers)}'", rng.choice([0, 1, 9]))
    depth = rng.choice([10, 1000, 20_000])
    entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
    packet = rng.choice([
        lie.encode(), lie.encode("utf-16"), lie.encode("utf-16-be"), lie.encode("utf-32"),
        ("<a>" * depth + XMP.decode() + "</a>" * depth).encode(),
        XMP.replace(b"<rdf:Description", b"<rdf:Description " + b"x" * depth + b"='1'"),
        f"<!DOCTYPE x [<!ENTITY e0 'ha'>{entities}]><x>&e11;</x>".encode(),
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
        XMP[: rng.randrange(len(XMP))], flipped(XMP, rng), b"<x/>" + b" " * 60_000,
        b"<x" + b" a='b'" * 9_000 + b"/>", b"<x>" + b"<y/>" * 12_000 + b"</x>",
    ])  # fmt: skip
    form = "WEBP" if len(packet) > 65_000 or rng.random() < 0.3 else "JPEG"
    return saved(Image.fromarray(pixels()), form, xmp=packet)


def bomb(data: bytes, rng: random.Random) -> bytes:
    """A small file that claims, or unpacks to, far more than it should."""
    wide, high = rng.choice([(65_000, 65_000), (20_000, 20_000), (9_000, 8_000), (1, 2**31 - 1)])
    if data.startswith(PNG_HEAD):
        head = struct.pack(
            ">IIBBBBB", wide, high, rng.choice([8, 16]), rng.choice([0, 2, 6]), 0, 0, 0
        )
        zeros = zlib.compress(bytes(rng.choice([1000, 30_000_000])))
        text = zlib.compress(b" " * 20_000_000)
        chunks = [(b"IHDR", head), (b"zTXt", b"a\0\0" + text), (b"iCCP", b"a\0\0" + text)]
        chunks += [(b"IDAT", zeros), (b"IEND", b"")]
        return PNG_HEAD + b"".join(
            struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b))
            for k, b in chunks
        )
    out = bytearray(data)
    if data.startswith(b"\xff\xd8"):
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
        struct.pack_into(">HH", out, at, min(high, 65_500), min(wide, 65_500))
        return bytes(out)
    if data.startswith(b"RIFF"):
        at = data.find(b"VP8X")
        if at > 0:
            out[at + 12 : at + 18] = (2**24 - 1).to_bytes(3, "little") * 2
        return bytes(out[:30]) + bytes(out[30:]) * rng.choice([1, 300])
    if data[4:8] == b"ftyp":
        at = data.find(b"ispe")
        struct.pack_into(">II", out, at + 8, wide, high)
        return bytes(out)
    for place, order, _ in tables_of(data):
        tag = struct.unpack_from(order + "H", data, place)[0]
        if tag in (256, 257):
            struct.pack_into(order + "I", out, place + 8, wide if tag == 256 else high)
    return bytes(out)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flipped, flipped, cut, spliced, with_numbers, retagged, retagged, turned_round, refitted,
    other_xmp, bomb,
)  # fmt: skip


def mutant(originals: dict[str, bytes], number: int) -> tuple[str, bytes]:
    """Return the kind and the bytes of a numbered file, the same in every run."""
    rng = random.Random(number)
    names = sorted(originals)
    name = names[number % len(names)]
    mutation = rng.choice(MUTATIONS)
    data = mutation(originals[name], rng)
    if rng.random() < 0.15:
        data = flipped(data, rng) if data else data
    return f"{mutation.__name__} {name}", data


def attempt(path: Path) -> str:
    """Read a photo and make its view; return how that ended."""
    try:
        photo = read_photo(path)
        try:
            view = to_ground_view(photo, SPEC)
        except PhotoViewError:
            view = to_ground_view(photo, SPEC, fov_deg=70.0)
        assert view.rgb.shape == (48, 256, 3)
        return "read"
    except PhotoError as error:
        named = str(path) in str(error) and "\n" not in str(error)
        return type(error).__name__ if named else f"unnamed: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def bounded_attempt(path: Path) -> tuple[int, str, float, float]:
    """Try a file in a child; return its status, what it told, its memory in MB and its seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES_OF_ADDRESSES, MAX_BYTES_OF_ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(MAX_WALL_S)
        os.write(writing, attempt(path).encode()[:2000])
        os._exit(0)
    os.close(writing)
    _, status, used = os.wait4(child, 0)
    told = os.read(reading, 4000).decode()
    os.close(reading)
    return status, told, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def main(folder: Path, first: int, last: int) -> None:
    """Try the files of these numbers."""
    originals = make_originals()
    path = folder / "case"
    for number in range(first, last):
        kind, data = mutant(originals, number)
        path.write_bytes(data)
        status, told, memory_mb, cpu_s = bounded_attempt(path)
        found = [number, kind, status, told, round(memory_mb), round(cpu_s, 2)]
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
