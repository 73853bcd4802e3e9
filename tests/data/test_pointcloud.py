import sys

import numpy as np
import pytest

from cvgl_core.data.pointcloud import read_points
from cvgl_core.errors import DatasetError, MissingDependencyError
from cvgl_core.simulation.points import SurfacePoints

XYZ = np.random.default_rng(0).uniform([0, 0, 0], [40, 20, 9], (500, 3)).astype(np.float32)


@pytest.fixture
def ply(tmp_path):
    pytest.importorskip("trimesh")
    path = tmp_path / "a.ply"
    path.write_bytes(SurfacePoints(XYZ, np.zeros_like(XYZ, np.uint8)).ply())
    return path


@pytest.fixture(params=["las", "laz"])
def las(request, tmp_path):
    """The same points far from the origin, as in a national grid."""
    laspy = pytest.importorskip("laspy")
    header = laspy.LasHeader(point_format=3, version="1.2")
    header.offsets, header.scales = [390_000, 5_820_000, 0], [0.001, 0.001, 0.001]
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = XYZ.T + np.array([[392_100.0], [5_820_400.0], [87.0]])
    path = tmp_path / f"a.{request.param}"
    cloud.write(path)
    return path


def centred(xyz):
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    middle[2] = np.percentile(xyz[:, 2], 1)
    return xyz - middle


def test_ply(ply):
    assert read_points(ply) == pytest.approx(centred(XYZ), abs=1e-4)


def test_las_and_laz_are_centred(las):
    assert read_points(las) == pytest.approx(centred(XYZ), abs=0.002)


def test_large_clouds_are_thinned(ply, monkeypatch):
    monkeypatch.setattr("cvgl_core.data.pointcloud._MOST_POINTS", 100)
    assert read_points(ply).shape == (100, 3)


@pytest.mark.parametrize("suffix", ["ply", "las", "laz"])
def test_damaged_files_are_named(tmp_path, suffix):
    pytest.importorskip("laspy")
    pytest.importorskip("trimesh")
    path = tmp_path / f"b.{suffix}"
    path.write_bytes(b"LASF" + bytes(range(200)))
    with pytest.raises(DatasetError, match=rf"b\.{suffix}: cannot be read"):
        read_points(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_points(tmp_path / f"missing.{suffix}")


def test_too_few_points_or_another_kind(ply, tmp_path):
    ply.write_bytes(SurfacePoints(XYZ[:3], np.zeros((3, 3), np.uint8)).ply())
    with pytest.raises(DatasetError, match="fewer than 16 points"):
        read_points(ply)
    with pytest.raises(DatasetError, match="not a point cloud"):
        read_points(tmp_path / "a.xyz")


def test_a_missing_reader_is_said(ply, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(MissingDependencyError, match=r"cvgl\[points\]"):
        read_points(ply)
