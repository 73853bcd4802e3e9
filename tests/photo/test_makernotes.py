"""Notes of cameras: tables made here by hand, byte by byte, and what is read from them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.photo.makernotes import MakerNotes, read_maker_notes
from cvgl_core.photo.metadata import RawMetadata, read_metadata

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # the reader is silent too
SRATIONAL, RATIONAL, SHORT, LONG = 10, 5, 3, 4
SIZES = {SRATIONAL: 8, RATIONAL: 8, SHORT: 2, LONG: 4}


def table(start: int, order: str, entries: list[tuple[int, int, int, bytes]]) -> bytes:
    """An IFD that begins ``start`` bytes into the notes; large values follow it."""
    out, after = struct.pack(order + "H", len(entries)), b""
    begin = start + 2 + 12 * len(entries) + 4
    for tag, kind, count, data in entries:
        value = data.ljust(4, b"\0")
        if len(data) > 4:
            value, after = struct.pack(order + "I", begin + len(after)), after + data
        out += struct.pack(order + "HHI", tag, kind, count) + value
    return out + bytes(4) + after


def apple(x: float, y: float, z: float, order: str = ">") -> bytes:
    parts = b"".join(struct.pack(order + "ii", round(v * 10_000), 10_000) for v in (x, y, z))
    version = struct.pack(order + "i", 14)
    head = b"Apple iOS\0\0\1" + (b"MM" if order == ">" else b"II")
    return head + table(14, order, [(1, 9, 1, version), (8, SRATIONAL, 3, parts)])


# Gravity along the axes of an iPhone (Core Motion: x right, y up, z out of the screen).
@pytest.mark.parametrize(
    ("pull", "orientation", "pitch", "roll"),
    [
        ((0.0, -1.0, 0.0), 6, 0.0, 0.0),  # upright
        ((0.0, -0.9848, 0.1736), 6, 10.0, 0.0),  # leant back: the lens looks up
        ((0.0, -0.9848, -0.1736), 6, -10.0, 0.0),
        ((0.1736, -0.9848, 0.0), 6, 0.0, 10.0),  # its right side low: turned clockwise
        ((-1.0, 0.0, 0.0), 1, 0.0, 0.0),  # lower end to the right
        ((-0.9848, -0.1736, 0.0), 1, 0.0, 10.0),
        ((1.0, 0.0, 0.0), 3, 0.0, 0.0),
        ((0.9848, 0.1736, 0.0), 3, 0.0, 10.0),
        ((0.0, 1.0, 0.0), 8, 0.0, 0.0),
        ((-0.1736, 0.9848, 0.0), 8, 0.0, 10.0),
        ((-0.01, -0.02, -1.02), 6, -88.7, None),
    ],
)
def test_iphone(
    pull: tuple[float, float, float], orientation: int, pitch: float, roll: float | None
) -> None:
    for order in "<>":
        found = read_maker_notes(apple(*pull, order), orientation, "iPhone 12 back camera 4.2mm")
        assert found.pitch_deg == pytest.approx(pitch, abs=0.05)
        assert roll is None or found.roll_deg == pytest.approx(roll, abs=0.05)


@pytest.mark.parametrize(
    ("note", "orientation", "lens"),
    [
        (apple(0, -1, 0), 6, "iPhone 12 front TrueDepth camera"),
        (apple(0, -1, 0), 5, ""),
        (apple(0, -1.6, 0), 6, ""),  # shaken
        (apple(0, 0, 0), 6, ""),
        (apple(0, -1, 0)[:40], 6, ""),
        (b"Apple iOS\0", 6, ""),
        (b"Apple iOS\0\0\1XX" + bytes(90), 6, ""),
        (b"", 6, ""),
        ("text", 6, ""),
        (None, 6, ""),
        (b"Nikon\0" + bytes(90), 6, ""),
        (b"OLYMPUS\0II\3\0", 6, ""),
        (b"Panasonic\0\0\0", 6, ""),
        (b"Apple iOS\0" + bytes(2 << 20), 6, ""),
    ],
)
def test_notes_that_say_nothing(note: object, orientation: int, lens: str) -> None:
    assert read_maker_notes(note, orientation, lens) == MakerNotes()


def olympus(diagonal_mm: float) -> bytes:
    head = b"OLYMPUS\0II\3\0"
    at = 12 + 2 + 12 + 4
    top = table(12, "<", [(0x2010, LONG, 1, struct.pack("<I", at))])
    value = struct.pack("<II", round(diagonal_mm * 100), 100)
    return head + top + table(at, "<", [(0x0205, RATIONAL, 1, value)])


def test_olympus_states_its_sensor() -> None:
    exif: dict[int, Any] = {0x920A: 12.0, 0x927C: olympus(21.63)}
    found = read_metadata(4608, 3456, RawMetadata(exif=exif))
    assert found.fov_deg == pytest.approx(71.6, abs=0.1)  # 12 mm of Micro Four Thirds
    assert "Olympus" in found.sources["fov_deg"]
    assert read_metadata(4608, 2592, RawMetadata(exif=exif)).fov_deg is None
    exif[0x927C] = olympus(600.0)
    assert read_metadata(4608, 3456, RawMetadata(exif=exif)).fov_deg is None


def panasonic(roll: int, pitch: int, kind: str = "h") -> bytes:
    entries = [
        (0x90 + n, SHORT, 1, struct.pack("<" + kind, v)) for n, v in enumerate([roll, pitch])
    ]
    return b"Panasonic\0\0\0" + table(12, "<", entries)


def test_panasonic_level() -> None:
    found = read_maker_notes(panasonic(-25, 120), 1, "")
    assert (found.roll_deg, found.pitch_deg) == (-2.5, -12.0)
    assert read_maker_notes(panasonic(900, 0), 1, "") == MakerNotes()


def test_tilt_and_its_source() -> None:
    exif = {0x927C: apple(0.0872, -0.9962, 0.0)}
    found = read_metadata(3000, 4000, RawMetadata(exif=exif, orientation=6))
    assert (found.pitch_deg, found.roll_deg) == pytest.approx((0.0, 5.0), abs=0.05)
    assert found.sources["roll_deg"] == "maker notes, Apple AccelerationVector"
    dji = {"drone-dji:GimbalPitchDegree": "-30"}
    stated = read_metadata(3000, 4000, RawMetadata(exif=exif, xmp=dji, orientation=6))
    assert (stated.pitch_deg, stated.roll_deg) == (-30.0, None)
    pano = {"GPano:ProjectionType": "equirectangular"}
    stitched = read_metadata(4000, 2000, RawMetadata(exif=exif, xmp=pano, orientation=6))
    assert (stitched.pitch_deg, stitched.roll_deg) == (None, None)


@settings(deadline=None, max_examples=200)
@given(
    note=st.sampled_from([apple(0, -1, 0), olympus(21.6), panasonic(5, 5)]),
    at=st.integers(0, 90),
    junk=st.binary(min_size=1, max_size=8),
)
def test_damaged_notes_give_sane_values_or_none(note: bytes, at: int, junk: bytes) -> None:
    found = read_maker_notes(note[:at] + junk + note[at + len(junk) :], 6, "")
    assert found.pitch_deg is None or -90 <= found.pitch_deg <= 90
    assert found.sensor_diagonal_mm is None or 3 <= found.sensor_diagonal_mm <= 60
