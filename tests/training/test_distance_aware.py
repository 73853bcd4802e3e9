"""DyCL's terms in training: on simulated cities, on listed data sets, and on a tiny DA-Campus."""

from __future__ import annotations

import dataclasses
import json
import math
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from cvgl_core.data.citypack import CityPack, CitySpec
from cvgl_core.data.datasets import load_pairs
from cvgl_core.errors import SettingsError
from cvgl_core.losses import LossSettings, LossWeights, UnifyGeoLoss
from cvgl_core.losses.distance_aware import (
    DistanceAwareLoss,
    DistanceAwareSettings,
    DistanceTruth,
)
from cvgl_core.models import create_model
from cvgl_core.training.config import TrainConfig, load_train_config
from cvgl_core.training.listed import ListedSource
from cvgl_core.training.loop import Trainer
from cvgl_core.training.source import CityLattice
from cvgl_core.training.step import LossStep
from cvgl_core.training.world import World
from cvgl_core.types import GroundSpec
from tests.data.make_da_campus import DRONES, TRAIN_PLACES, make_da_campus
from tests.training.helpers import whole_batch, without_batch_norm

TERMS = DistanceAwareSettings(levels_m=(25.0, 75.0), margins=(0.25, 0.35), weight=3.0)


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    root = tmp_path_factory.mktemp("campus")
    make_da_campus(root, side_px=16)
    return root


def config(campus, folder, *changes):
    return load_train_config(
        "da-campus",
        changes=[
            f"pairs.root={json.dumps(str(campus))}",
            "pairs.readers=2",
            "pairs.validation_views=8",
            "model.start=random",
            "batch.size=8",
            f"run.folder={json.dumps(str(folder))}",
            "run.device=cpu",
            "run.precision=fp32",
            "run.threads=1",
            "optimiser.warmup_epochs=0.1",
            *changes,
        ],
    )


def stop_at_second_step(stage, done, total):
    if stage == "training" and done == 666:
        raise KeyboardInterrupt


def batch_with_distances():
    apart_m = torch.tensor([[10.0, 60, math.inf, 300]]).repeat(4, 1)
    return dataclasses.replace(whole_batch(), apart_m=apart_m, place=torch.tensor([0, 1, 2, 2]))


@pytest.mark.parametrize("weights", [LossWeights(), LossWeights(0, 0, 0, 0)], ids=["with", "alone"])
def test_terms_join_the_total_and_teach_both_branches(weights):
    torch.manual_seed(0)
    batch, model = batch_with_distances(), without_batch_norm()
    terms = DistanceAwareLoss(TERMS, 3, model.descriptor_dim)
    loss = UnifyGeoLoss(LossSettings(weights=weights), terms)
    step = LossStep(model, loss, World())
    found = step(batch)
    plain = LossStep(model, UnifyGeoLoss(LossSettings(weights=weights)), World())(batch)
    with torch.no_grad():
        views = model.forward_ground(batch.ground).descriptor
        tiles = model.forward_aerial(batch.aerial).descriptor
        expected = terms(views, tiles, DistanceTruth(batch.apart_m, batch.place)).total
    assert found.distance_aware.item() == pytest.approx(expected.item(), rel=1e-4)
    assert found.total.item() == pytest.approx(plain.total.item() + expected.item(), rel=1e-4)
    assert plain.distance_aware is None
    found.total.backward()
    for part in (model.ground.semantic_head, model.aerial.semantic_head, terms.proxies):
        assert any(p.grad is not None and p.grad.any() for p in part.parameters())


def test_batches_without_distances_leave_the_terms_out():
    terms = DistanceAwareLoss(TERMS, 3, 16)
    step = LossStep(without_batch_norm(), UnifyGeoLoss(None, terms), World())
    assert step(whole_batch()).distance_aware is None


def test_squares_of_cities_are_numbered():
    spec = CitySpec(1, 3, 200.0, 0.5, 0.5, GroundSpec(8, 64, 30, -30))
    specs = (spec, dataclasses.replace(spec, seed=2))
    lattice = CityLattice(specs, 72.0)
    assert lattice.count == 2 * 9
    xy_m = np.array([[10.0, 10], [100, 10], [10, 199]], np.float32)
    pack = CityPack("", np.zeros((400, 400, 3), np.uint8), np.zeros((3, 8, 64, 3)), xy_m, 0.5)
    packs = [dataclasses.replace(pack, name=s.name) for s in specs][::-1]  # in another order
    city, camera = np.array([1, 1, 1, 0, 0, 0]), np.array([0, 1, 2, 0, 1, 2])
    assert lattice.places(packs, city, camera).tolist() == [0, 1, 6, 9, 10, 15]


