import io

import numpy as np
import pytest

from cvgl_core.simulation.points import SurfacePoints, surface_points
from cvgl_core.simulation.scene import City

GSD_M = 0.5


@pytest.fixture
def city():
    """A block 10 m high in the north-east of a plain 300 m above the sea, red on grey."""
    dsm = np.full((120, 120), 300.0, np.float32)
    ortho = np.full((120, 120, 3), 90, np.uint8)
    dsm[20:50, 70:100] = 310.0
    ortho[20:50, 70:100] = (200, 20, 20)
    return City(1, "EPSG:32633", 4e5, 5.8e6, GSD_M, ortho, dsm, ground=None)


def test_roof_ground_and_walls(city):
    points = surface_points(city, 30.0, 30.0, side_m=40.0, step_m=1.0)
    east, north, up = points.xyz_m.T
    assert np.abs(points.xyz_m[:, :2]).max() < 20.0
    grid = points.xyz_m[: 40 * 40]
    roof = grid[:, 2] == 10.0
    # The block spans 5 to 20 m east and 5 to 20 m north of the centre.
    assert roof.sum() == 15 * 15
    assert (grid[roof, :2] > 5).all()
    assert (grid[~roof, 2] == 0).all()
    wall = np.zeros(len(up), bool)
    wall[1600:] = True
    assert wall.sum() == 2 * 15 * 10  # west and south walls, a point a metre up and along
    assert ((east[wall] == 5.0) | (north[wall] == 5.0)).all()
    assert set(up[wall].tolist()) == {k + 0.5 for k in range(10)}
    assert (points.rgb[wall] == (200, 20, 20)).all()


def test_the_city_ends_where_it_ends(city):
    points = surface_points(city, 0.0, 0.0, side_m=40.0)
    assert len(points.xyz_m) == 20 * 20
    assert points.xyz_m[:, 0].min() > 0 > points.xyz_m[:, 1].max()
    assert len(surface_points(city, -100.0, -100.0, side_m=40.0).xyz_m) == 0


def test_ply_is_read_by_another_reader(city):
    trimesh = pytest.importorskip("trimesh")
    points = surface_points(city, 30.0, 30.0, side_m=20.0)
    read = trimesh.load(io.BytesIO(points.ply()), file_type="ply")
    assert np.array_equal(read.vertices.astype(np.float32), points.xyz_m)
    assert np.array_equal(read.colors[:, :3], points.rgb)


def test_an_empty_cloud_has_a_header():
    empty = SurfacePoints(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8)).ply()
    assert b"element vertex 0" in empty
    assert empty.endswith(b"end_header\n")
