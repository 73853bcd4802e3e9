"""Results read back from files: what ``cvgl locate`` wrote and an analyst may have added to.

A file holds one JSON document (``NAME.geojson``), or one a line (what ``--json`` prints); a
document is a result or a failure, held against ``schemas/result.schema.json`` before it is used.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cvgl_core.errors import ResultFileError
from cvgl_core.export.geojson import DECIMALS, SCHEMA_PATH, failure_to_json, to_line
from cvgl_core.fsio import output_errors, write_bytes
from cvgl_core.types import Confidence, Estimate, Failure, Verdict

LIMIT_BYTES = 64_000_000
FAILURES_NAME = "failures.jsonl"
"""Where a batch keeps what ``--json`` printed for photos that failed."""

_M_PER_DEGREE = 111_320.0
_PRECISE = ("exif_lon", "exif_lat", "exif_distance_m")


@dataclass(frozen=True)
class SavedResult:
    """A result as its file tells it.

    Attributes:
        name: of the files made from it, without suffix.
        collection: the GeoJSON FeatureCollection.
        heatmap: the GeoTIFF beside it, if there is one.
        report: the page beside it, if there is one.
    """

    name: str
    collection: dict[str, Any]
    heatmap: Path | None = None
    report: Path | None = None

    @property
    def estimate(self) -> dict[str, Any]:
        """The properties of the estimate."""
        properties: dict[str, Any] = self.features("estimate")[0]["properties"]
        return properties

    def features(self, kind: str) -> list[dict[str, Any]]:
        """Return the features of a kind, in the order of the file."""
        return [one for one in self.collection["features"] if one["properties"]["kind"] == kind]


Row = SavedResult | Failure
"""What a table has a row for: a photo that has an answer, or one that failed."""


def read_saved(paths: Iterable[Path]) -> Iterator[Row]:
    """Yield the results and failures of files, in order; one file is held at a time.

    Raises:
        ResultFileError: a file is missing, is not JSON, or does not keep to the schema.
    """
    for path in paths:
        documents = _documents(path)
        for number, document in enumerate(documents, start=1):
            _validate(path, number, document)
            if document["type"] == "Failure":
                yield _failure(document)
            else:
                yield _result(path, document, alone=len(documents) == 1)


def keep_failures(folder: Path, photos: Collection[str], failures: Sequence[Failure]) -> None:
    """Write down which photos failed, beside the results; of other photos the old rows stay.

    Args:
        folder: of the results.
        photos: all that were tried now.
        failures: those of them that failed.

    Raises:
        ResultFileError: the file that is there holds something else.
        OutputError: the disk is full or the folder cannot be written.
    """
    path = folder / FAILURES_NAME
    others: list[Failure] = []
    if path.is_file():
        rows = [row for row in read_saved([path]) if isinstance(row, Failure)]
        others = [row for row in rows if row.item not in photos]
    if others or failures:
        lines = (to_line(failure_to_json(row)) + "\n" for row in (*others, *failures))
        write_bytes(path, "".join(lines).encode())
    elif path.is_file():
        with output_errors(path):
            path.unlink()


def saved_estimate(values: Mapping[str, Any]) -> Estimate:
    """Return an estimate from its properties in a file."""
    radii = (values["radius_50_m"], values["radius_90_m"])
    radius_50_m, radius_90_m = (math.nan if one is None else one for one in radii)
    return Estimate(
        lon=values["lon"],
        lat=values["lat"],
        probability=values["probability"],
        radius_50_m=radius_50_m,
        radius_90_m=radius_90_m,
        heading_deg=values["heading_deg"],
        heading_std_deg=values["heading_std_deg"],
        verdict=Verdict(values["verdict"]),
        confidence=Confidence(values["confidence"]),
    )


def coarsened(result: SavedResult, side_m: float) -> SavedResult:
    """Return a result that tells the place no closer than a square of ``side_m``.

    The place moves to the middle of its square of a fixed lattice in degrees; the radii grow by
    half a diagonal, so that they hold what they held. Whatever tells more is left out: candidates,
    regions, the position in the photo's EXIF, settings, the heatmap and the report.
    """
    estimate = copy.deepcopy(result.features("estimate")[0])
    properties = estimate["properties"]
    properties["lon"], properties["lat"] = _snapped(properties["lon"], properties["lat"], side_m)
    for radius in ("radius_50_m", "radius_90_m"):
        if properties[radius] is not None:
            properties[radius] = round(properties[radius] + side_m * math.sqrt(0.5), 1)
    properties |= dict.fromkeys(_PRECISE) | {"coarsened_m": side_m}
    place = [properties["lon"], properties["lat"]]
    estimate["geometry"]["coordinates"] = place
    provenance = {k: v for k, v in result.collection["provenance"].items() if k != "settings"}
    collection = {
        "type": "FeatureCollection",
        "bbox": place * 2,
        "features": [estimate],
        "provenance": provenance,
    }
    return replace(result, collection=collection, heatmap=None, report=None)


def saved_files(path: Path) -> tuple[Path, ...]:
    """Return the files of results at ``path``: itself, or those in a folder and the folders in it.

    In a folder, other GeoJSON files are passed over.
    """
    if not path.is_dir():
        return (path,)
    results = (one for one in path.rglob("*.geojson") if _looks_like_result(one))
    return (*sorted(results), *sorted(path.rglob(FAILURES_NAME)))


def write_saved(folder: Path, rows: Iterable[Row]) -> None:
    """Write ``NAME.geojson`` for each result; of the same name, the next become ``NAME-2`` ...

    Failures are kept beside them.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    given: set[str] = set()
    failures: list[Failure] = []
    for result in rows:
        if isinstance(result, Failure):
            failures.append(result)
            continue
        name, number = result.name, 1
        while name.casefold() in given:
            number += 1
            name = f"{result.name}-{number}"
        given.add(name.casefold())
        write_bytes(folder / f"{name}.geojson", to_line(result.collection).encode() + b"\n")
    keep_failures(folder, [failure.item for failure in failures], failures)


