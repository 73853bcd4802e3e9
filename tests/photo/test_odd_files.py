"""Photos as cameras, phones and programs write them wrong: whole files, and what is read from them.

Each case says which values come out, from which source, and what the user is told.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cvgl_core.errors import PhotoViewError
from cvgl_core.photo import read_photo, to_ground_view
from cvgl_core.types import GroundSpec
from tests.photo.exif_bytes import (
    Field,
    ascii_,
    degrees,
    exif_block,
    long,
    rationals,
    short,
    srationals,
    undefined,
)

MAKE, ORIENTATION, DATE = 0x010F, 0x0112, 0x0132
ORIGINAL, OFFSET, FOCAL, FOCAL_35, WIDE, HIGH = 0x9003, 0x9011, 0x920A, 0xA405, 0xA002, 0xA003
LAT_REF, LAT, LON_REF, LON, CLOCK, TRACK, DIR_REF, DIR, DAY = 1, 2, 3, 4, 7, 15, 16, 17, 29

HERE = {LAT_REF: ascii_("N"), LAT: degrees(47, 30, 0), LON_REF: ascii_("E"), LON: degrees(8, 15, 0)}
TIME = {ORIGINAL: ascii_("2021:07:29 11:16:42")}
PANO = "GPano:ProjectionType='equirectangular'"
NONE: dict[str, Any] = {}


def gpano(*attributes: str) -> str:
    spaces = (
        "xmlns:GPano='http://ns.google.com/photos/1.0/panorama/'"
        " xmlns:exif='http://ns.adobe.com/exif/1.0/'"
    )
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    inner = f"<rdf:Description {spaces} {' '.join(attributes)}/>"
    inner = f"<rdf:RDF xmlns:rdf='{rdf}'>{inner}</rdf:RDF>"
    return f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{inner}</x:xmpmeta>"


def full(width: int, height: int, left: int, top: int, of: tuple[int, int]) -> str:
    names = ("CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels", "CroppedAreaLeftPixels",
             "CroppedAreaTopPixels", "FullPanoWidthPixels", "FullPanoHeightPixels")  # fmt: skip
    values = (width, height, left, top, *of)
    return gpano(PANO, *(f"GPano:{n}='{v}'" for n, v in zip(names, values, strict=True)))


def thumbnail(size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (255, 0, 255)).save(stream, "JPEG")
    return stream.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, and what must come of it: values (None: absent), sources, a warning or none."""

    name: str
    gives: Mapping[str, Any]
    main: Mapping[int, Field] = field(default_factory=dict)
    exif: Mapping[int, Field] = field(default_factory=dict)
    gps: Mapping[int, Field] = field(default_factory=dict)
    xmp: str | bytes = ""
    size: tuple[int, int] = (48, 36)
    source: tuple[str, str] | None = None
    warns: str | None = None
    thumb: bytes = b""
    thumb_tags: Mapping[int, Field] = field(default_factory=dict)


def place(lon: float | None, lat: float | None) -> dict[str, Any]:
    return {"exif_lon": lon, "exif_lat": lat}


NO_PLACE = place(None, None)
EXIF_GPS = ("exif_lat", "EXIF GPSLatitude")
WHERE = [
    Case("as it should be", place(8.25, 47.5), gps=HERE, source=EXIF_GPS),
    Case("no references", place(8.25, 47.5), gps={LAT: HERE[LAT], LON: HERE[LON]},
         source=EXIF_GPS, warns="GPSLatitudeRef is missing"),
    Case("lower-case references", place(-8.25, -47.5),
         gps=HERE | {LAT_REF: ascii_("s"), LON_REF: ascii_("w")}, source=EXIF_GPS),
    Case("references of two letters", place(8.25, -47.5), gps=HERE | {LAT_REF: ascii_("South")}),
    Case("0/0", NO_PLACE, gps=HERE | {LAT: rationals((0, 0), (0, 0), (0, 0))},
         warns="GPSLatitude ignored"),
    Case("seconds of 0/0", NO_PLACE, gps=HERE | {LAT: rationals((47, 1), (30, 1), (0, 0))},
         warns="GPSLatitude ignored"),
    Case("negative and marked north", NO_PLACE,
         gps=HERE | {LAT: srationals((-47, 1), (30, 1), (0, 1))}, warns="negative"),
    Case("negative and marked south", place(8.25, -47.5),
         gps=HERE | {LAT: srationals((-47, 1), (30, 1), (0, 1)), LAT_REF: ascii_("S")}),
    Case("latitude 91", NO_PLACE, gps=HERE | {LAT: degrees(91, 0, 0)}, warns="not a latitude"),
    Case("longitude 181", NO_PLACE, gps=HERE | {LON: degrees(181, 0, 0)}, warns="not a longitude"),
    Case("null island", NO_PLACE, gps=HERE | {LAT: degrees(0, 0, 0), LON: degrees(0, 0, 0)},
         warns="without a fix"),
    Case("60 seconds", place(8.25, 47.5), gps=HERE | {LAT: degrees(47, 29, 60)}),
    Case("75 minutes", NO_PLACE, gps=HERE | {LAT: degrees(47, 75, 0)}, warns="not a latitude"),
    Case("decimal degrees alone", place(8.25, 47.5), gps=HERE | {LAT: rationals((475, 10))}),
    Case("Adobe's text in EXIF", place(8.25, 47.5), gps=HERE | {LAT: ascii_("47,30.0N")}),
    Case("Adobe's text in XMP alone", place(8.25, 48.5),
         xmp=gpano("exif:GPSLatitude='48,30.0N'", "exif:GPSLongitude='8,15.0E'"),
         source=("exif_lat", "XMP exif:GPSLatitude")),
    Case("EXIF says one place, XMP another", place(8.25, 47.5), gps=HERE, source=EXIF_GPS,
         xmp=gpano("exif:GPSLatitude='48,30.0N'", "exif:GPSLongitude='8,15.0E'"),
         warns="different places"),
    Case("EXIF and XMP say the same place", place(8.25, 47.5), gps=HERE, source=EXIF_GPS,
         xmp=gpano("exif:GPSLatitude='47,30.0N'", "exif:GPSLongitude='8,15.0E'")),
]  # fmt: skip

