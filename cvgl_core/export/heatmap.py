"""The posterior as a Cloud Optimized GeoTIFF: float32 probability per cell, in the grid's CRS."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from cvgl_core.errors import OutputError
from cvgl_core.fsio import write_bytes
from cvgl_core.types import LocalizationResult, Posterior

NODATA = 0.0
"""A cell without probability holds no data: maps leave it clear, sums stay right."""

BLOCK_PX = 256


def write_heatmap(path: Path, result: LocalizationResult) -> None:
    """Write ``NAME.heatmap.tif`` atomically, with overviews; the same result gives the same bytes.

    Raises:
        OutputError: the file cannot be made, the disk is full or the folder cannot be written.
    """
    tags = {
        "photo": result.provenance.photo,
        "photo_sha256": result.provenance.photo_sha256,
        "index_id": result.provenance.index_id,
        "model": result.provenance.model,
        "weights_sha256": result.provenance.weights_sha256,
        "software": result.provenance.software,
        "outside_probability": f"{result.posterior.outside_probability:.6f}",
    }
    write_bytes(path, heatmap_bytes(result.posterior, tags, path))


def heatmap_bytes(posterior: Posterior, tags: dict[str, str], path: Path) -> bytes:
    """Return the file's bytes; ``path`` is only named in errors.

    Raises:
        OutputError: GDAL refuses, for example an unknown CRS.
    """
    probability = np.nan_to_num(posterior.probability, posinf=0.0, neginf=0.0)
    probability = np.maximum(probability, 0.0).astype(np.float32)
    height, width = probability.shape
    try:
        with MemoryFile(ext=".tif") as plain, MemoryFile(ext=".tif") as cog:
            with plain.open(
                driver="GTiff",
                height=height,
                width=width,
                count=1,
                dtype="float32",
                crs=posterior.crs,
                nodata=NODATA,
                transform=rasterio.Affine(
                    posterior.cell_m, 0.0, posterior.left_m, 0.0, -posterior.cell_m, posterior.top_m
                ),
            ) as dataset:
                dataset.write(probability, 1)
                dataset.set_band_description(1, "probability of the camera per cell")
                dataset.update_tags(**tags)
            rasterio.shutil.copy(
                plain.name,
                cog.name,
                driver="COG",
                compress="DEFLATE",
                predictor="YES",
                blocksize=BLOCK_PX,
                overviews="NONE" if max(width, height) < 16 else "AUTO",
                overview_count=max(1, math.ceil(math.log2(max(width, height) / BLOCK_PX))),
                overview_resampling="AVERAGE",
                resampling="AVERAGE",
            )
            return bytes(cog.read())
    except (RasterioError, ValueError, SystemError) as error:
        raise OutputError(f"{path}: the heatmap cannot be made ({error})") from error