def _looks_like_result(path: Path) -> bool:
    """Tell whether a GeoJSON file is by this program: it says how it was made."""
    with path.open("rb") as stream:
        return b'"provenance"' in stream.read(LIMIT_BYTES)


def _documents(path: Path) -> list[Any]:
    """Return the JSON documents of a file: one, or one a line.

    Raises:
        ResultFileError: the file is missing, too large, or is not JSON.
    """
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise ResultFileError(f"{path}: too large for results; name the files of one batch")
        text = path.read_text("utf-8")
        try:
            return [json.loads(text)]
        except ValueError:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
    except OSError as error:
        raise ResultFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise ResultFileError(f"{path}: is not JSON; name files made by cvgl locate") from error


@cache
def _validator() -> Any:
    """Return what holds a document against the shipped schema."""
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text("utf-8")))


def _validate(path: Path, number: int, document: Any) -> None:
    """Check one document.

    Raises:
        ResultFileError: it is neither a result nor a failure.
    """
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(document))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the whole document"
        raise ResultFileError(
            f"{path}: document {number} is not a result of cvgl locate"
            f" ({where}: {error.message[:200]})"
        )


def _result(path: Path, collection: dict[str, Any], alone: bool) -> SavedResult:
    """Return a result with the files beside it; those of one in many cannot be told."""
    if not alone:
        return SavedResult(Path(collection["provenance"]["photo"]).stem, collection)
    heatmap = path.with_name(f"{path.stem}.heatmap.tif")
    report = path.with_name(f"{path.stem}.html")
    return SavedResult(
        path.stem,
        collection,
        heatmap if heatmap.is_file() else None,
        report if report.is_file() else None,
    )


def _failure(document: dict[str, Any]) -> Failure:
    """Return the record of a photo that could not be used."""
    code = document.get("exit_code", ResultFileError.exit_code)
    return Failure(document["photo"], document["error"], document["message"], code)


def _snapped(lon: float, lat: float, side_m: float) -> tuple[float, float]:
    """Return the middle of the square that holds a place; rows are cut alike everywhere."""
    step = min(side_m / _M_PER_DEGREE, 180.0)
    lat = min(max((math.floor(lat / step) + 0.5) * step, -90.0), 90.0)
    columns = math.ceil(360.0 * max(math.cos(math.radians(lat)), 1e-9) / step)
    column = math.floor((lon + 180.0) / 360.0 * columns) % columns
    return round((column + 0.5) / columns * 360.0 - 180.0, DECIMALS), round(lat, DECIMALS)
