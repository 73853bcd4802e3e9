"""``cvgl doctor``: what is installed, and whether it works."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata

import typer

from cvgl_core import __version__
from cvgl_core.console import AsJson, Verbose, one_line
from cvgl_core.errors import CvglError

PACKAGES = (
    "torch",
    "timm",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "rasterio",
    "pyproj",
    "shapely",
    "safetensors",
    "pydantic",
    "typer",
)
OPTIONAL = ("faiss-cpu", "faiss-gpu-cu12", "pillow-heif", "ray")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``ok`` is None for plain information."""

    name: str
    ok: bool | None
    detail: str


def doctor(as_json: AsJson = False, verbose: Verbose = 0) -> None:
    """Show versions and the device, and test that every part works.

    Exit code 10 if a part does not.
    """
    checks = all_checks()
    if as_json:
        typer.echo(json.dumps(diagnosis(checks)))
    else:
        for check in checks:
            mark = {True: "ok", False: "FAIL", None: "--"}[check.ok]
            typer.echo(f"{mark:4}  {check.name}: {one_line(check.detail)}")
    if not healthy(checks):
        raise typer.Exit(CvglError.exit_code)


def healthy(checks: Sequence[Check]) -> bool:
    """Tell whether nothing failed."""
    return all(check.ok is not False for check in checks)


def diagnosis(checks: Sequence[Check]) -> dict[str, object]:
    """Return checks as ``--json`` prints them."""
    return {"ok": healthy(checks), "checks": [asdict(check) for check in checks]}


def all_checks() -> list[Check]:
    """Look at everything."""
    checks = [
        Check("cvgl", None, __version__),
        Check("python", None, f"{platform.python_version()} on {platform.platform()}"),
    ]
    checks += [_version(name, needed=True) for name in PACKAGES]
    checks += [_version(name, needed=False) for name in OPTIONAL]
    checks += [
        _tried("projections", check_projections),
        _tried("rasters", check_rasters),
        _tried("device", describe_device),
        _tried("weights", check_weights),
    ]
    return checks


def check_projections() -> str:
    """Compute a UTM position whose value is known (EPSG guidance note 7-2 form)."""
    from cvgl_core.geo import from_lonlat, metric_crs_for, to_lonlat

    crs = metric_crs_for(15.0, 45.0)
    x_m, y_m = from_lonlat(crs, [15.0], [45.0])
    lon, lat = to_lonlat(crs, x_m, y_m)
    if not (abs(x_m[0] - 500_000.0) < 0.01 and abs(y_m[0] - 4_982_950.4) < 1.0):
        raise ValueError(f"{crs} puts 15 E 45 N at {x_m[0]:.2f}, {y_m[0]:.2f}")
    if not (abs(lon[0] - 15.0) < 1e-9 and abs(lat[0] - 45.0) < 1e-9):
        raise ValueError("a position does not come back from the projection")
    return f"PROJ (pyproj {metadata.version('pyproj')}) and its data work"


def check_rasters() -> str:
    """Make a small heatmap with a coordinate system."""
    from pathlib import Path

    import numpy as np

    from cvgl_core.export.heatmap import heatmap_bytes
    from cvgl_core.types import Posterior

    made_up = Posterior(np.full((8, 8), 1 / 64, np.float32), "EPSG:32633", 5e5, 5e6, 0.5, 0.0)
    data = heatmap_bytes(made_up, {}, Path("self-test.tif"))
    if data[:2] not in (b"II", b"MM"):
        raise ValueError("GDAL does not write GeoTIFF")
    return f"GDAL (rasterio {metadata.version('rasterio')}) and its data work"


def describe_device() -> str:
    """Say what networks run on."""
    import torch

    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name(0)}; torch {torch.__version__}"
    return f"cpu, {torch.get_num_threads()} threads; torch {torch.__version__}"


def check_weights() -> str:
    """Run every bundled model on a small made-up scene, twice."""
    import numpy as np

    from cvgl_core.models import bundled_path, list_models, load_engine
    from cvgl_core.types import GroundView

    tested = []
    for name in list_models():
        if bundled_path(name) is None:
            continue
        engine = load_engine(name)
        card, noise = engine.card, np.random.default_rng(0)
        side, spec = card.aerial_px, card.ground
        tiles = noise.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
        strip = noise.integers(0, 256, (spec.height_px, spec.width_px, 3), dtype=np.uint8)
        view = GroundView(strip, np.ones(spec.width_px, np.bool_), 0.0)
        query = engine.describe_view(view)
        first, second = engine.describe_tiles(tiles), engine.describe_tiles(tiles)
        heat = engine.decode(query, tiles, (0, 0))
        norms = np.linalg.norm(first, axis=1)
        if not (np.allclose(norms, 1.0, atol=1e-3) and np.array_equal(first, second)):
            raise ValueError(f"{name}: descriptors are wrong or change from run to run")
        if not np.isfinite(heat).all():
            raise ValueError(f"{name}: its heatmaps are not finite")
        tested.append(f"{name} ({(card.weights_sha256 or '')[:12]})")
    if not tested:
        raise ValueError("no model comes with weights; train one with cvgl train")
    return ", ".join(tested) + " loaded and tested"


def _version(name: str, *, needed: bool) -> Check:
    """Return the version of a package."""
    try:
        return Check(name, True if needed else None, metadata.version(name))
    except metadata.PackageNotFoundError:
        detail = "is not installed" if needed else "not installed (optional)"
        return Check(name, False if needed else None, detail)


def _tried(name: str, test: Callable[[], str]) -> Check:
    """Run a test; whatever goes wrong is its result."""
    try:
        return Check(name, True, test())
    except Exception as error:
        return Check(name, False, f"{type(error).__name__}: {error}")