HEADED = {"heading_deg": 123.5}
NORTH = {DIR: rationals((1235, 10)), DIR_REF: ascii_("T")}
WHICH_WAY = [
    Case("true north", HEADED, gps=NORTH, source=("heading_deg", "EXIF GPSImgDirection")),
    Case("magnetic, with place and time", {"heading_deg": 126.39, "magnetic_heading_deg": 123.5},
         exif=TIME, gps=HERE | NORTH | {DIR_REF: ascii_("M")},
         source=("heading_deg", "(magnetic), declination +2.9 (IGRF)")),
    Case("magnetic, nothing else", {"heading_deg": None, "magnetic_heading_deg": 123.5},
         gps=NORTH | {DIR_REF: ascii_("M")}, warns="123.5 is from magnetic north; the file lacks",
         source=("magnetic_heading_deg", "EXIF GPSImgDirection")),
    Case("no reference", HEADED, gps={DIR: NORTH[DIR]}, warns="Ref is missing",
         source=("heading_deg", "EXIF GPSImgDirection (reference missing)")),
    Case("beyond 360", {"heading_deg": None}, gps=NORTH | {DIR: rationals((3605, 10))},
         warns="not within 0 to 360"),
    Case("exactly 360", {"heading_deg": 0.0}, gps=NORTH | {DIR: rationals((360, 1))}),
    Case("direction of 0/0", {"heading_deg": None}, gps=NORTH | {DIR: rationals((0, 0))},
         warns="not within 0 to 360"),
    Case("track of travel", {"heading_deg": None}, gps={TRACK: rationals((90, 1))},
         warns="GPSTrack"),
]  # fmt: skip

AS_SEEN = {"width_px": 48, "height_px": 36}
TURNED = {"width_px": 36, "height_px": 48}
LENS = [
    *(Case(f"orientation {n}", AS_SEEN if n < 5 or n > 8 else TURNED,
           main={ORIENTATION: short(n)}, warns="Orientation ignored" if n in (0, 9) else None)
      for n in range(10)),
    Case("35 mm equivalent", {"fov_deg": 67.2987}, exif={FOCAL_35: short(26)},
         source=("fov_deg", "EXIF FocalLengthIn35mmFilm")),
    Case("35 mm equivalent, held upright", {"fov_deg": 53.0595}, exif={FOCAL_35: short(26)},
         main={ORIENTATION: short(6)}),
    Case("35 mm equivalent of 0", {"fov_deg": None}, exif={FOCAL_35: short(0)},
         warns="0 means unknown"),
    Case("cropped since", {"fov_deg": None}, warns="was cropped",
         exif={FOCAL_35: short(26), WIDE: long(4000), HIGH: long(2000)}),
    Case("nothing of the lens", {"fov_deg": None}),
]  # fmt: skip