def test_batches_of_da_campus(campus, tmp_path):
    card = create_model("unifygeo-lite0-campus").card()
    pairs = load_pairs("da-campus", campus, "train")
    how = config(campus, tmp_path)
    source = ListedSource(pairs, how, card, World(), None, lambda batch, _: batch)
    assert (source.pairs, source.places) == (DRONES * TRAIN_PLACES, TRAIN_PLACES)
    with ExitStack() as stack:
        source.open(stack)
        batches = [source.draw() for _ in range(4)]
        assert source.epochs == 1.0  # one combination of areas, four times
        source.draw()
    for batch in batches:
        assert batch.ground.shape == (8, 3, 128, 128)
        places, counts = batch.place.unique(return_counts=True)
        assert counts.tolist() == [4, 4]
        assert {int(place) // 4 for place in places} == {0, 1}  # a place of each campus
        same = batch.place[:, None] == batch.place[None, :]
        assert torch.equal(batch.same_place, same & ~torch.eye(8, dtype=torch.bool))
        assert (batch.apart_m[same] < 1e-3).all()
        assert (batch.apart_m[~same] > 29_000).all()


def test_training_on_da_campus_resumes_with_its_proxies(campus, tmp_path):
    straight = Trainer(config(campus, tmp_path / "a", "run.max_steps=3"))
    summary = straight.run(resume=False)
    assert summary.weights.name == "unifygeo-lite0-campus.safetensors"
    assert {"r@1", "r@5"} <= set(summary.figures)
    trained = straight.loss.distance_aware.proxies.proxies
    assert trained.shape == (TRAIN_PLACES, 256)
    rates = [group["lr"] for group in straight.state.optimiser.param_groups]
    assert rates[2] == pytest.approx(rates[0] * 10.0 / 1e-4)

    cut = config(campus, tmp_path / "b", "run.max_steps=3")
    with pytest.raises(KeyboardInterrupt):
        Trainer(cut, stop_at_second_step).run(resume=False)
    second = Trainer(cut)
    second.run(resume=True)
    assert torch.equal(second.loss.distance_aware.proxies.proxies, trained)


def test_published_settings():
    how = load_train_config("da-campus")
    terms = how.distance_aware
    assert (terms.contrast, terms.ranking, terms.proxies) == (0.2, 0.9, 0.1)
    assert (terms.levels_m, terms.scale, how.batch.size) == ((3, 200, 500), 32, 128)
    assert (how.pairs.per_place, how.pairs.areas, how.pairs.area_repeats) == (4, 2, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["distance_aware.levels_m=[200, 3]"], "levels_m must grow"),
        (["distance_aware.margins=[0.1]"], "as many margins as levels_m"),
        (
            [f"distance_aware.{name}=0" for name in ("contrast", "ranking", "proxies")],
            "nothing would be learned",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        load_train_config("da-campus", changes=changes)


def test_rows_of_the_comparison():
    def terms(row):
        how = load_train_config("simcity", row)
        return how.loss.retrieval, how.distance_aware

    assert terms("full") == (100, None)
    retrieval, dycl = terms("dycl")
    assert retrieval == 100 and dycl.contrast and dycl.ranking and dycl.proxies
    assert not terms("dycl-no-contrast")[1].contrast
    assert not terms("dycl-no-ranking")[1].ranking
    assert not terms("dycl-no-proxies")[1].proxies
    assert terms("dycl-alone") == (0, dycl)
    assert terms("infonce-alone") == (100, None)
    retrieval, triplet = terms("triplet-alone")
    assert retrieval == 0 and triplet.triplet and not triplet.contrast
    assert load_train_config("simcity", "dycl-scales").batch.tile_scales == (0.5, 1, 2)
    assert load_train_config("simcity", "dycl-areas").batch.areas == 2


def test_margins_follow_the_levels(campus, tmp_path):
    changed = config(campus, tmp_path, "distance_aware.levels_m=[10, 20, 30, 40]")
    assert isinstance(changed, TrainConfig)
    trainer = Trainer(changed)
    assert trainer.loss.distance_aware.settings.margins == pytest.approx((0.25, 0.35, 0.45, 0.55))
