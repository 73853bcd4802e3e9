"""The build with a real network, as the command runs it; with random weights, for speed."""

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import from_origin

from cvgl_core.errors import CvglError, SettingsError
from cvgl_core.index import Index
from tests.tiling.helpers import UTM, folder_bytes, world_raster
from tiling.build import build_index
from tiling.engines import DEFAULT_MODEL, load_describer
from tiling.raster.info import describe_raster


def test_build_with_a_network_from_a_weights_file(tmp_path: Path) -> None:
    from cvgl_core.models import create_model
    from cvgl_core.models.weights import save_weights

    model = create_model(DEFAULT_MODEL)
    sha256 = save_weights(tmp_path / "w.safetensors", model, model.card())
    describer = load_describer(str(tmp_path / "w.safetensors"), device="cpu")
    raster = world_raster(
        tmp_path / "w.tif", from_origin(500_000, 5_000_000, 0.5, 0.5), (320, 400), UTM
    )
    for name in ("a.cvgl", "b.cvgl"):
        build_index([describe_raster(raster)], tmp_path / name, describer)
    assert folder_bytes(tmp_path / "a.cvgl") == folder_bytes(tmp_path / "b.cvgl")
    index = Index.open(tmp_path / "a.cvgl")
    assert index.manifest.weights_sha256 == sha256 and len(index) > 20
    assert (index.manifest.tile_size_m, index.manifest.aerial_px) == (72.0, 128)
    own = describer.describe_tiles(index.tile_pixels([3]))
    assert np.abs(own - index.descriptors[3].astype(np.float32)).max() < 2e-3
    maps = describer.encode_tiles(index.tile_pixels([3]))[1][0]
    ((_, kept),) = index.tile_maps([3])
    assert kept.codes.nbytes == 4096
    restored = kept.codes[0].astype(np.float32) @ kept.basis.T
    assert np.abs((restored - np.moveaxis(maps, 0, -1)) ** 2).sum() < 0.1 * 64


def test_what_cannot_describe() -> None:
    with pytest.raises(CvglError, match="no-such-model"):
        load_describer("no-such-model")
    with pytest.raises(SettingsError, match="abacus"):
        load_describer(DEFAULT_MODEL, device="abacus")
