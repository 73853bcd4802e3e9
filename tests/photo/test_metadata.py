"""Odd metadata: value, source and warning as in the table."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.photo import values
from cvgl_core.photo.heading import declination_deg
from cvgl_core.photo.metadata import RawMetadata, read_metadata
from cvgl_core.photo.xmp import MAX_XMP_BYTES, parse_xmp
from cvgl_core.types import PhotoMetadata, Projection

NAN = math.nan
N, E = {1: "N"}, {3: "E"}
PLACE = {1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 15.0, 0.0)}


def meta(
    exif: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
    xmp: dict[str, str] | None = None,
    size: tuple[int, int] = (4000, 3000),
) -> PhotoMetadata:
    return read_metadata(*size, RawMetadata(exif=exif or {}, gps=gps or {}, xmp=xmp or {}))


@pytest.mark.parametrize(
    ("change", "expected", "warned"),
    [
        ({}, (8.25, 47.5), None),
        ({1: "S"}, (8.25, -47.5), None),
        ({3: "W"}, (-8.25, 47.5), None),
        ({1: "n", 3: "e"}, (8.25, 47.5), None),
        ({1: b"S\0", 3: b"W\0"}, (-8.25, -47.5), None),
        ({1: None}, (8.25, 47.5), "GPSLatitudeRef is missing"),
        ({1: "\0"}, (8.25, 47.5), "GPSLatitudeRef is missing"),
        ({2: (-47.0, 30.0, 0.0), 1: None}, (8.25, -47.5), "GPSLatitudeRef is missing"),
        ({2: (-47.0, 30.0, 0.0)}, None, "negative"),
        ({2: (-47.0, 30.0, 0.0), 1: "S"}, (8.25, -47.5), None),
        ({2: (91.0, 0.0, 0.0)}, None, "not a latitude"),
        ({4: (181.0, 0.0, 0.0)}, None, "not a longitude"),
        ({2: (NAN, NAN, NAN)}, None, "not a latitude"),
        ({2: (47.0, 29.0, 60.0)}, (8.25, 47.5), None),
        ({2: (47.0, 29.0, 61.0)}, None, "not a latitude"),
        ({2: (47.0, 75.0, 0.0)}, None, "not a latitude"),
        ({2: (47.5,)}, (8.25, 47.5), None),
        ({2: 47.5}, (8.25, 47.5), None),
        ({2: (47.0, 30.0)}, (8.25, 47.5), None),
        ({2: "47,30.0N"}, (8.25, 47.5), None),
        ({2: "nonsense"}, None, "not a latitude"),
        ({2: (1, 2, 3, 4)}, None, "not a latitude"),
        ({2: ()}, None, "not a latitude"),
        ({2: b"\x01"}, None, "not a latitude"),
        ({2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, None, "0, 0"),
    ],
)
def test_position(
    change: dict[int, Any], expected: tuple[float, float] | None, warned: str | None
) -> None:
    found = meta(gps=PLACE | change)
    place = None if found.exif_lon is None else (found.exif_lon, found.exif_lat)
    assert place == (expected and pytest.approx(expected))
    assert ("exif_lon" in found.sources) == (expected is not None)
    check_warning(found, warned)


def check_warning(found: PhotoMetadata, warned: str | None) -> None:
    if warned is None:
        assert found.warnings == ()
    else:
        assert any(warned in line for line in found.warnings), found.warnings


@pytest.mark.parametrize(
    ("gps", "expected", "source", "warned"),
    [
        ({17: 123.5, 16: "T"}, 123.5, "EXIF GPSImgDirection", None),
        ({17: 123.5, 16: "t\0"}, 123.5, "EXIF GPSImgDirection", None),
        ({17: 360.0, 16: "T"}, 0.0, "EXIF GPSImgDirection", None),
        ({17: 0.0, 16: "T"}, 0.0, "EXIF GPSImgDirection", None),
        ({17: 10.0, 16: "M"}, None, None, "10.0 is from magnetic north; the file lacks"),
        ({17: 10.0}, 10.0, "EXIF GPSImgDirection (reference missing)", "Ref is missing"),
        ({17: 361.0, 16: "T"}, None, None, "0 to 360"),
        ({17: -5.0, 16: "T"}, None, None, "0 to 360"),
        ({17: NAN, 16: "T"}, None, None, "0 to 360"),
        ({17: math.inf, 16: "T"}, None, None, "0 to 360"),
        ({17: "north", 16: "T"}, None, None, "0 to 360"),
        ({15: 90.0}, None, None, "GPSTrack"),
        ({}, None, None, None),
    ],
)
def test_heading(
    gps: dict[int, Any], expected: float | None, source: str | None, warned: str | None
) -> None:
    found = meta(gps=gps)
    assert found.heading_deg == expected
    assert found.sources.get("heading_deg") == source
    check_warning(found, warned)


@pytest.mark.parametrize(
    ("pose", "exif_deg", "expected", "warned"),
    [
        ("144.0", None, 144.0, None),
        ("-90", None, 270.0, None),
        ("360", None, 0.0, None),
        ("0.0", None, 0.0, None),
        ("400", None, None, "PoseHeadingDegrees ignored"),
        ("nan", 12.0, 12.0, "PoseHeadingDegrees ignored"),
        ("0.0", 349.0, 349.0, "EXIF is used"),
        ("10", 12.0, 10.0, "XMP is used"),
        ("10", 10.5, 10.0, None),
        ("359.8", 0.2, 359.8, None),
    ],
)
def test_panorama_heading(
    pose: str, exif_deg: float | None, expected: float | None, warned: str | None
) -> None:
    gps = {} if exif_deg is None else {16: "T", 17: exif_deg}
    xmp = {"GPano:ProjectionType": "equirectangular", "GPano:PoseHeadingDegrees": pose}
    found = meta(gps=gps, xmp=xmp, size=(4000, 2000))
    assert found.heading_deg == expected
    check_warning(found, warned)


@pytest.mark.parametrize(
    ("exif", "size", "expected", "warned"),
    [
        ({0xA405: 36}, (6000, 4000), 53.1301, None),
        ({0xA405: 26}, (4000, 3000), 67.2987, None),
        ({0xA405: 26}, (3000, 4000), 53.0595, None),
        ({0xA405: 0}, (4000, 3000), None, "0 means unknown"),
        ({0xA405: NAN}, (4000, 3000), None, "0 means unknown"),
        ({0xA405: 65535}, (4000, 3000), None, "impossible"),
        ({0xA405: 1}, (4000, 3000), None, "impossible"),
        ({0x920A: 4.2}, (4000, 3000), None, None),
        ({0x920A: 35.0, 0xA20E: 1140.0, 0xA210: 3}, (4104, 2736), 54.4322, None),
        ({0x920A: 35.0, 0xA20E: 2895.6, 0xA210: 2}, (4104, 2736), 54.4322, None),
        ({0x920A: 35.0, 0xA20E: 2895.6}, (4104, 2736), 54.4322, None),
        ({0x920A: 0.0, 0xA20E: 1140.0, 0xA210: 3}, (4104, 2736), None, None),
        ({0x920A: 35.0, 0xA20E: NAN, 0xA210: 3}, (4104, 2736), None, None),
        ({0x920A: 35.0, 0xA20E: 1140.0, 0xA210: 9}, (4104, 2736), None, None),
        # a wrong pixel pitch is not believed against the 35 mm equivalent
        ({0xA405: 36, 0x920A: 5.0, 0xA20E: 72.0, 0xA210: 2}, (6000, 4000), 53.1301, None),
        # cropped since, so nothing is known of its field of view
        ({0xA405: 26, 0xA002: 4000, 0xA003: 3000}, (3000, 3000), None, "was cropped"),
        ({0xA405: 26, 0xA002: 4000, 0xA003: 3000}, (2000, 1500), 67.2987, None),
        ({0xA405: 26, 0xA002: 4000, 0xA003: 3000}, (3000, 4000), 53.0595, None),
        ({0xA405: 26, 0xA002: 4000, 0xA003: 3000}, (128, 96), 67.2987, None),
        ({0xA405: 26, 0xA002: 0, 0xA003: 0}, (4000, 3000), 67.2987, None),
        # half-size copy: the pitch belongs to the original
        ({0x920A: 35.0, 0xA20E: 1140.0, 0xA210: 3, 0xA002: 4104}, (2052, 1368), 54.4322, None),
    ],
)
def test_field_of_view(
    exif: dict[int, Any], size: tuple[int, int], expected: float | None, warned: str | None
) -> None:
    found = meta(exif=exif, size=size)
    assert found.fov_deg == (expected and pytest.approx(expected, abs=2e-4))
    assert ("fov_deg" in found.sources) == (expected is not None)
    check_warning(found, warned)


SEATTLE = {1: "N", 2: (47.6205,), 3: "W", 4: (122.3493,), 16: "M", 17: 10.0}
IN_2025 = {0x9003: "2025:04:01 12:00:00"}


def test_a_compass_is_set_right_by_the_magnetic_model() -> None:
    found = meta(exif=IN_2025, gps=SEATTLE)
    assert found.heading_deg == pytest.approx(25.0656, abs=0.02)  # NOAA's WMM2025: 15.0656 east
    assert found.magnetic_heading_deg == 10.0
    assert found.sources["heading_deg"] == (
        "EXIF GPSImgDirection (magnetic), declination +15.1 (IGRF)"
    )
    assert found.sources["magnetic_heading_deg"] == "EXIF GPSImgDirection"
    check_warning(found, None)
    west = meta(exif=IN_2025, gps=SEATTLE | {2: (-33.92,), 1: "S", 4: (18.42,), 3: "E", 17: 5.0})
    assert west.heading_deg == pytest.approx(338.7, abs=1.0)  # Cape Town: about 26 west


@pytest.mark.parametrize(
    ("lon", "lat", "year", "expected"),
    [
        # the World Magnetic Models of 2010 to 2025, by another program (pygeomag 1.1.0)
        (24.94, 60.17, 2012, 7.93),
        (18.42, -33.92, 2012, -24.63),
        (-122.35, 47.62, 2017, 15.86),
        (174.78, -41.29, 2017, 22.51),
        (139.69, 35.68, 2022, -7.79),
        (24.94, 60.17, 2022, 9.87),
        (18.42, -33.92, 2027, -26.97),
        (-122.35, 47.62, 2027, 14.79),
    ],
)
def test_declination(lon: float, lat: float, year: int, expected: float) -> None:
    assert declination_deg(lon, lat, datetime(year, 7, 2)) == pytest.approx(expected, abs=0.15)


@pytest.mark.parametrize(
    ("lon", "lat", "year"),
    [(8.0, 47.0, 1850), (8.0, 47.0, 2031), (0.0, 90.0, 2020), (139.3, 85.8, 2025)],
)
def test_no_declination(lon: float, lat: float, year: int) -> None:
    assert declination_deg(lon, lat, datetime(year, 6, 1)) is None


@pytest.mark.parametrize(
    ("exif", "change"),
    [({}, {}), (IN_2025, {2: None, 4: None}), ({0x9003: "1850:01:01 00:00:00"}, {}),
     (IN_2025, {2: (85.8,), 3: "E", 4: (139.3,)})],
)  # fmt: skip
def test_a_compass_without_place_or_time_is_not_used(
    exif: dict[int, Any], change: dict[int, Any]
) -> None:
    found = meta(exif=exif, gps=SEATTLE | change)
    assert found.heading_deg is None and "heading_deg" not in found.sources
    assert found.magnetic_heading_deg == 10.0
    check_warning(found, "10.0 is from magnetic north; the file lacks")


def gpano(**sizes: object) -> dict[str, str]:
    return {"GPano:ProjectionType": "equirectangular"} | {
        f"GPano:{name}": str(value) for name, value in sizes.items()
    }


def crop(full: tuple[int, int], size: tuple[int, int], start: tuple[int, int]) -> dict[str, str]:
    return gpano(
        FullPanoWidthPixels=full[0], FullPanoHeightPixels=full[1],
        CroppedAreaImageWidthPixels=size[0], CroppedAreaImageHeightPixels=size[1],
        CroppedAreaLeftPixels=start[0], CroppedAreaTopPixels=start[1],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("xmp", "size", "frame", "warned"),
    [
        (crop((800, 400), (800, 400), (0, 0)), (800, 400), (800, 400, 0, 0), None),
        (crop((8000, 4000), (4000, 1000), (2000, 1500)), (400, 100), (800, 400, 200, 150), None),
        (crop((800, 400), (400, 100), (-5, 0)), (400, 100), (800, 400, 795, 0), None),
        (crop((800, 400), (400, 100), (500, 0)), (400, 100), (800, 400, 500, 0), None),
        (crop((800, 400), (808, 400), (-4, -4)), (808, 400), (808, 400, 796, 0), None),
        (crop((800, 400), (900, 450), (0, 0)), (400, 200), (400, 200, 0, 0), "does not fit"),
        (crop((800, 400), (400, 200), (900, 0)), (400, 200), (400, 200, 0, 0), "lies outside"),
        (crop((800, 400), (400, 200), (0, 250)), (400, 200), (400, 200, 0, 0), "lies outside"),
        (crop((800, 400), (400, 200), (0, -50)), (400, 200), (400, 200, 0, 0), "lies outside"),
        (crop((0, 0), (0, 0), (0, 0)), (400, 200), (400, 200, 0, 0), "does not fit"),
        (crop((800, 400), (400, 100), (0, 0)), (400, 200), (400, 200, 0, 0), "another shape"),
        (crop((10**9, 10**9), (1, 1), (0, 0)), (400, 200), (400, 200, 0, 0), "does not fit"),
        (gpano(), (400, 200), (400, 200, 0, 0), None),
        (gpano(FullPanoHeightPixels="400"), (800, 400), (800, 400, 0, 0), None),
    ],
)
def test_panorama_frame(
    xmp: dict[str, str],
    size: tuple[int, int],
    frame: tuple[int, int, int, int],
    warned: str | None,
) -> None:
    found = meta(xmp=xmp, size=size)
    assert found.projection is Projection.EQUIRECTANGULAR
    assert found.sources["projection"] == "XMP GPano"
    placed = (found.pano_full_width_px, found.pano_full_height_px)
    assert (*placed, found.pano_left_px, found.pano_top_px) == frame
    check_warning(found, warned)


@pytest.mark.parametrize(
    ("xmp", "warned"),
    [
        (gpano(), "how much of the circle"),
        (gpano(FullPanoWidthPixels="nan"), "how much of the circle"),
        (crop((800, 400), (900, 100), (0, 0)), "does not fit"),
        (crop((800, 400), (400, 100), (0, 390)), "lies outside"),
        (crop((800, 400), (400, 200), (0, 0)), "another shape"),
    ],
)
def test_a_panorama_that_does_not_say_what_it_shows(xmp: dict[str, str], warned: str) -> None:
    found = meta(exif={0xA405: 26}, xmp=xmp, size=(400, 100))
    assert found.projection is Projection.EQUIRECTANGULAR
    assert (found.fov_deg, found.pano_full_width_px) == (None, None)
    assert "fov_deg" not in found.sources
    check_warning(found, warned)
    check_warning(found, "pass --fov")


@pytest.mark.parametrize(
    ("size", "exif", "xmp", "panorama"),
    [
        ((4000, 2000), {}, {}, True),
        ((4000, 2010), {}, {}, True),
        ((4608, 1976), {}, {}, False),
        ((2000, 4000), {}, {}, False),
        ((4000, 2000), {0xA405: 26}, {}, False),
        ((4000, 2000), {}, {"GPano:ProjectionType": "cylindrical"}, False),
        ((4000, 2000), {0xA405: 26}, {"GPano:ProjectionType": "equirectangular"}, True),
    ],
)
def test_panorama_by_shape(
    size: tuple[int, int], exif: dict[int, Any], xmp: dict[str, str], panorama: bool
) -> None:
    found = meta(exif=exif, xmp=xmp, size=size)
    assert (found.projection is Projection.EQUIRECTANGULAR) == panorama
    if panorama and not xmp:
        assert found.sources["projection"] == "aspect ratio"
        check_warning(found, "twice as wide")


@pytest.mark.parametrize(
    ("exif", "expected", "warned"),
    [
        ({0x9003: "2021:07:29 11:16:42"}, "2021-07-29T11:16:42", None),
        ({0x9003: "2021:07:29 11:16:42", 0x9011: "+03:00"}, "2021-07-29T11:16:42+03:00", None),
        ({0x9003: "2021:07:29 11:16:42", 0x9011: "later"}, "2021-07-29T11:16:42", None),
        ({0x9003: "0000:00:00 00:00:00"}, None, "not a date"),
        ({0x9003: "0001:01:01 00:00:00"}, None, "not a date"),
        ({0x9003: "0000:00:00 00:00:00", 0x0132: "2020:01:02 03:04:05"}, "2020-01-02T03:04:05",
         "DateTimeOriginal ignored"),
        ({0x9003: b"2021:07:29 11:16:42\0"}, "2021-07-29T11:16:42", None),
        ({0x9003: 7}, None, "not a date"),
    ],
)  # fmt: skip
def test_time(exif: dict[int, Any], expected: str | None, warned: str | None) -> None:
    found = meta(exif=exif)
    assert found.taken_at == expected
    check_warning(found, warned)


@pytest.mark.parametrize(
    ("clock", "day", "zone"),
    [
        ((8.0, 16.0, 42.0), "2021:07:29", "+03:00"),
        ((8.0, 14.0, 2.5), "2021:07:29", "+03:00"),  # a fix some minutes old
        ((5.0, 46.0, 42.0), "2021:07:29", "+05:30"),
        ((14.0, 46.0, 42.0), "2021:07:29", "-03:30"),
        ((23.0, 16.0, 42.0), "2021:07:28", "+12:00"),
        ((11.0, 16.0, 42.0), "2021:07:29", "+00:00"),
        ((8.0, 30.0, 0.0), "2021:07:29", ""),  # not a zone: an old fix
        ((8.0, 16.0, 42.0), "2021:07:27", ""),
        ((NAN, 16.0, 42.0), "2021:07:29", ""),
        ((8.0, 16.0), "2021:07:29", ""),
        ((25.0, 16.0, 42.0), "2021:07:29", ""),
        ((8.0, 16.0, 42.0), "    :  :  ", ""),
        (b"junk", "2021:07:29", ""),
    ],
)
def test_time_zone_from_the_receiver(clock: Any, day: str, zone: str) -> None:
    found = meta(exif={0x9003: "2021:07:29 11:16:42"}, gps={7: clock, 29: day})
    assert found.taken_at == f"2021-07-29T11:16:42{zone}"
    assert found.sources["taken_at"].endswith("GPSTimeStamp") == bool(zone)
    stated = meta(exif={0x9003: "2021:07:29 11:16:42", 0x9011: "+01:00"}, gps={7: clock, 29: day})
    assert stated.taken_at == "2021-07-29T11:16:42+01:00"


def test_camera_is_one_clean_line() -> None:
    exif = {0x010F: "Canon\0\0", 0x0110: "Canon\u202e EOS\n<b>6D\x1b[31m" + "x" * 500}
    name = meta(exif=exif).camera
    assert name is not None and name.startswith("Canon EOS<b>6D[31mx")
    assert len(name) <= values.MAX_TEXT
    assert meta(exif={0x010F: b"\0\0"}).camera is None


def test_positions_that_disagree_are_noted() -> None:
    xmp = {"exif:GPSLatitude": "48,30.0N", "exif:GPSLongitude": "8,15.0E"}
    found = meta(gps=PLACE, xmp=xmp)
    assert found.exif_lat == 47.5
    check_warning(found, "different places")
    only = meta(xmp=xmp)
    assert (only.exif_lon, only.exif_lat) == (8.25, 48.5)
    assert only.sources["exif_lat"] == "XMP exif:GPSLatitude"


def test_pitch_and_roll() -> None:
    found = meta(xmp=gpano(PosePitchDegrees="2.5", PoseRollDegrees="-200"), size=(400, 200))
    assert found.pitch_deg == 2.5 and found.roll_deg is None
    check_warning(found, "PoseRollDegrees ignored")


def test_xmp_attributes_and_elements() -> None:
    space = 'xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
    one = f'<x {space} GPano:PoseHeadingDegrees="12"/>'.encode()
    two = f"<x {space}><GPano:PoseHeadingDegrees> 12 </GPano:PoseHeadingDegrees></x>".encode()
    text = one.decode()
    wide = [text.encode(codec) for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")]
    padded = text.replace("/>", "/>" + " " * 50).encode("utf-16") + bytes(8)
    marked = ("\ufeff" + text).encode()
    for packet in (one, two, b"\n" + one + b"\0\0", marked, padded, *wide):
        assert parse_xmp(packet) == ({"GPano:PoseHeadingDegrees": "12"}, None)


@pytest.mark.parametrize(
    "packet",
    [
        b"<x",
        b"\xff\xfe\x00",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        b"<x>" + b" " * MAX_XMP_BYTES + b"</x>",
        b"<x>\xff\xfe</x>",
        "<x".encode("utf-16"),
    ],
)
def test_hostile_xmp(packet: bytes) -> None:
    found, warning = parse_xmp(packet)
    assert found == {} and warning is not None and warning.startswith("XMP ignored")


def test_xmp_of_many_elements() -> None:
    _, warning = parse_xmp(b"<x>" + b"<a/>" * 10_000 + b"</x>")
    assert warning is not None and "in part" in warning


anything = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=8),
    st.lists(st.floats(), max_size=4).map(tuple), st.dictionaries(st.integers(), st.integers()),
)  # fmt: skip
TAGS = [1, 2, 3, 4, 15, 16, 17, 0x10F, 0x110, 0x132, 0x9003, 0x9011, 0x920A, 0xA405, 0xA20E, 0xA210]
NAMES = [
    "ProjectionType", "FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaLeftPixels",
    "CroppedAreaImageWidthPixels", "PoseHeadingDegrees", "PosePitchDegrees",
]  # fmt: skip


@settings(deadline=None)
@given(
    tags=st.dictionaries(st.sampled_from(TAGS), anything),
    xmp=st.dictionaries(st.sampled_from([f"GPano:{n}" for n in NAMES]), st.text(max_size=9)),
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
)
def test_any_tables_give_sane_metadata(
    tags: dict[int, Any], xmp: dict[str, str], width: int, height: int
) -> None:
    found = meta(exif=tags, gps=tags, xmp=xmp, size=(width, height))
    assert found.heading_deg is None or 0 <= found.heading_deg < 360
    assert found.exif_lat is None or -90 <= found.exif_lat <= 90
    assert found.exif_lon is None or -180 <= found.exif_lon <= 180
    assert found.fov_deg is None or 0 < found.fov_deg <= 360
    if found.pano_full_width_px is not None:
        assert found.pano_full_width_px >= width and found.pano_left_px >= 0
