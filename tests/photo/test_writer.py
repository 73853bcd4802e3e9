"""What is written comes back through the reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.errors import OutputError
from cvgl_core.photo import Panorama, read_photo, write_photo
from cvgl_core.types import LonLat, Projection

RGB = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
    heading=st.floats(0, 359.999),
    fov=st.floats(10, 120),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, lon: float, lat: float, heading: float, fov: float
) -> None:
    path = tmp_path_factory.mktemp("p") / "a.jpg"
    when = "2025-06-01T12:30:00"
    write_photo(path, RGB, lonlat=LonLat(lon, lat), heading_deg=heading, fov_deg=fov, taken_at=when)
    meta = read_photo(path).metadata
    if abs(lon) > 1e-6 or abs(lat) > 1e-6:
        assert (meta.exif_lon, meta.exif_lat) == pytest.approx((lon, lat), abs=1e-8)
    assert meta.heading_deg == pytest.approx(heading, abs=1e-5)
    assert meta.fov_deg == pytest.approx(fov, abs=1e-3)
    assert meta.taken_at == when and meta.camera == "cvgl simulated camera"
    assert meta.projection is Projection.PERSPECTIVE


def test_portrait_round_trip(tmp_path: Path) -> None:
    tall = np.ascontiguousarray(RGB.transpose(1, 0, 2))
    write_photo(tmp_path / "a.jpg", tall, fov_deg=50.0)
    assert read_photo(tmp_path / "a.jpg").metadata.fov_deg == pytest.approx(50.0, abs=1e-3)


def test_partial_panorama(tmp_path: Path) -> None:
    frame = Panorama(160, 80, left_px=40, top_px=10, pose_heading_deg=271.25, pose_pitch_deg=-1.5)
    write_photo(tmp_path / "a.jpg", RGB, panorama=frame, heading_deg=271.25)
    meta = read_photo(tmp_path / "a.jpg").metadata
    assert meta.projection is Projection.EQUIRECTANGULAR
    assert meta.heading_deg == 271.25 and meta.pitch_deg == -1.5 and meta.fov_deg == 180.0
    placed = (meta.pano_full_width_px, meta.pano_full_height_px)
    assert (*placed, meta.pano_left_px, meta.pano_top_px) == (160, 80, 40, 10)
    assert meta.warnings == ()


def test_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_photo(tmp_path / name, RGB, lonlat=(1.0, 2.0), focal_35mm=28.0, panorama=Panorama())
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_quality_keeps_the_picture(tmp_path: Path) -> None:
    flat = np.full((32, 32, 3), (200, 40, 90), np.uint8)
    write_photo(tmp_path / "a.jpg", flat)
    assert np.abs(read_photo(tmp_path / "a.jpg").rgb.astype(int) - flat).max() <= 3


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_photo(tmp_path / "file" / "a.jpg", RGB)
