"""Panoramas and pinhole views against closed-form geometry on a hand-made crossroads."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from cvgl_core.simulation.render import StreetRenderer, pinhole_directions
from cvgl_core.simulation.scene import BuildingTable, Cameras, GroundScene, TreeTable

GSD_M = 0.25
SIDE_M = 120.0
BOXES = (  # west, east, north, south, height in metres; kind
    (75.0, 95.0, 20.0, 48.0, 12.0, 1),
    (20.0, 45.0, 22.0, 47.0, 5.0, 0),
    (75.0, 100.0, 75.0, 100.0, 30.0, 2),
    (15.0, 46.0, 76.0, 98.0, 7.0, 3),
)
WALL_RGB = ((170, 110, 80), (200, 190, 150), (150, 160, 170), (120, 140, 150))


def crossroads(trees: bool = True, car: bool = True) -> GroundScene:
    """Two streets 16 m wide that cross at (60, 60), a building in each quarter."""
    side = round(SIDE_M / GSD_M)
    metre = (np.arange(side) + 0.5) * GSD_M
    x, y = np.meshgrid(metre, metre)
    road = (np.abs(x - 60) < 8) | (np.abs(y - 60) < 8)
    rng = np.random.default_rng(5)
    albedo = np.where(road[..., None], (100, 100, 102), (96, 128, 72)).astype(np.float64)
    albedo[(np.abs(x - 60) < 0.15) & (y % 9 < 4)] = (220, 220, 215)
    albedo *= 1 + 0.05 * rng.standard_normal((side, side, 1))
    height = np.zeros((side, side), np.float32)
    building = np.zeros((side, side), np.int32)
    azimuth = np.zeros((side, side), np.uint8)
    for number, (west, east, north, south, tall, _) in enumerate(BOXES):
        inside = (x > west) & (x < east) & (y > north) & (y < south)
        height[inside], building[inside] = tall, number + 1
        gaps = np.stack([np.abs(y - north), np.abs(x - east), np.abs(y - south), np.abs(x - west)])
        code = (np.argmin(gaps, axis=0) * 64).astype(np.uint8)
        near = (x > west - 2) & (x < east + 2) & (y > north - 2) & (y < south + 2)
        azimuth[near] = code[near]
        albedo[inside] = 150 + 10 * number
    if car:
        body = (np.abs(x - 53.5) < 0.95) & (np.abs(y - 50) < 2.2)
        cabin = (np.abs(x - 53.5) < 0.8) & (np.abs(y - 50) < 1.3)
        height[body], height[cabin] = 0.95, 1.5
        albedo[body] = (170, 30, 30)
    planted = [(66.0, 45.0), (52.0, 80.0)] if trees else []
    count = len(planted)
    columns = np.asarray(planted, np.float32).reshape(-1, 2)
    kinds = np.array([box[5] for box in BOXES], np.uint8)
    return GroundScene(
        gsd_m_per_px=GSD_M,
        height_m=height,
        albedo=albedo.clip(0, 255).astype(np.uint8),
        light=np.full((side, side), 255, np.uint8),
        building=building,
        wall_azimuth=azimuth,
        walkable=road & (height == 0),
        buildings=BuildingTable(
            kind=kinds,
            height_m=np.array([box[4] for box in BOXES], np.float32),
            wall_rgb=np.array(WALL_RGB, np.uint8),
            floor_height_m=np.full(4, 3.2, np.float32),
            window_pitch_m=np.full(4, 2.8, np.float32),
            window_width=np.full(4, 0.5, np.float32),
            window_height=np.full(4, 0.45, np.float32),
            style=rng.random((4, 3)).astype(np.float32),
            x_m=np.array([0.5 * (box[0] + box[1]) for box in BOXES], np.float32),
            y_m=np.array([0.5 * (box[2] + box[3]) for box in BOXES], np.float32),
        ),
        trees=TreeTable(
            x_m=columns[:, 0].copy(),
            y_m=columns[:, 1].copy(),
            radius_m=np.full(count, 2.4, np.float32),
            centre_m=np.full(count, 4.8, np.float32),
            vertical_m=np.full(count, 2.6, np.float32),
            rgb=np.tile(np.array([[70, 105, 48]], np.uint8), (count, 1)),
        ),
        sun_azimuth_deg=200.0,
        sun_elevation_deg=48.0,
        sky_seed=3,
    )


EYE_M = 2.5
TOP, BOTTOM = 37.5, -30.0


def one(x_m: float, y_m: float) -> Cameras:
    return Cameras(*(np.array([value], np.float32) for value in (x_m, y_m, EYE_M)))


@pytest.fixture(scope="module")
def bare() -> StreetRenderer:
    """No trees, no car, flat magenta walls without windows on green ground under a blue sky."""
    scene = crossroads(trees=False, car=False)
    plain = replace(
        scene.buildings,
        wall_rgb=np.full((4, 3), (230, 20, 230), np.uint8),
        window_width=np.full(4, -5.0, np.float32),
        kind=np.full(4, 3, np.uint8),
    )
    albedo = np.empty_like(scene.albedo)
    albedo[:] = (20, 160, 20)
    return StreetRenderer(replace(scene, buildings=plain, albedo=albedo))


@pytest.fixture(scope="module")
def full() -> StreetRenderer:
    return StreetRenderer(crossroads())


def magenta(picture: torch.Tensor) -> np.ndarray:
    """Wall pixels: red and blue well above green."""
    rgb = picture.numpy().astype(int)
    return (rgb[..., 0] > rgb[..., 1] + 25) & (rgb[..., 2] > rgb[..., 1] + 25)


def azimuth_deg(x_m: float, y_m: float, at: tuple[float, float]) -> float:
    return math.degrees(math.atan2(at[0] - x_m, -(at[1] - y_m)))


def column(azimuth: float, width: int) -> float:
    return (azimuth / 360 + 0.5) * width - 0.5


@pytest.mark.parametrize("x_m, y_m", [(60.0, 60.0), (55.3, 62.1), (64.0, 8.0), (9.0, 57.0)])
def test_edges_of_boxes_stand_at_their_closed_form_azimuth(bare, x_m, y_m):
    width = 1440
    wall = magenta(bare.panoramas(one(x_m, y_m), 96, width, TOP, BOTTOM, seed=0)[0])
    # Two rows below the horizon: every nearer wall stands in front of every farther one.
    seen = wall[round(TOP / (TOP - BOTTOM) * 96) - 2]
    expected = np.zeros(width, bool)
    angles = (np.arange(width) + 0.5) / width * 360 - 180
    for west, east, north, south, *_ in BOXES:
        corners = [(x, y) for x in (west, east) for y in (north, south)]
        turns = np.array([azimuth_deg(x_m, y_m, corner) for corner in corners])
        middle = azimuth_deg(x_m, y_m, ((west + east) / 2, (north + south) / 2))
        spread = (turns - middle + 180) % 360 - 180
        offset = (angles - middle + 180) % 360 - 180
        expected |= (offset > spread.min()) & (offset < spread.max())
    disagree = np.flatnonzero(seen != expected)
    edges = np.flatnonzero(expected != np.roll(expected, 1))
    distance = np.abs(disagree[:, None] - edges[None]).min(axis=1) if len(disagree) else [0]
    assert max(distance) <= 3  # 3 columns are .75 degrees: half a pixel of the raster at 10 m
    assert len(disagree) < 3 * len(edges)


@pytest.mark.parametrize("box", range(4))
def test_top_of_a_wall_is_at_the_arc_tangent_of_its_height(bare, box):
    west, east, north, south, tall, _ = BOXES[box]
    width, rows = 720, 360
    x_m = 0.5 * (west + east)
    y_m = 60.0
    toward = -1.0 if south < 60 else 1.0
    wall_y = south if toward < 0 else north
    picture = bare.panoramas(one(x_m, y_m), rows, width, 80.0, -40.0, seed=1)[0]
    wall = magenta(picture)
    at = round(column(0.0 if toward < 0 else 180.0, width)) % width
    hits = np.flatnonzero(wall[:, at])
    distance = abs(wall_y - y_m)
    step = 120.0 / rows
    top = (80.0 - math.degrees(math.atan((tall - EYE_M) / distance))) / step - 0.5
    foot = (80.0 - math.degrees(math.atan(-EYE_M / distance))) / step - 0.5
    assert hits[0] == pytest.approx(top, abs=1.0 + math.degrees(0.13 / distance) / step)
    assert hits[-1] == pytest.approx(foot, abs=1.5)
    assert len(hits) == hits[-1] - hits[0] + 1


def test_a_box_behind_a_box_is_hidden():
    scene = crossroads(trees=False, car=False)
    height, building = scene.height_m.copy(), scene.building.copy()
    colours = scene.buildings.wall_rgb.copy()
    colours[:] = (20, 200, 20)
    colours[3] = (230, 20, 230)
    height[building == 4] = 0.0
    building[building == 4] = 0
    metre = (np.arange(height.shape[0]) + 0.5) * GSD_M
    x, y = np.meshgrid(metre, metre)
    hidden = (x > 84) & (x < 88) & (y > 11) & (y < 17)  # north of the box of 12 m
    height[hidden], building[hidden] = 7.0, 4
    table = replace(scene.buildings, wall_rgb=colours, window_width=np.full(4, -5.0, np.float32))
    scene = replace(scene, height_m=height, building=building, buildings=table)
    renderer = StreetRenderer(scene)
    picture = renderer.panoramas(one(86.0, 60.0), 96, 512, TOP, BOTTOM, seed=0)[0]
    assert not magenta(picture)[:, 200:312].any()
    seen = renderer.panoramas(one(86.0, 6.0), 96, 512, TOP, BOTTOM, seed=0)[0]
    assert magenta(seen).sum() > 200


def test_the_same_seed_gives_the_same_bytes_in_any_company(full):
    cameras = Cameras(
        np.linspace(54, 66, 7).astype(np.float32),
        np.linspace(58, 70, 7).astype(np.float32),
        np.full(7, EYE_M, np.float32),
    )
    whole = full.panoramas(cameras, 96, 512, TOP, BOTTOM, seed=9)
    again = full.panoramas(cameras, 96, 512, TOP, BOTTOM, seed=9)
    assert torch.equal(whole, again)
    assert not torch.equal(whole, full.panoramas(cameras, 96, 512, TOP, BOTTOM, seed=10))
    full._chunk, chunk = (lambda pixels: 2), full._chunk
    try:
        assert torch.equal(whole, full.panoramas(cameras, 96, 512, TOP, BOTTOM, seed=9))
    finally:
        full._chunk = chunk


def test_turning_the_city_rolls_the_panorama():
    scene = crossroads(trees=False, car=False)
    side = SIDE_M
    turned = replace(
        scene,
        **{
            name: np.ascontiguousarray(np.rot90(getattr(scene, name), -1))  # clockwise
            for name in ("height_m", "albedo", "light", "building", "walkable")
        },
        wall_azimuth=np.ascontiguousarray(np.rot90(scene.wall_azimuth, -1)) + np.uint8(64),
        buildings=replace(scene.buildings, x_m=side - scene.buildings.y_m, y_m=scene.buildings.x_m),
        sun_azimuth_deg=scene.sun_azimuth_deg + 90,
    )
    a = StreetRenderer(scene).panoramas(one(57.1, 63.2), 96, 512, TOP, BOTTOM, seed=3)[0]
    b = StreetRenderer(turned).panoramas(one(side - 63.2, 57.1), 96, 512, TOP, BOTTOM, seed=3)[0]
    solid = slice(60, 96)
    gap = (torch.roll(a, 128, dims=1)[solid].float() - b[solid].float()).abs()
    assert gap.median() <= 9  # sensor noise of two pictures
    unrolled = (a[solid].float() - b[solid].float()).abs()
    assert gap.mean() < 0.75 * unrolled.mean()


def test_a_pinhole_view_agrees_with_the_panorama(full):
    heading, fov, pitch, width, height = 33.0, 70.0, 8.0, 320, 240
    camera = one(58.0, 63.0)
    pano = full.panoramas(camera, 1440, 2880, 90.0, -90.0, seed=4)[0].float()
    view = full.perspective(camera, np.array([heading]), fov, pitch, width, height, seed=4)[0]
    # Independent: rotate the unit vectors of the pixels by matrices.
    focal = width / 2 / math.tan(math.radians(fov / 2))
    u, v = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    rays = np.stack([u, np.full_like(u, focal), -v], axis=-1)  # right, forward, up
    p, a = math.radians(pitch), math.radians(heading)
    tilt = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    turn = np.array([[math.cos(a), math.sin(a), 0], [-math.sin(a), math.cos(a), 0], [0, 0, 1]])
    east, north, up = np.moveaxis(rays @ tilt.T @ turn.T, -1, 0)
    cols = ((np.arctan2(east, north) / (2 * math.pi) + 0.5) * 2880).astype(int) % 2880
    rows = ((0.5 - np.arctan2(up, np.hypot(east, north)) / math.pi) * 1440).astype(int)
    expected = pano[rows.clip(0, 1439), cols]
    gap = (view.float() - expected).abs().mean(dim=-1)
    assert gap.median() < 5
    assert gap.mean() < 9
    mirrored = (view.flip(1).float() - expected).abs().mean()
    assert mirrored > 2 * gap.mean()


def test_pinhole_directions_of_the_centre_and_the_edges():
    azimuth, elevation = pinhole_directions(90.0, 0.0, 200, 100)
    assert float(azimuth[50, 100]) == pytest.approx(0.005, abs=1e-4)
    assert math.degrees(float(azimuth[50, 199])) == pytest.approx(45.0, abs=0.2)
    _, raised = pinhole_directions(60.0, 20.0, 101, 101)
    assert math.degrees(float(raised[50, 50])) == pytest.approx(20.0, abs=1e-3)
    assert (elevation[:-1] > elevation[1:]).all()


def test_a_full_sphere_has_ground_below_and_sky_above(full):
    picture = full.panoramas(one(60.0, 64.0), 180, 360, 90.0, -90.0, seed=2)[0].float()
    below, above = picture[-3:].mean(dim=(0, 1)), picture[:3].mean(dim=(0, 1))
    assert above[2] > above[0] + 15
    assert abs(below[2] - below[0]) < 25
    assert picture[-3:].std(dim=1).max() < 40


def test_the_sky_has_no_seam():
    scene = crossroads(trees=False, car=False)
    renderer = StreetRenderer(replace(scene, height_m=np.zeros_like(scene.height_m)))
    cameras = Cameras(*(np.full(8, value, np.float32) for value in (60, 60, EYE_M)))
    sky = renderer.panoramas(cameras, 96, 512, TOP, BOTTOM, seed=6)[:, :50].float()
    step = (sky - torch.roll(sky, 1, dims=2)).abs().mean(dim=(0, 1, 3))
    assert step[0] < 1.5 * step.mean()
    assert step.max() < 2.0 * step.mean()


def test_a_crown_covers_its_ellipsoid_and_a_hidden_one_does_not_show():
    scene = crossroads(trees=False, car=False)
    leaves = np.array([[240, 30, 240]], np.uint8)

    def planted(x_m: float, y_m: float) -> StreetRenderer:
        numbers = (np.array([value], np.float32) for value in (x_m, y_m, 2.0, 5.0, 2.0))
        return StreetRenderer(replace(scene, trees=TreeTable(*numbers, leaves)))

    picture = planted(60.0, 45.0).panoramas(one(60.0, 60.0), 192, 1024, TOP, BOTTOM, seed=0)[0]
    row, col = np.nonzero(magenta(picture))
    middle_row = (TOP - math.degrees(math.atan(2.5 / 15))) / (TOP - BOTTOM) * 192
    half = math.degrees(math.asin(2.0 / 15)) / 360 * 1024
    assert col.mean() == pytest.approx(511.5, abs=2.0)
    assert row.mean() == pytest.approx(middle_row, abs=4.0)
    assert len(row) == pytest.approx(math.pi * half**2, rel=0.3)
    hidden = planted(85.0, 14.0).panoramas(one(85.0, 60.0), 192, 1024, TOP, BOTTOM, seed=0)[0]
    assert not magenta(hidden).any()


def test_a_car_keeps_its_place_size_and_colour(full):
    picture = full.panoramas(one(60.0, 50.0), 192, 1440, TOP, BOTTOM, seed=0)[0]
    rgb = picture.numpy().astype(int)
    red = (rgb[..., 0] > rgb[..., 1] + 50) & (rgb[..., 0] > rgb[..., 2] + 50)
    _, col = np.nonzero(red[115:, :720])
    azimuth = (col + 0.5) / 1440 * 360 - 180
    half = math.degrees(math.atan(2.2 / (6.5 - 0.95)))
    assert azimuth.min() == pytest.approx(-90 - half, abs=3)
    assert azimuth.max() == pytest.approx(-90 + half, abs=3)
