"""The whole path against known places: what ``cvgl evaluate`` measures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cvgl_core.errors import CvglError, SettingsError
from cvgl_core.evaluation.report import EvaluationReport, Outcome, Truth
from cvgl_core.fsio import confined_path
from cvgl_core.geo import from_lonlat, geodesic_distance_m, to_lonlat, wrapped
from cvgl_core.localization.localizer import Localizer, Search
from cvgl_core.photo import read_photo
from cvgl_core.types import Failure, Progress, no_progress

TRUTH_FILE = "truth.geojson"


def read_truth(folder: Path) -> tuple[Truth, ...]:
    """Read ``truth.geojson``: one Point a photo, with ``photo``, ``heading_deg``, ``fov_deg``.

    Raises:
        SettingsError: the file is missing or is not such a collection.
    """
    path = folder / TRUTH_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Truth(
                str(feature["properties"]["photo"]),
                float(feature["geometry"]["coordinates"][0]),
                float(feature["geometry"]["coordinates"][1]),
                _number(feature["properties"].get("heading_deg")),
                _number(feature["properties"].get("fov_deg")),
            )
            for feature in content["features"]
        )
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SettingsError(
            f"{path}: is not a collection of camera points as `cvgl simulate city` writes ({error})"
        ) from error


def evaluate(
    localizer: Localizer,
    folder: Path,
    truths: Sequence[Truth],
    *,
    unknown_heading: bool = False,
    progress: Progress = no_progress,
) -> EvaluationReport:
    """Locate every photo and compare with the truth; a photo that fails is recorded.

    Args:
        localizer: index, network and settings.
        folder: that the photos' names are relative to.
        truths: what is known of each photo.
        unknown_heading: search the heading, whatever the file says.
        progress: told after each photo.
    """
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    for done, truth in enumerate(truths):
        progress("locating photos", done, len(truths))
        try:
            outcomes.append(_outcome(localizer, folder, truth, unknown_heading))
        except CvglError as error:
            failures.append(Failure(truth.photo, type(error).__name__, str(error), error.exit_code))
    progress("locating photos", len(truths), len(truths))
    return EvaluationReport(
        len(localizer.index.rows), localizer.settings.depth, tuple(outcomes), tuple(failures)
    )


def _outcome(localizer: Localizer, folder: Path, truth: Truth, unknown_heading: bool) -> Outcome:
    photo = read_photo(confined_path(folder, truth.photo))
    search = localizer.search(localizer.view(photo, search=unknown_heading))
    result = localizer.conclude(photo, search)
    estimate, index = result.estimate, localizer.index
    x_m, y_m = from_lonlat(index.grid.crs, [truth.lon], [truth.lat])
    tile_x_m, tile_y_m = index.grid.centre(index.rows, index.cols)
    offset_m = np.maximum(abs(tile_x_m - x_m[0]), abs(tile_y_m - y_m[0]))
    right = int(offset_m.argmin())
    retrieval_rank = _retrieval_rank(localizer, search, right)
    order = [tile.tile for tile in search.fused.ranked]
    searched = search.view.centre_azimuth_deg is None
    return Outcome(
        truth=truth,
        result=result,
        retrieval_rank=retrieval_rank,
        rank=order.index(right) if right in order else max(retrieval_rank, len(order)),
        error_m=float(geodesic_distance_m(truth.lon, truth.lat, estimate.lon, estimate.lat)),
        given_tile_error_m=_given_tile_error_m(localizer, search, right, truth),
        chosen_covers=bool(offset_m[order[0]] <= index.grid.tile_size_m / 2),
        heading_error_deg=_turn(estimate.heading_deg, truth.heading_deg) if searched else None,
    )


def _retrieval_rank(localizer: Localizer, search: Search, right: int) -> int:
    """Return how many tiles of the whole index the right one stands behind, under the best roll."""
    index = localizer.index
    scores = index.descriptors[:].astype(np.float32) @ search.query.descriptors.T
    best = scores.max(axis=1)
    return int((best > best[right]).sum() + (best[:right] == best[right]).sum())


def _given_tile_error_m(localizer: Localizer, search: Search, right: int, truth: Truth) -> float:
    """Return the distance of the arg-max on the right tile to the camera."""
    index, engine = localizer.index, localizer.engine
    pixels = index.tile_pixels(np.array([right]))
    roll = 0
    if len(search.query.rolls) > 1:
        scores = engine.match_scores(search.query.features, pixels, search.query.rolls)
        roll = search.query.rolls[int(scores[0].argmax())]
    heatmap = engine.decode(search.query.features, pixels, [roll])[0]
    row, col = divmod(int(heatmap.argmax()), heatmap.shape[1])
    cell_m = index.grid.tile_size_m / heatmap.shape[1]
    half_m = index.grid.tile_size_m / 2
    tile_x_m, tile_y_m = index.grid.centre(index.rows[right], index.cols[right])
    lon, lat = to_lonlat(
        index.grid.crs,
        [float(tile_x_m) - half_m + (col + 0.5) * cell_m],
        [float(tile_y_m) + half_m - (row + 0.5) * cell_m],
    )
    return float(geodesic_distance_m(truth.lon, truth.lat, float(lon[0]), float(lat[0])))


def _turn(found_deg: float | None, true_deg: float | None) -> float | None:
    """Return the angle between two headings, 0 to 180."""
    if found_deg is None or true_deg is None:
        return None
    return abs(wrapped(found_deg - true_deg))


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
