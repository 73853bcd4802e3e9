# SPDX-License-Identifier: GPL-2.0-or-later
"""A result as the plugin reads it: the engine's GeoJSON, and what the analyst adds to it.

Standard library only. The file stays a valid result of the engine; the analyst's judgement goes
into properties of its own, ``analyst_confidence`` and ``analyst_note``, on the estimate (the
finding) and on each candidate.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]
ANALYST_CONFIDENCE = "analyst_confidence"
ANALYST_NOTE = "analyst_note"
VERIFIED, STRONG, POSSIBLE, UNVERIFIED, FALSE = WORDS = (
    "verified",
    "strong possibility",
    "possible",
    "unverified",
    "false",
)


class Place(NamedTuple):
    """A place in degrees, WGS 84."""

    lon: float
    lat: float


class ResultError(Exception):
    """A result file is missing or is not one; the message names it and says what to do."""


class Result:
    """One photo's answer, held as the features of its GeoJSON file.

    Attributes:
        path: the GeoJSON file.
        estimate: properties of the estimate.
        candidates: properties of the candidates, best first.
    """

    def __init__(self, path: str | Path, collection: Json) -> None:
        self.path = Path(path)
        self._collection = collection
        self._features = {"estimate": [], "candidate": [], "credible_region": []}
        for feature in collection["features"]:
            self._features.setdefault(feature["properties"]["kind"], []).append(feature)
        self._features["candidate"].sort(key=lambda feature: feature["properties"]["rank"])
        for feature in self._features["estimate"] + self._features["candidate"]:
            feature["properties"].setdefault(ANALYST_CONFIDENCE, None)
            feature["properties"].setdefault(ANALYST_NOTE, None)
        self.estimate = self._features["estimate"][0]["properties"]
        self.candidates = [feature["properties"] for feature in self._features["candidate"]]

    @property
    def place(self) -> Place:
        """The estimate's place."""
        return Place(self.estimate["lon"], self.estimate["lat"])

    @property
    def provenance(self) -> Json:
        """What made the result."""
        return self._collection.get("provenance", {})

    @property
    def evidence(self) -> Json:
        """What the engine says that it rests on, empty where it did not look."""
        found = self._collection.get("evidence")
        return found if isinstance(found, dict) else {}

    @property
    def heatmap(self) -> Path:
        """The heatmap beside the result."""
        return self.path.with_name(self.path.stem + ".heatmap.tif")

    @property
    def photo(self) -> Path:
        """The upright preview of the photo beside the result."""
        return self.path.with_name(self.path.stem + ".photo.jpg")

    @property
    def shapes(self) -> Path:
        """The plugin's own drawing beside the result: circles, heading cone, searched area."""
        return self.path.with_name(self.path.stem + ".shapes.json")

    @property
    def report(self) -> Path:
        """The page with everything, beside the result."""
        return self.path.with_name(self.path.stem + ".html")

    def tile(self, rank: int) -> Path:
        """Return the path of the picture of the candidate with a rank."""
        return self.path.with_name(self.path.stem + ".tiles") / f"{rank}.jpg"

    def ring(self, rank: int) -> list[Place] | None:
        """Return a candidate's corners, from the tile's lower left round by its lower right.

        None where the tile is cut by the antimeridian: it has no single outline then.
        """
        shape = self._candidate(rank)["geometry"]
        if shape["type"] != "Polygon":
            return None
        return [Place(*point[:2]) for point in shape["coordinates"][0][:4]]

    def spot(self, rank: int) -> Place:
        """Return a candidate's own best place."""
        candidate = self._candidate(rank)["properties"]
        return Place(candidate["lon"], candidate["lat"])

    def heading_deg(self, rank: int = 1) -> float | None:
        """Return the heading that a candidate means, else the estimate's, else None."""
        own = self._candidate(rank)["properties"].get("heading_deg")
        return self.estimate.get("heading_deg") if own is None else own

    def accepted(self) -> int | None:
        """Return the rank of the candidate that the analyst accepted, or None."""
        ranks = (c["rank"] for c in self.candidates if c[ANALYST_CONFIDENCE] == VERIFIED)
        return next(ranks, None)

    def judge(self, rank: int, word: str | None) -> None:
        """Set the analyst's word for a candidate; accepting one takes back any other acceptance."""
        if word == VERIFIED:
            for candidate in self.candidates:
                if candidate[ANALYST_CONFIDENCE] == VERIFIED:
                    candidate[ANALYST_CONFIDENCE] = None
        self._candidate(rank)["properties"][ANALYST_CONFIDENCE] = word

    def annotate(self, rank: int, note: str) -> None:
        """Set the analyst's note on a candidate; an empty one takes it away."""
        self._candidate(rank)["properties"][ANALYST_NOTE] = note or None

    def conclude(self, word: str | None, note: str) -> None:
        """Set the finding: the analyst's word and note on the estimate."""
        self.estimate[ANALYST_CONFIDENCE] = word
        self.estimate[ANALYST_NOTE] = note or None

    def save(self) -> None:
        """Write the file anew, whole or not at all.

        Raises:
            OSError: the folder cannot be written.
        """
        write_json(self.path, self._collection)

    def _candidate(self, rank: int) -> Json:
        """Return the feature of a candidate."""
        found = (f for f in self._features["candidate"] if f["properties"]["rank"] == rank)
        return next(found)


def read_result(path: str | Path) -> Result:
    """Return the result in a GeoJSON file.

    Raises:
        ResultError: the file is missing or is not a result.
    """
    try:
        collection = json.loads(Path(path).read_text(encoding="utf-8"))
        result = Result(path, collection)
        places = [result.place] + [Place(c["lon"], c["lat"]) for c in result.candidates]
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ResultError(f"{path}: is not a result of cvgl; locate the photo again") from error
    if not all(
        isinstance(value, (int, float)) and math.isfinite(value) for value in sum(places, ())
    ):
        raise ResultError(f"{path}: names no place; locate the photo again")
    return result


def write_json(path: str | Path, value: object) -> None:
    """Write JSON atomically: readers see the old file or the new one.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".cvgl-{os.getpid()}.tmp")
    try:
        temporary.write_text(
            json.dumps(value, ensure_ascii=False, allow_nan=False), encoding="utf-8"
        )
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
