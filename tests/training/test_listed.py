"""Batches from a fake VIGOR: planned, masked by coordinates, resumed exactly, missing images."""

from __future__ import annotations

import logging
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from pyproj import Geod
from torch.nn.functional import normalize

from cvgl_core.data.datasets import load_pairs
from cvgl_core.data.pairset import PairSet
from cvgl_core.errors import DatasetError
from cvgl_core.models.registry import create_model
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.listed import ListedSource
from cvgl_core.training.world import World
from cvgl_core.types import ModelCard
from tests.data.make_vigor import make_vigor


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A copy that tests only read."""
    root = tmp_path_factory.mktemp("vigor")
    make_vigor(root, tile_px=32, panorama_px=32)
    return root


@pytest.fixture
def broken(root, tmp_path) -> Path:
    """A copy to damage."""
    shutil.copytree(root, tmp_path / "vigor")
    return tmp_path / "vigor"


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return create_model("unifygeo-lite0").card()


def config(root: Path, **pairs: float) -> TrainConfig:
    section = {"dataset": "vigor-same", "root": root, "neighbours": 2, "neighbour_pool": 6}
    return TrainConfig.model_validate(
        {
            "pairs": section | {"readers": 2, "mined_every": 2} | pairs,
            "batch": {"size": 4},
        }
    )


def as_it_is(batch, _rng):
    return batch


def random_descriptors(_images, views, tiles):
    rng = torch.Generator().manual_seed(len(views))
    return tuple(normalize(torch.randn(len(n), 8, generator=rng), dim=1) for n in (views, tiles))


@contextmanager
def opened(root: Path, card: ModelCard, state=None, **pairs: float):
    source = ListedSource(
        load_pairs("vigor-same", root, "train"),
        config(root, **pairs),
        card,
        World(),
        random_descriptors,
        as_it_is,
    )
    if state is not None:
        source.restore({name: tensor.clone() for name, tensor in state.items()})
    with ExitStack() as stack:
        source.open(stack)
        yield source


def same(first, second) -> bool:
    pairs = [(getattr(first, n), getattr(second, n)) for n in first.__dataclass_fields__]
    return all(a is b if a is None or b is None else torch.equal(a, b) for a, b in pairs)


def test_every_pair_at_most_once_an_epoch(root, card):
    with opened(root, card) as source:
        batches = []
        while source.epochs < 1.0:
            batches.append(source.draw())
        views = torch.cat([batch.ground for batch in batches]).flatten(1)
        assert len(torch.unique(views, dim=0)) == len(views)
        assert len(views) > 0.5 * source.pairs
        assert source.epochs == 1.0
        source.draw()
        assert 1.0 < source.epochs < 2.0


def test_similar_tiles_are_mined_after_the_first_epochs(root, card):
    asked = []

    def describe(images, views, tiles):
        asked.append((len(views), len(tiles)))
        return random_descriptors(images, views, tiles)

    with opened(root, card) as source:
        source._describe = describe
        while source.epochs < 2.0:
            source.draw()
        assert asked == []
        source.draw()
    assert asked == [(source.pairs, len(np.unique(source._pairs.positive)))]


def test_masks_are_what_the_ground_says(root, card):
    """Against geodesics on the ellipsoid, from the coordinates in the file names."""
    with opened(root, card) as source:
        pairs: PairSet = source._pairs
        batch = source.draw()
        chosen = source._plan[0]
    geod = Geod(ellps="WGS84")
    seen = 0
    for i, view in enumerate(chosen):
        for j, tile in enumerate(pairs.positive[chosen]):
            azimuth, _, distance_m = geod.inv(
                *pairs.tile_lonlat_deg[tile], *pairs.view_lonlat_deg[view]
            )
            sides = distance_m * np.abs([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
            reach = sides.max() / pairs.tile_side_m[tile]
            if abs(reach - 0.5) > 0.01:
                assert bool(batch.covers[i, j]) == (i != j and reach < 0.5)
                seen += int(batch.covers[i, j])
            if abs(reach - 0.25) > 0.01:
                assert bool(batch.same_place[i, j]) == (i != j and reach < 0.25)
    assert seen  # the tiles of a fake city overlap
    assert torch.allclose(
        batch.target_px, torch.from_numpy(pairs.camera_uv[chosen] * card.aerial_px).float()
    )


@pytest.mark.parametrize("drawn", [1, 3, 8])
def test_resumed_source_draws_the_same(root, card, drawn):
    with opened(root, card) as source:
        for _ in range(drawn):
            source.draw()
        state = source.state()
        wanted = [source.draw() for _ in range(4)]
    with opened(root, card, state) as source:
        assert all(same(batch, source.draw()) for batch in wanted)


def damage(root: Path, count: int) -> set[str]:
    """Cut panoramas of the training part short."""
    pairs = load_pairs("vigor-same", root, "train")
    for path in pairs.view_paths[:count]:
        path.write_bytes(path.read_bytes()[:100])
    return {path.name for path in pairs.view_paths[:count]}


def test_an_unreadable_image_is_replaced_counted_and_logged_once(broken, card, caplog):
    names = damage(broken, 1)
    with caplog.at_level(logging.WARNING), opened(broken, card) as source:
        batches = []
        while source.epochs < 2.0:
            batches.append(source.draw())
            assert len(batches[-1].ground) == 4
        assert "1 pairs unreadable" in source.describe()
        assert source.record["left out"].endswith("1 unreadable")
        state = source.state()
    lines = [r.getMessage() for r in caplog.records if "left out" in r.getMessage()]
    assert len(lines) == 1 and names.pop() in lines[0] and ".txt:" in lines[0]
    with opened(broken, card) as again:
        assert all(same(batch, again.draw()) for batch in batches)
    assert state["unreadable"].tolist() == [0]


def test_many_unreadable_images_stop_the_run(broken, card):
    names = damage(broken, 12)
    with opened(broken, card) as source, pytest.raises(DatasetError, match="unreadable_limit") as e:
        for _ in range(8):
            source.draw()
    assert any(name in str(e.value) for name in names) and ".txt:" in str(e.value)


def test_too_few_pairs_for_a_batch_are_refused(root, card):
    big = config(root).model_copy(update={"batch": TrainConfig().batch})
    with pytest.raises(DatasetError, match=r"lower batch\.size"):
        pairs = load_pairs("vigor-same", root, "train")
        ListedSource(pairs, big, card, World(), random_descriptors, as_it_is)