PANORAMAS = [
    Case("a part of a turn", {"fov_deg": 180.0, "pano_left_px": 24}, size=(48, 24),
         xmp=full(4800, 2400, 2400, 1200, (9600, 4800)), source=("fov_deg", "XMP GPano")),
    Case("left edge negative: over the seam", {"fov_deg": 180.0, "pano_left_px": 84},
         size=(48, 24), xmp=full(4800, 2400, -1200, 1200, (9600, 4800))),
    Case("over-full by rounding", {"fov_deg": 360.0}, size=(96, 48),
         xmp=full(9650, 4825, 0, 0, (9600, 4800))),
    Case("over-full", {"fov_deg": None, "pano_full_width_px": None}, size=(96, 24),
         xmp=full(20000, 5000, 0, 0, (9600, 4800)), warns="does not fit"),
    Case("pose without number", {"heading_deg": None}, size=(96, 48),
         xmp=gpano(PANO, "GPano:PoseHeadingDegrees='north'"), warns="PoseHeadingDegrees ignored"),
    Case("pose of 0 against EXIF", HEADED, size=(96, 48), gps=NORTH,
         xmp=gpano(PANO, "GPano:PoseHeadingDegrees='0'"), warns="EXIF is used",
         source=("heading_deg", "EXIF GPSImgDirection")),
    Case("XMP in UTF-16", {"heading_deg": 12.0}, size=(96, 48),
         xmp=gpano(PANO, "GPano:PoseHeadingDegrees='12'").encode("utf-16"),
         source=("heading_deg", "XMP GPano:PoseHeadingDegrees")),
]  # fmt: skip

REST = [
    Case("date of zeros", {"taken_at": None}, exif={ORIGINAL: ascii_("0000:00:00 00:00:00")},
         warns="not a date"),
    Case("date of spaces", {"taken_at": None}, exif={ORIGINAL: ascii_("    :  :     :  :  ")},
         warns="not a date"),
    Case("no zone", {"taken_at": "2021-07-29T11:16:42"}, exif=TIME,
         source=("taken_at", "EXIF DateTimeOriginal")),
    Case("zone stated", {"taken_at": "2021-07-29T11:16:42+03:00"},
         exif=TIME | {OFFSET: ascii_("+03:00")}),
    Case("zone from the receiver", {"taken_at": "2021-07-29T11:16:42+03:00"}, exif=TIME,
         gps={CLOCK: rationals((8, 1), (16, 1), (40, 1)), DAY: ascii_("2021:07:29")},
         source=("taken_at", "zone from GPSTimeStamp")),
    Case("another picture's thumbnail", AS_SEEN | {"fov_deg": 67.2987},
         exif={FOCAL_35: short(26)}, thumb=thumbnail((160, 40)),
         thumb_tags={ORIENTATION: short(6)}),
    Case("maker in UTF-16", {"camera": "Nikon"},
         main={MAKE: ascii_("Nikon\0".encode("utf-16-le"))}),
    Case("junk in place of numbers", {"fov_deg": None, **NO_PLACE, "taken_at": None},
         main={DATE: undefined(b"\xff\xfe\x00")}, exif={FOCAL_35: ascii_("wide"),
         FOCAL: undefined(b"\xff" * 9)}, gps={LAT: undefined(b"\x80"), LON: short(7)},
         warns="not a latitude"),
]  # fmt: skip

CASES = [*WHERE, *WHICH_WAY, *LENS, *PANORAMAS, *REST]


def write(path: Path, case: Case) -> None:
    ramp = np.linspace(0, 255, case.size[0] * case.size[1]).astype(np.uint8)
    pixels = np.repeat(ramp.reshape(case.size[1], case.size[0], 1), 3, axis=2)
    block = exif_block(case.main, case.exif, case.gps, case.thumb, case.thumb_tags)
    packet = case.xmp.encode() if isinstance(case.xmp, str) else case.xmp
    Image.fromarray(pixels).save(path, "JPEG", quality=95, exif=block, xmp=packet)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_value_source_and_warning(tmp_path: Path, case: Case) -> None:
    write(tmp_path / "odd.jpg", case)
    photo = read_photo(tmp_path / "odd.jpg")
    found = photo.metadata
    for name, value in case.gives.items():
        expected = pytest.approx(value, abs=0.01) if isinstance(value, float) else value
        assert getattr(found, name) == expected, (name, found)
        if value is None:
            assert name not in found.sources
    if case.source is not None:
        assert found.sources[case.source[0]].endswith(case.source[1]), found.sources
    if case.warns is None:
        assert found.warnings == ()
    else:
        assert any(case.warns in line for line in found.warnings), found.warnings
    assert (255, 0, 255) not in {tuple(pixel) for pixel in photo.rgb.reshape(-1, 3)}


def test_every_case_is_another() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 45


@pytest.mark.parametrize(
    ("case", "told"),
    [(case, told) for case, told in (
        (next(c for c in CASES if c.name == "nothing of the lens"), "--fov DEGREES"),
        (next(c for c in CASES if c.name == "cropped since"), "--fov DEGREES"),
        (next(c for c in CASES if c.name == "over-full"), "360 for a full turn"),
    )],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_what_is_not_known_is_asked_for(tmp_path: Path, case: Case, told: str) -> None:
    """Nothing is guessed: the message says what to give, and with it the photo is used."""
    write(tmp_path / "odd.jpg", case)
    photo, spec = read_photo(tmp_path / "odd.jpg"), GroundSpec(16, 64, 37.5, -30.0)
    with pytest.raises(PhotoViewError, match=told):
        to_ground_view(photo, spec)
    assert to_ground_view(photo, spec, fov_deg=70.0).visible.any()
