# SPDX-License-Identifier: GPL-2.0-or-later
"""Results in words, in the user's language; no surer than the figures."""

from __future__ import annotations

import math
import re
from typing import Any

from .directions import Directions
from .i18n import tr
from .result import Json

EVEN = 0.5
NBSP = "\u00a0"


def verdict_title(estimate: Json) -> str:
    """Return the verdict as a heading: the word that the software stands behind."""
    if estimate.get("verdict") == "not_in_area":
        return tr("Not in this area")
    return {
        "strong": tr("Located: strong evidence"),
        "possible": tr("Located: possible"),
        "weak": tr("Ambiguous: weak evidence"),
    }.get(estimate.get("confidence"), tr("Ambiguous: weak evidence"))


def verdict_text(estimate: Json) -> str:
    """Return the verdict's figures as a sentence or two."""
    outside = percent(estimate.get("outside_probability"))
    place = lonlat(estimate["lon"], estimate["lat"])
    if estimate.get("verdict") == "not_in_area":
        return tr(
            "Nothing here explains the photo well; chance that it was taken elsewhere: {outside}. "
            "The best place inside, {place}, should not be relied on."
        ).format(outside=outside, place=place)
    figures = tr(
        "{place}. Probability {probability}; half of it within {near}, nine tenths within {far}."
    ).format(
        place=place,
        probability=percent(estimate.get("probability")),
        near=metres(estimate.get("radius_50_m")),
        far=metres(estimate.get("radius_90_m")),
    )
    if (estimate.get("outside_probability") or 0.0) > EVEN:
        # A calibration that held for this photo would have said "not in this area".
        caution = tr("The scores are not calibrated for such a photo: read them as an order only.")
    else:
        caution = tr("Chance of elsewhere: {outside}.").format(outside=outside)
    return f"{figures} {caution}"


def percent(probability: float | None) -> str:
    """Return a probability as a percentage that never claims 0 or 100."""
    if probability is None or not math.isfinite(probability):
        return tr("unknown")
    if probability < 0.01:
        return f"<{NBSP}1{NBSP}%"
    if probability > 0.99:
        return f">{NBSP}99{NBSP}%"
    return f"{100.0 * probability:.0f}{NBSP}%"


def metres(value_m: float | None) -> str:
    """Return a distance with as many figures as it deserves."""
    if value_m is None or not math.isfinite(value_m):
        return tr("unknown")
    if value_m < 10.0:
        return f"{value_m:.1f}{NBSP}m"
    return f"{value_m:.0f}{NBSP}m" if value_m < 2000.0 else f"{value_m / 1000.0:.1f}{NBSP}km"


def lonlat(lon: float, lat: float) -> str:
    """Return a place as people write it: latitude first, with letters."""
    north = tr("N") if lat >= 0 else tr("S")
    east = tr("E") if lon >= 0 else tr("W")
    return f"{abs(lat):.6f}°{NBSP}{north}, {abs(lon):.6f}°{NBSP}{east}"


def heading(heading_deg: float | None, std_deg: float | None = None) -> str:
    """Return where the camera looked, with its uncertainty where there is one."""
    if heading_deg is None:
        return tr("heading unknown")
    text = tr("heading {degrees}°").format(degrees=f"{heading_deg % 360.0:.0f}")
    return text if not std_deg else f"{text} ± {std_deg:.0f}°"


def direction(told: Directions, azimuth_deg: float) -> str:
    """Return what the direction of an azimuth says, in hundredths of the score."""
    column = told.column(azimuth_deg)
    left_deg = (told.first_deg + column * told.width_deg) % 360.0
    span = f"{left_deg:.0f}\u2013{(left_deg + told.width_deg) % 360.0:.0f}°"
    if told.told[column] is None:
        return tr("{span}: not seen").format(span=span)
    said = tr("{span}: {here} here").format(span=span, here=_points(told.told[column]))
    if told.rivals[column] is None:
        return said
    return said + ", " + tr("{there} elsewhere").format(there=_points(told.rivals[column]))


def _points(told: float) -> str:
    """Return a part of a score in hundredths, with its sign."""
    return f"{100.0 * told:+.1f}".replace("-", "\u2212")


