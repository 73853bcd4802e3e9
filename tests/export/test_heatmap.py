"""The heatmap is a COG on the grid's cells whose sum is the probability inside the area."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from cvgl_core.errors import OutputError
from cvgl_core.export.heatmap import write_heatmap
from cvgl_core.types import Posterior


def with_posterior(case: Any, **change: object) -> Any:
    posterior: Posterior = replace(case.result.posterior, **change)  # type: ignore[arg-type]
    return replace(case, result=replace(case.result, posterior=posterior))


def test_contents(case: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.heatmap.tif"
    write_heatmap(path, case.result)
    posterior = case.result.posterior
    with rasterio.open(path, driver="GTiff") as dataset:
        assert dataset.dtypes == ("float32",) and dataset.nodata is not None
        assert dataset.crs.to_string() == posterior.crs
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1)
        assert dataset.res == (posterior.cell_m, posterior.cell_m)
        values = dataset.read(1)
        assert np.array_equal(values, posterior.probability)
        assert dataset.read(1, masked=True).sum() == pytest.approx(0.9, abs=1e-4)
        row, col = np.unravel_index(values.argmax(), values.shape)
        x, y = dataset.xy(row, col)
        assert np.hypot(x - case.centre[0], y - case.centre[1]) < posterior.cell_m
        assert dataset.tags()["photo_sha256"] == "ab" * 32
    assert [p.name for p in tmp_path.iterdir()] == ["a.heatmap.tif"]


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (300, 1)])
def test_any_size(case: Any, tmp_path: Path, shape: tuple[int, int]) -> None:
    odd = with_posterior(case, probability=np.full(shape, 1e-3, np.float32))
    write_heatmap(tmp_path / "a.tif", odd.result)
    with rasterio.open(tmp_path / "a.tif", driver="GTiff") as dataset:
        assert dataset.shape == shape


def test_same_bytes(case: Any, tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_heatmap(tmp_path / name, case.result)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_what_is_not_a_number_is_no_probability(case: Any, tmp_path: Path) -> None:
    holes = case.result.posterior.probability.copy()
    holes[:5] = np.nan
    holes[5:9] = np.inf
    write_heatmap(tmp_path / "a.tif", with_posterior(case, probability=holes).result)
    with rasterio.open(tmp_path / "a.tif", driver="GTiff") as dataset:
        assert np.isfinite(dataset.read(1)).all() and not dataset.read(1)[:9].any()


def test_unknown_crs(case: Any, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.tif"):
        write_heatmap(tmp_path / "a.tif", with_posterior(case, crs="nonsense").result)
    assert list(tmp_path.iterdir()) == []
