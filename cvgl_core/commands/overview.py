"""The page of a whole batch: ``index.html``, a map and a table of all photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cvgl_core.commands.outcome import Outcome
from cvgl_core.export.mapview import BaseMap
from cvgl_core.export.overview import OverviewEntry, OverviewInputs, write_overview
from cvgl_core.export.saved import saved_estimate
from cvgl_core.geo import from_lonlat
from cvgl_core.index import Collection, Index
from cvgl_core.localization.evidence import base_map
from cvgl_core.types import Bounds, Verdict

STEM = "index"
_MARGIN_M, _MARGIN = 120.0, 0.1
_MOST_ACROSS_M = 12_000.0
_NO_PICTURE = np.full((8, 8, 3), (176, 184, 178), np.uint8)


def write_batch_overview(
    folder: Path,
    index: Index | Collection,
    outcomes: Sequence[Outcome],
    reports: bool,
    files: tuple[str, ...],
) -> None:
    """Write the page.

    Args:
        folder: of the results.
        index: that was searched, the first of several: its imagery is the map.
        outcomes: of all photos.
        reports: whether each photo has a page.
        files: of the whole batch in ``folder``.

    Raises:
        IndexCorruptError: imagery is not as it was written.
        OutputError: the disk is full or the folder cannot be written.
    """
    entries = tuple(_entry(outcome, reports) for outcome in outcomes)
    write_overview(
        folder / f"{STEM}.html",
        OverviewInputs(
            title="Photos located",
            base=_base(index, entries),
            crs=index.grid.crs,
            entries=entries,
            made_by=next((one.values for one in outcomes if one.values is not None), {}),
            files=files,
        ),
    )


def _entry(outcome: Outcome, reports: bool) -> OverviewEntry:
    """Return a photo as the overview shows it."""
    return OverviewEntry(
        name=outcome.item.photo.path.name,
        estimate=None if outcome.values is None else saved_estimate(outcome.values),
        failure=outcome.failure,
        thumbnail=outcome.thumbnail,
        report_href=f"{outcome.item.name}.html" if reports else None,
    )


def _base(index: Index | Collection, entries: Sequence[OverviewEntry]) -> BaseMap:
    """Return the map around the photos; plain where they lie too far apart for imagery."""
    window = _window(index, entries)
    if max(window.right_m - window.left_m, window.top_m - window.bottom_m) > _MOST_ACROSS_M:
        return BaseMap(_NO_PICTURE, window)
    gsd_m = index.grid.tile_size_m / index.manifest.aerial_px
    return base_map(index, gsd_m, window, "")


def _window(index: Index | Collection, entries: Sequence[OverviewEntry]) -> Bounds:
    """Return the part of an index that holds all places found in it, grid metres."""
    whole = index.bounds()
    found = [one.estimate for one in entries if one.estimate is not None]
    places = [one for one in found if one.verdict is not Verdict.NOT_IN_AREA] or found
    x_m, y_m = from_lonlat(index.grid.crs, [p.lon for p in places], [p.lat for p in places])
    inside = (x_m >= whole.left_m) & (x_m <= whole.right_m)
    inside &= (y_m >= whole.bottom_m) & (y_m <= whole.top_m)
    if not inside.any():
        return whole
    x_m, y_m = x_m[inside], y_m[inside]
    margin_m = _MARGIN_M + _MARGIN * max(np.ptp(x_m), np.ptp(y_m))
    return Bounds(
        max(whole.left_m, float(x_m.min()) - margin_m),
        max(whole.bottom_m, float(y_m.min()) - margin_m),
        min(whole.right_m, float(x_m.max()) + margin_m),
        min(whole.top_m, float(y_m.max()) + margin_m),
    )