def candidate_title(candidate: Json) -> str:
    """Return a candidate's first line: rank, probability and place (latitude first)."""
    return "#{}   {}   {:.5f}, {:.5f}".format(
        candidate["rank"],
        percent(candidate.get("probability")),
        candidate["lat"],
        candidate["lon"],
    )


def candidate_text(candidate: Json, estimate: Json) -> str:
    """Return a candidate's second line: how its rank changed, and for the first, how sure."""
    parts = [
        tr("rank {before} → {after}").format(
            before=candidate.get("retrieval_rank"), after=candidate["rank"]
        )
    ]
    heading_deg = candidate.get("heading_deg")
    if candidate["rank"] == 1:
        parts.append(heading(estimate.get("heading_deg"), estimate.get("heading_std_deg")))
        parts.append("± " + metres(estimate.get("radius_50_m")))
    elif heading_deg is not None:
        parts.append(heading(heading_deg))
    return " · ".join(parts)


def photo_facts(photo: Json) -> str:
    """Return what a photo's file says about it; `photo` as `describe_photo` answers."""
    size = f"{photo['width_px']} x {photo['height_px']}"
    parts = [size, tr("panorama") if photo.get("panorama") else tr("photo")]
    camera = value_of(photo, "camera")
    if camera:
        parts.append(camera)
    fov_deg, heading_deg = value_of(photo, "fov_deg"), value_of(photo, "heading_deg")
    if fov_deg is None:
        parts.append(tr("field of view unknown"))
    else:
        parts.append(tr("field of view {degrees}°").format(degrees=f"{fov_deg:.0f}"))
    if heading_deg is None:
        parts.append(tr("heading unknown"))
    else:
        parts.append(heading(heading_deg))
    return " · ".join(parts)


def photo_sources(photo: Json) -> str:
    """Return where each value was found and what was odd, one line each."""
    lines = [
        f"{name}: {value['value']} ({value['source']})"
        for name, value in photo.get("values", {}).items()
        if value.get("value") is not None
    ]
    return "\n".join(lines + list(photo.get("warnings", ())))


def gps_note(photo: Json, used: bool) -> str:
    """Return what is said about the position in a photo's file; empty where it has none."""
    if value_of(photo, "exif_lon") is None:
        return ""
    place = lonlat(value_of(photo, "exif_lon"), value_of(photo, "exif_lat"))
    if used:
        return tr("EXIF GPS used: {place}").format(place=place)
    return tr("EXIF GPS present, not used")


def index_title(info: Json) -> str:
    """Return an index in one line: name, tiles, resolution, CRS."""
    return tr("{name} · {tiles} tiles, {gsd} m, {crs}").format(
        name=info["name"],
        tiles=f"{info['tiles']:,}".replace(",", " "),
        gsd=f"{info['gsd_m_per_px']:.2f}",
        crs=info["crs"],
    )


def index_facts(info: Json) -> str:
    """Return all that is known of an index, one line each."""
    west, south, east, north = info["bbox"]
    rows = (
        (tr("Folder"), info["path"]),
        (tr("Tiles"), f"{info['tiles']} x {info['tile_size_m']:g} m, {info['stride_m']:g} m apart"),
        (tr("Pixel"), f"{info['gsd_m_per_px']:.3f} m"),
        (tr("CRS"), info["crs"]),
        (tr("Bounds"), f"{lonlat(west, south)} - {lonlat(east, north)}"),
        (tr("Imagery"), ", ".join(info["sources"])),
        (tr("Model"), info["model"]),
        (tr("Index"), f"{info['index_id']}, {tr('version')} {info['version']}"),
    )
    return "\n".join(f"{name}: {value}" for name, value in rows)


def stage(name: str, text: str) -> str:
    """Return a stage of the engine in the user's language, with the figures of its own words."""
    words = {
        "waiting": tr("Waiting for the engine"),
        "reading": tr("Reading the photo and the index"),
        "describing": tr("Describing the photo"),
        "searching": tr("Searching the index"),
        "matching": tr("Comparing with tiles"),
        "decoding": tr("Placing the camera"),
        "fusing": tr("Weighing the evidence"),
        "writing": tr("Writing the results"),
    }.get(name)
    if words is None:
        return text
    return " ".join([words, " / ".join(re.findall(r"\d+", text))]).strip()


def value_of(photo: Json, name: str) -> Any:
    """Return a value of the photo's metadata, None where the file is silent."""
    return photo.get("values", {}).get(name, {}).get("value")
