import dataclasses
import json
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from cvgl_core.errors import UnknownModelError, WeightsError
from cvgl_core.fsio import sha256_file
from cvgl_core.models import create_model, load_engine, load_model, load_weights, save_weights
from cvgl_core.types import Calibration


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(1)
    model = create_model("unifygeo-lite0")
    card = dataclasses.replace(
        model.card(), calibration=Calibration(0.1, 2.0, "city 7"), training={"steps": "12"}
    )
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    digest = save_weights(path, model, card)
    return path, model, card, digest


def test_round_trip(saved):
    path, model, card, digest = saved
    loaded, loaded_card = load_model(path)
    assert loaded_card == dataclasses.replace(card, weights_sha256=digest)
    assert digest == sha256_file(path)
    for name, tensor in loaded.state_dict().items():
        original = model.state_dict()[name]
        assert tensor.dtype == original.dtype
        expected = original.half().float() if original.is_floating_point() else original
        assert torch.equal(tensor, expected), name
    assert path.stat().st_size < 13e6


def test_full_precision_is_exact(saved, tmp_path):
    _, model, card, _ = saved
    save_weights(tmp_path / "full.safetensors", model, card, half=False)
    state, _ = load_weights(tmp_path / "full.safetensors")
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in state.items())


def test_same_weights_same_bytes(saved, tmp_path):
    path, model, card, _ = saved
    save_weights(tmp_path / "again.safetensors", model, card)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_values_that_are_not_finite_are_not_written(saved, tmp_path, value):
    card = saved[2]
    broken = create_model("unifygeo-lite0")
    with torch.no_grad():
        broken.fine_norm.weight[3] = value
    with pytest.raises(WeightsError, match=r"fine_norm\.weight"):
        save_weights(tmp_path / "broken.safetensors", broken, card)
    assert not list(tmp_path.iterdir())


def rewrite(saved, target, change_tensors=None, change_card=None, metadata=None):
    path, _, card, _ = saved
    tensors = load_file(path)
    content = json.loads(json.dumps(dataclasses.asdict(card)))
    if change_tensors:
        change_tensors(tensors)
    content["format"] = 1
    if change_card:
        change_card(content)
    given = {"cvgl_card": json.dumps(content)} if metadata is None else metadata
    save_file(tensors, target, metadata=given)
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.update({"fine_norm.weight": torch.full((256,), float("nan"))}),
        lambda t: t.pop("fine_norm.weight"),
        lambda t: t.update({"surplus": torch.zeros(1)}),
        lambda t: t.update({"fine_norm.weight": torch.zeros(255)}),
    ],
)
def test_tensors_that_do_not_fit(saved, tmp_path, change):
    path = rewrite(saved, tmp_path / "x.safetensors", change_tensors=change)
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("ground"),
        lambda c: c.update(aerial_px=64),
        lambda c: c.update(aerial_px="many"),
        lambda c: c.update(mean_rgb=[0.5]),
        lambda c: c.update(std_rgb=[0.5, 0.0, 0.5]),
        lambda c: c.update(tile_size_m=float("nan")),
        lambda c: c.update(ground={"rows": 3}),
        lambda c: c.update(parameters=7),
        lambda c: c.update(training=5),
        lambda c: c.update(format=2),
    ],
)
def test_cards_that_do_not_fit(saved, tmp_path, change):
    path = rewrite(saved, tmp_path / "x.safetensors", change_card=change)
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_model(path)


def test_card_of_an_unknown_model(saved, tmp_path):
    path = rewrite(
        saved, tmp_path / "x.safetensors", change_card=lambda c: c.update(name="unknown")
    )
    with pytest.raises(UnknownModelError, match="unknown"):
        load_model(path)


@pytest.mark.parametrize(
    "metadata", [{}, {"cvgl_card": "["}, {"cvgl_card": "3"}, {"cvgl_card": '{"format": 1}'}]
)
def test_missing_or_broken_metadata(saved, tmp_path, metadata):
    with pytest.raises(WeightsError):
        load_weights(rewrite(saved, tmp_path / "x.safetensors", metadata=metadata))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04K\x01.",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 1 << 40) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 40) + b'{"a":{"dtype":"F32","shape":[9],"data_o' + b" " * 40,
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    ],
)
def test_hostile_files(tmp_path, content):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"hostile\.safetensors"):
        load_weights(path)


def test_truncated_file(saved, tmp_path):
    path = tmp_path / "short.safetensors"
    path.write_bytes(saved[0].read_bytes()[:-100])
    with pytest.raises(WeightsError):
        load_weights(path)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(WeightsError):
            load_weights(path)


def test_engine_by_name_and_path(saved):
    engine = load_engine(saved[0], device="cpu")
    assert engine.card.weights_sha256 == saved[3]
    with pytest.raises(WeightsError, match="safetensors"):
        load_engine("unifygeo-convnext-tiny")
    with pytest.raises(UnknownModelError):
        load_engine("nothing-like-it")
