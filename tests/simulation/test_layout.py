"""Streets and blocks: geometry of convex cuts, insets and centre lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box
from shapely.ops import unary_union

from cvgl_core.simulation.layout import Piece, densify, draw_layout, split
from cvgl_core.simulation.marking import Track
from cvgl_core.simulation.style import draw_style


def polygon(count, radius=100.0, turn=0.3):
    angles = turn + np.arange(count) * 2 * np.pi / count
    points = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Piece(points, np.arange(count, dtype=float))


@given(st.integers(3, 9), st.floats(0, 6.28), st.floats(0, 6.28), st.floats(-90, 90))
@settings(max_examples=60, deadline=None)
def test_clip_agrees_with_shapely(count, turn, angle, offset):
    piece = polygon(count, turn=turn)
    normal = np.array([np.cos(angle), np.sin(angle)])
    tangent = np.array([-normal[1], normal[0]])
    far = [normal * offset + tangent * 500, normal * offset - tangent * 500]
    half_plane = Polygon([*far, far[1] - normal * 1000, far[0] - normal * 1000])
    expected = Polygon(piece.points).intersection(half_plane).area
    clipped = piece.clip(normal, offset, -1.0)
    assert (clipped.area_m2 if clipped else 0.0) == pytest.approx(expected, abs=1e-3)


def test_clip_labels_the_new_edge_and_keeps_the_others():
    square = Piece(np.array([[0, 0], [10, 0], [10, 10], [0, 10.0]]), np.array([1.0, 2, 3, 4]))
    left = square.clip(np.array([1.0, 0.0]), 4.0, 9.0)
    by_start = {tuple(p): v for p, v in zip(left.points.tolist(), left.labels, strict=True)}
    assert by_start == {(0, 0): 1, (4, 0): 9, (4, 10): 3, (0, 10): 4}


@given(st.integers(3, 8), st.floats(0, 6.28), st.floats(0.5, 20))
@settings(max_examples=40, deadline=None)
def test_inset_agrees_with_a_mitred_buffer(count, turn, distance):
    piece = polygon(count, turn=turn)
    inset = piece.inset(np.full(count, distance))
    expected = Polygon(piece.points).buffer(-distance, join_style="mitre", mitre_limit=50)
    assert inset.area_m2 == pytest.approx(expected.area, rel=1e-6)


def test_split_loses_no_ground():
    piece = Piece(polygon(6).points, np.zeros(6))
    first, second, ends = split(piece, np.random.default_rng(0), 0.4, 0.6, 0.1, 5.0)
    assert first.area_m2 + second.area_m2 == pytest.approx(piece.area_m2)
    assert (first.labels == 5.0).sum() == (second.labels == 5.0).sum() == 1
    outline = Polygon(piece.points).exterior
    assert all(outline.distance(Point(*end)) < 1e-6 for end in ends)


def test_densify_keeps_the_line_and_limits_the_step():
    ring = np.array([[0, 0], [100, 0], [100, 50.0]])
    closed = densify(ring, 8.0, closed=True)
    steps = np.hypot(*(np.roll(closed, -1, axis=0) - closed).T)
    assert steps.max() <= 8.0
    assert Polygon(closed).area == pytest.approx(Polygon(ring).area)
    line = densify(ring, 8.0, closed=False)
    assert (line[0] == ring[0]).all() and (line[-1] == ring[-1]).all()


def test_track_offsets_to_the_right_of_travel():
    track = Track(np.array([[0, 0], [10.0, 0], [20, 0]]))
    assert track.length_m == 20
    np.testing.assert_allclose(track.at(np.array([5.0]), 2.0), [[5, 2]])  # y grows to the south
    np.testing.assert_allclose(track.angles(np.array([5.0])), [0.0])


@pytest.mark.parametrize("seed", range(4))
def test_blocks_never_overlap_and_leave_room_for_streets(seed):
    rng = np.random.default_rng(seed)
    layout = draw_layout(rng, draw_style(rng), 600.0)
    shapes = [Polygon(block.kerb.points) for block in layout.blocks]
    assert len(shapes) > 15
    union = unary_union(shapes)
    assert union.area == pytest.approx(sum(s.area for s in shapes), rel=1e-6)
    town = box(0, 0, 600, 600)
    assert 0.5 < union.intersection(town).area / town.area < 0.95
    assert all(0 <= block.density <= 1 for block in layout.blocks)
