"""Matching with stored maps against matching with pixels."""

import dataclasses

import numpy as np
import pytest

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.index import ReducedMaps, reduce_maps


def exact(maps):
    """Maps [N, C, h, w] as codes that only rounding to 8 bits changes."""
    codes = np.rint(np.moveaxis(maps, 1, -1) * 127).astype(np.int8)
    return ReducedMaps(codes, (np.eye(maps.shape[1]) / 127).astype(np.float32))


def test_one_pass_gives_what_two_give(engine, tiles, view):
    descriptors, maps = engine.encode_tiles(tiles)
    assert np.array_equal(descriptors, engine.describe_tiles(tiles))
    assert maps.shape == (len(tiles), *engine.map_shape)
    np.testing.assert_allclose(np.linalg.norm(maps, axis=1), 1.0, atol=1e-5)
    query = engine.describe_view(view)
    cosines = np.einsum("c,nchw->nhw", query.columns[0][0], maps).max(axis=(1, 2))
    np.testing.assert_allclose(cosines, engine.match_scores(query, tiles)[:, 0], atol=1e-5)
    assert engine.encode_tiles(tiles[:0])[1].shape == (0, *engine.map_shape)


@pytest.mark.parametrize("rolls", [(0,), (0, 1, 5, 15)])
def test_scores_are_those_of_the_pixels(engine, tiles, view, rolls):
    query = engine.describe_view(view, 16)
    wanted = engine.match_scores(query, tiles, rolls)
    maps = engine.encode_tiles(tiles)[1]
    found = engine.match_maps(query, exact(maps), rolls)
    assert found.shape == (len(tiles), len(rolls))
    assert np.abs(found - wanted).max() < 0.01
    reduced = engine.match_maps(query, reduce_maps(maps), rolls)
    assert np.abs(reduced - wanted).max() < 0.05


def test_a_narrow_view_scores_as_with_pixels(engine, tiles, view):
    """What it does not see takes no part, though the stored maps are reduced."""
    narrow = dataclasses.replace(view, visible=np.arange(view.visible.size) < 100)
    query = engine.describe_view(narrow, 32)
    rolls = (0, 1, 9, 31)
    wanted = engine.match_scores(query, tiles, rolls)
    maps = engine.encode_tiles(tiles)[1]
    assert np.abs(engine.match_maps(query, exact(maps), rolls) - wanted).max() < 0.02
    assert np.abs(engine.match_maps(query, reduce_maps(maps), rolls) - wanted).max() < 0.1


def test_chunks_do_not_matter(engine, tiles, view, monkeypatch):
    query, maps = engine.describe_view(view, 4), reduce_maps(engine.encode_tiles(tiles)[1])
    whole = engine.match_maps(query, maps, (0, 3))
    monkeypatch.setattr("cvgl_core.models.maps._CHUNK_TILES", 2)
    np.testing.assert_allclose(engine.match_maps(query, maps, (0, 3)), whole, atol=1e-6)


def test_maps_of_another_network_are_refused(engine, tiles, view):
    maps = reduce_maps(engine.encode_tiles(tiles[:1])[1])
    other = dataclasses.replace(maps, basis=maps.basis[:-1])
    with pytest.raises(WeightsMismatchError, match="255 channels"):
        engine.match_maps(engine.describe_view(view), other)
