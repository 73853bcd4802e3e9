"""The search of a GPU, run on the CPU."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cvgl_core.index import exact_search
from cvgl_core.index.codes import coded_search
from cvgl_core.localization import device_gallery
from cvgl_core.localization.device_gallery import DeviceGallery, search_on


@pytest.fixture
def gallery():
    rows = np.random.default_rng(0).normal(size=(3000, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("blocks", [1, 4])
def test_the_best_are_those_of_the_exact_search(gallery, monkeypatch, blocks, filtered):
    monkeypatch.setattr(device_gallery, "_BLOCK_ROWS", len(gallery) // blocks + 1)
    monkeypatch.setattr(device_gallery, "_PIECE_ROWS", 700)
    where = np.arange(len(gallery)) % 3 == 0 if filtered else None
    queries = np.random.default_rng(1).normal(size=(4, 32)).astype(np.float32)
    found = coded_search(DeviceGallery(gallery, "cpu"), gallery, queries, 20, where)
    expected = exact_search(gallery, queries, 20, where)
    assert np.array_equal(found.indices, expected.indices)
    assert found.scores == pytest.approx(expected.scores, abs=1e-6)


def test_no_tile_that_is_not_allowed_is_named(gallery):
    where = np.zeros(len(gallery), bool)
    where[[5, 1500]] = True
    queries = np.ones((1, 32), np.float32)
    assert DeviceGallery(gallery, "cpu").shortlist(queries, 3, where).tolist() == [5, 1500]


class Large:
    """An index of very many tiles, as far as this needs it."""

    path, shortlister = "large.cvgl", None

    def __init__(self, gallery):
        self.descriptors = gallery
        self.manifest = SimpleNamespace(descriptor_dim=gallery.shape[1])

    def __len__(self):
        return len(self.descriptors)


@pytest.mark.parametrize(
    ("device", "large", "free_bytes", "used"),
    [
        ("cpu", True, 1e9, False),
        ("cuda", False, 1e9, False),
        ("cuda", True, 2 * 2 * 3000 * 32 - 1, False),
        ("cuda", True, 1e9, True),
    ],
)
def test_when_a_gpu_is_used(gallery, monkeypatch, device, large, free_bytes, used):
    monkeypatch.setattr(device_gallery, "is_large", lambda count, k: large)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free_bytes, 1e10))
    monkeypatch.setattr(device_gallery, "DeviceGallery", lambda rows, where: ("on", where.type))
    index = Large(gallery)
    search_on(index, torch.device(device))
    assert index.shortlister == (("on", "cuda") if used else None)
