from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvgl_core.photo import read_photo
from cvgl_core.photo.metadata import RawMetadata, read_metadata

DJI = {
    "drone-dji:GimbalPitchDegree": "-90.00",
    "drone-dji:GimbalYawDegree": "+155.30",
    "drone-dji:GimbalRollDegree": "+0.00",
    "drone-dji:RelativeAltitude": "+49.80",
    "drone-dji:AbsoluteAltitude": "+2600.10",
}
PACKET = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:drone-dji='http://www.dji.com/drone-dji/1.0/'"
    " xmlns:drone-parrot='http://www.parrot.com/drone-parrot/1.0/'"
    " xmlns:Camera='http://pix4d.com/camera/1.0/'{attributes}>{elements}"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def read(xmp: dict[str, str], **raw: object):  # type: ignore[no-untyped-def]
    return read_metadata(4000, 2250, RawMetadata(xmp=xmp, **raw))  # type: ignore[arg-type]


def saved(folder: Path, attributes: str = "", elements: str = "") -> Path:
    path = folder / "drone.jpg"
    packet = PACKET.format(attributes=attributes, elements=elements).encode()
    Image.fromarray(np.zeros((36, 64, 3), np.uint8)).save(path, xmp=packet)
    return path


def test_dji_states_angles_and_heights_as_attributes(tmp_path: Path) -> None:
    attributes = "".join(f" {name}='{value}'" for name, value in DJI.items())
    meta = read_photo(saved(tmp_path, attributes)).metadata
    assert (meta.pitch_deg, meta.heading_deg, meta.roll_deg) == (-90.0, 155.3, 0.0)
    assert (meta.height_m, meta.altitude_m) == (49.8, 2600.1)
    assert meta.sources["height_m"] == "XMP drone-dji:RelativeAltitude"
    assert meta.sources["altitude_m"] == "XMP drone-dji:AbsoluteAltitude"
    assert meta.sources["pitch_deg"] == "XMP drone-dji:GimbalPitchDegree"


def test_parrot_states_them_as_elements(tmp_path: Path) -> None:
    elements = (
        "<drone-parrot:CameraYawDegree>-112.5</drone-parrot:CameraYawDegree>"
        "<drone-parrot:CameraPitchDegree>-60.25</drone-parrot:CameraPitchDegree>"
        "<drone-parrot:CameraRollDegree>1.5</drone-parrot:CameraRollDegree>"
        "<Camera:AboveGroundAltitude>42.75</Camera:AboveGroundAltitude>"
        "<Camera:Pitch>29.75</Camera:Pitch>"
    )
    meta = read_photo(saved(tmp_path, elements=elements)).metadata
    assert (meta.pitch_deg, meta.heading_deg, meta.roll_deg) == (-60.25, 247.5, 1.5)
    assert meta.height_m == 42.75
    assert meta.sources["height_m"] == "XMP Camera:AboveGroundAltitude"
    assert meta.sources["heading_deg"] == "XMP drone-parrot:CameraYawDegree"


def test_gimbals_point_a_little_beyond_straight_down() -> None:
    assert read(DJI | {"drone-dji:GimbalPitchDegree": "-90.1"}).pitch_deg == -90.1
    odd = read(DJI | {"drone-dji:GimbalPitchDegree": "-120"})
    assert odd.pitch_deg is None
    assert any("GimbalPitchDegree ignored" in line for line in odd.warnings)


@pytest.mark.parametrize("height", ["", "nan", "high", "1e300", "0/0"])
def test_a_height_that_is_none_is_left_out(height: str) -> None:
    meta = read({"drone-dji:RelativeAltitude": height})
    assert meta.height_m is None
    assert "height_m" not in meta.sources


@pytest.mark.parametrize(("reference", "expected_m"), [(b"\0", 12.5), (b"\1", -12.5), (1, -12.5)])
def test_without_a_drone_the_altitude_is_that_of_exif(reference: object, expected_m: float) -> None:
    meta = read({}, gps={5: reference, 6: 12.5})
    assert (meta.altitude_m, meta.height_m) == (expected_m, None)
    assert meta.sources["altitude_m"] == "EXIF GPSAltitude"


CALIBRATED = {
    "drone-dji:CalibratedFocalLength": "3666.67",
    "drone-dji:CalibratedOpticalCenterX": "2736.0",
    "drone-dji:CalibratedOpticalCenterY": "1800.0",
}
TAKEN = {0xA002: 5472, 0xA003: 3648}


def test_the_calibrated_lens_is_scaled_with_the_picture() -> None:
    meta = read_metadata(2736, 1824, RawMetadata(exif=TAKEN, xmp=CALIBRATED))
    assert meta.fov_deg == pytest.approx(2 * np.degrees(np.arctan(5472 / 2 / 3666.67)))
    assert meta.sources["fov_deg"] == "XMP drone-dji:CalibratedFocalLength"
    assert meta.optical_centre_px == (1368.0, 900.0)


def test_a_calibrated_focal_length_that_contradicts_exif_is_not_believed() -> None:
    meta = read_metadata(5472, 3648, RawMetadata(exif=TAKEN | {0xA405: 35}, xmp=CALIBRATED))
    assert meta.sources["fov_deg"] == "EXIF FocalLengthIn35mmFilm"


def test_a_centre_far_from_the_middle_belongs_to_another_picture() -> None:
    meta = read_metadata(
        5472, 3648, RawMetadata(xmp=CALIBRATED | {"drone-dji:CalibratedOpticalCenterX": "9"})
    )
    assert meta.optical_centre_px is None
    assert any("CalibratedOpticalCenter ignored" in line for line in meta.warnings)


DATA = Path(os.environ.get("CVGL_SHARED_DATA", "/nowhere"))


@pytest.mark.skipif(not (DATA / "chia").is_dir(), reason="CVGL_SHARED_DATA has no drone photos")
@pytest.mark.parametrize("site", ["chia", "brighton_beach"])
def test_real_drones_say_what_their_table_says(site: str) -> None:
    with (DATA / site / "poses.csv").open() as table:
        rows = list(csv.DictReader(table))
    for row in rows[:: max(1, len(rows) // 6)]:
        meta = read_photo(DATA / site / "images" / row["file"], 256).metadata
        assert meta.pitch_deg == pytest.approx(float(row["gimbal_pitch"]))
        assert meta.heading_deg == pytest.approx(float(row["gimbal_yaw"]) % 360)
        assert meta.height_m == pytest.approx(float(row["rel_alt"]))
        assert meta.exif_lat == pytest.approx(float(row["lat"]), abs=1e-6)
        long_mm = float(row["focal35"])
        assert meta.fov_deg == pytest.approx(2 * np.degrees(np.arctan(18 / long_mm)), abs=1.0)
