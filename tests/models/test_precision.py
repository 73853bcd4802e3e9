import copy
import logging

import pytest
import torch

from cvgl_core.models.aggregator import AzimuthPool, GeM
from cvgl_core.models.compiling import compiled
from cvgl_core.models.precision import preferred_precision, to_bfloat16


@pytest.mark.parametrize(
    ("bf16", "amx", "expected"),
    [(False, False, "float32"), (True, False, "bfloat16"), (False, True, "bfloat16")],
)
def test_16_bits_where_the_processor_has_them(monkeypatch, bf16, amx, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert preferred_precision("cpu") == expected


def test_exponents_of_poolings_stay_wide(light):
    before = copy.deepcopy(light.state_dict())
    to_bfloat16(light)
    wide = {name for name, value in light.state_dict().items() if value.dtype == torch.float32}
    poolings = [m for m in light.modules() if isinstance(m, GeM | AzimuthPool)]
    assert len(wide) == sum(len(list(p.parameters(recurse=False))) for p in poolings) > 0
    assert all(torch.equal(before[name], light.state_dict()[name]) for name in wide)


def test_every_network_encodes_in_16_bits(model):
    brief = copy.deepcopy(model).eval()
    to_bfloat16(brief)
    side = model.config.stride * 4 if not model.config.azimuth_channels else model.config.aerial_px
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.inference_mode():
        sixteenth = brief.aerial.trunk(x.bfloat16())[2]
        found = brief.describe_tiles(sixteenth), brief.level0_map(sixteenth)
        model.eval()
        sixteenth = model.aerial.trunk(x)[2]
        expected = model.describe_tiles(sixteenth), model.level0_map(sixteenth)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(one, other).min() > 0.99


def test_where_compiling_fails_the_plain_function_does_it(monkeypatch, caplog):
    calls = []

    def refuse(function, dynamic):
        def run(x):
            calls.append(1)
            raise RuntimeError("no compiler here\nat all")

        return run

    monkeypatch.setattr(torch, "compile", refuse)
    plain = lambda x: (x + 1,)  # noqa: E731
    assert compiled(plain, torch.device("cpu")) is plain
    function = compiled(plain, torch.device("cuda"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert torch.equal(function(torch.zeros(1))[0], torch.ones(1))
    assert len(calls) == 1
    assert [record.getMessage().count("no compiler here") for record in caplog.records] == [1]
