"""The result file: the contract, RFC 7946, and nothing that is not JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import LinearRing, shape

from cvgl_core.errors import OutputError, PhotoOpenError
from cvgl_core.evidence import Directions, Evidence, PlaceEvidence
from cvgl_core.export.geojson import (
    SCHEMA_PATH,
    failure_to_json,
    result_to_geojson,
    to_line,
    write_geojson,
)
from cvgl_core.types import Failure

jsonschema = pytest.importorskip("jsonschema")

PLACES = [(8.54, 47.37), (179.99995, -16.8), (-179.99995, 65.0), (-70.0, -33.4), (24.9, 60.2)]


def features(collection: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [f for f in collection["features"] if f["properties"]["kind"] == kind]


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(SCHEMA_PATH.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("place", PLACES)
def test_schema_and_rfc_7946(place: tuple[float, float], validator: Any, make: Any) -> None:
    collection = json.loads(to_line(result_to_geojson(make(*place).result)))
    validator.validate(collection)
    west, south, east, north = collection["bbox"]
    for feature in collection["features"]:
        geometry = feature["geometry"]
        assert shape(geometry).is_valid
        polygons = geometry["coordinates"]
        if geometry["type"] == "Point":
            assert polygons == [pytest.approx(place[0]), pytest.approx(place[1])]
            continue
        for rings in [polygons] if geometry["type"] == "Polygon" else polygons:
            assert LinearRing(rings[0]).is_ccw
            assert not any(LinearRing(hole).is_ccw for hole in rings[1:])
            longitudes = np.array(rings[0])[:, 0]
            assert np.ptp(longitudes) < 1.0, "not cut at the antimeridian"
            for x, y in rings[0]:
                assert south <= y <= north
                assert west <= x <= east if west <= east else (x >= west or x <= east)
                assert round(x, 7) == x and round(y, 7) == y


def test_the_contract(case: Any) -> None:
    collection = result_to_geojson(case.result)
    (estimate,) = features(collection, "estimate")
    for name in (
        "rank lon lat probability radius_50_m radius_90_m heading_deg heading_std_deg verdict"
        " confidence photo photo_sha256 index_id index_version model weights_sha256 software"
        " created_at exif_lon exif_lat exif_distance_m"
    ).split():
        assert name in estimate["properties"], name
    assert estimate["properties"]["heading_std_deg"] is None
    assert estimate["properties"]["verdict"] == "located"
    candidates = features(collection, "candidate")
    assert [c["properties"]["rank"] for c in candidates] == list(range(1, 7))
    for name in "retrieval_rank tile_id score retrieval_score match_score lon lat".split():
        assert name in candidates[0]["properties"], name
    assert [r["properties"]["level"] for r in features(collection, "credible_region")] == [0.5, 0.9]
    assert collection["provenance"]["settings"]["depth"] == "50"


def test_only_finite_numbers(case: Any, validator: Any) -> None:
    odd = replace(
        case.result.estimate, radius_90_m=math.inf, heading_deg=math.nan,
        probability=np.float32(0.5),  # type: ignore[arg-type]
    )  # fmt: skip
    result = replace(case.result, estimate=odd, exif_distance_m=math.nan)
    line = to_line(result_to_geojson(result))
    assert "NaN" not in line and "Infinity" not in line and "\n" not in line
    validator.validate(json.loads(line))
    properties = json.loads(line)["features"][0]["properties"]
    assert properties["radius_90_m"] is None and properties["exif_distance_m"] is None
    assert properties["probability"] == 0.5


def test_open_and_clockwise_outlines_are_put_right(case: Any) -> None:
    first = case.result.candidates[0]
    turned = replace(first, polygon=first.polygon[:-1][::-1])
    result = replace(case.result, candidates=(turned,))
    (tile,) = features(result_to_geojson(result), "candidate")
    ring = tile["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1] and LinearRing(ring).is_ccw


def test_file_is_what_stdout_says(case: Any, tmp_path: Path) -> None:
    write_geojson(tmp_path / "a.geojson", case.result)
    text = (tmp_path / "a.geojson").read_text(encoding="utf-8")
    assert text == to_line(result_to_geojson(case.result)) + "\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.geojson"]


def test_evidence_stands_beside_the_features(case: Any, validator: Any) -> None:
    directions = Directions(180.0, 22.5, (0.01, None), (float("nan"), None))
    first = PlaceEvidence(1, None, ("fits",), directions)
    told = Evidence("a full circle", ("old imagery",), (first, PlaceEvidence(2, 3.0, ())))
    collection = result_to_geojson(replace(case.result, evidence=told))
    validator.validate(json.loads(to_line(collection)))
    assert collection["evidence"]["places"][0]["directions"]["rivals"] == [None, None]
    assert "evidence" not in result_to_geojson(case.result)


def test_hostile_words_stay_words(validator: Any, make: Any) -> None:
    words = '"<script>\u2028\u202e]]>=cmd()\n\\'
    line = to_line(result_to_geojson(make(hostile=words).result))
    assert "\n" not in line
    collection = json.loads(line)
    validator.validate(collection)
    assert collection["provenance"]["settings"]["note"] == words


def test_failure(validator: Any) -> None:
    failure = Failure("a.jpg", "PhotoOpenError", "a.jpg: damaged", PhotoOpenError.exit_code)
    line = failure_to_json(failure)
    assert line["type"] == "Failure" and line["error"] == "PhotoOpenError"
    assert (line["photo"], line["message"]) == ("a.jpg", "a.jpg: damaged")
    validator.validate(json.loads(to_line(line)))


@pytest.mark.parametrize("change", ["drop", "extra", "verdict", "two", "latitude"])
def test_the_schema_can_refuse(case: Any, validator: Any, change: str) -> None:
    collection = json.loads(to_line(result_to_geojson(case.result)))
    estimate = collection["features"][0]
    if change == "drop":
        del estimate["properties"]["radius_90_m"]
    elif change == "extra":
        estimate["properties"]["surprise"] = 1
    elif change == "verdict":
        estimate["properties"]["verdict"] = "maybe"
    elif change == "two":
        collection["features"].append(estimate)
    else:
        estimate["geometry"]["coordinates"] = [0.0, 91.0]
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(collection)


def test_a_folder_that_cannot_be_written(case: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_geojson(tmp_path / "file" / "a.geojson", case.result)
