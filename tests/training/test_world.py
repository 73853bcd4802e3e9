"""Two processes on this machine do what one would with the whole batch."""

from __future__ import annotations

import socket

import pytest
import torch

from cvgl_core.errors import SettingsError
from cvgl_core.models.weights import load_tensors
from cvgl_core.training.loop import Trainer
from cvgl_core.training.world import World
from tests.data.make_vigor import make_vigor
from tests.training.helpers import KINDS, gradients, in_process, listed_config, whole_batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes that find one another leave behind."""
    folder = tmp_path_factory.mktemp("two")
    make_vigor(folder / "vigor", tile_px=32, panorama_px=32)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    common = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    children = [
        in_process("take_part", folder / "vigor", folder, RANK=rank, LOCAL_RANK=rank, **common)
        for rank in range(2)
    ]
    assert [child.wait() for child in children] == [0, 0]
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_one_process_with_the_whole_batch(folder, kind):
    wanted = gradients(World(), whole_batch(), KINDS[kind])
    assert any(gradient.abs().max() > 1e-3 for gradient in wanted.values())
    for rank in range(2):
        found, _ = load_tensors(folder / f"{kind}-{rank}")
        for key, gradient in wanted.items():
            scale = float(gradient.abs().max()) + 1e-6
            assert torch.allclose(found[key], gradient, rtol=1e-3, atol=1e-4 * scale), key


def test_two_processes_train_one_network_and_one_writes(folder):
    first, second = (load_tensors(folder / f"trained-{rank}")[0] for rank in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert (folder / "run" / "validation.jsonl").read_text().count("\n") == 1
    assert (folder / "run" / "unifygeo-lite0.safetensors").exists()


def test_a_batch_must_divide(tmp_path):
    with pytest.raises(SettingsError, match="cannot be shared evenly by 3"):
        Trainer(listed_config(tmp_path, tmp_path), world=World(0, 3))


def test_one_process_keeps_its_rows():
    rows = torch.ones(2, 3, requires_grad=True)
    assert World().gather(rows) is rows
    assert World(1, 2).share(8) == slice(4, 8)
