"""Results read back, held against the schema, and made coarse."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.errors import PhotoOpenError, ResultFileError
from cvgl_core.export.geojson import failure_to_json, result_to_geojson, to_line, write_geojson
from cvgl_core.export.saved import _snapped, coarsened, read_saved, saved_files, write_saved
from cvgl_core.geo import geodesic_distance_m
from cvgl_core.types import Failure

FAILURE = Failure("b.jpg", PhotoOpenError.__name__, "b.jpg: is damaged", PhotoOpenError.exit_code)


@pytest.fixture
def saved(tmp_path, case):
    path = tmp_path / "straße 1.geojson"
    write_geojson(path, case.result)
    return path


def test_reads_what_was_written(saved, case):
    (result,) = read_saved([saved])
    assert result.name == "straße 1"
    assert result.collection == json.loads(to_line(result_to_geojson(case.result)))
    assert result.estimate["photo"] == case.result.provenance.photo
    assert [f["properties"]["rank"] for f in result.features("candidate")] == [1, 2, 3, 4, 5, 6]
    assert (result.heatmap, result.report) == (None, None)


def test_finds_the_files_beside_it(saved):
    for suffix in (".heatmap.tif", ".html"):
        saved.with_name(saved.stem + suffix).touch()
    (result,) = read_saved([saved])
    assert result.heatmap == saved.with_name("straße 1.heatmap.tif")
    assert result.report == saved.with_name("straße 1.html")


def test_reads_lines_with_failures(tmp_path, case):
    path = tmp_path / "printed.jsonl"
    documents = (result_to_geojson(case.result), failure_to_json(FAILURE))
    path.write_text("\n".join(map(to_line, documents)), "utf-8")
    result, failure = read_saved([path])
    assert (result.name, failure) == ("street", FAILURE)


def test_what_the_analyst_adds_is_kept(saved, tmp_path):
    collection = json.loads(saved.read_text("utf-8"))
    for feature in collection["features"][:2]:
        feature["properties"] |= {"analyst_confidence": "verified", "analyst_note": "Türen = grün"}
    saved.write_text(json.dumps(collection, indent=1), "utf-8")
    write_saved(tmp_path / "out", read_saved([saved]))
    (again,) = read_saved([tmp_path / "out" / saved.name])
    assert again.collection == collection


def test_a_folder_is_searched_for_results_only(saved, tmp_path):
    (tmp_path / "other.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (tmp_path / "deep" / "er").mkdir(parents=True)
    twin = tmp_path / "deep" / "er" / saved.name
    twin.write_bytes(saved.read_bytes())
    failures = tmp_path / "deep" / "failures.jsonl"
    failures.write_text(to_line(failure_to_json(FAILURE)))
    assert saved_files(tmp_path) == (twin, saved, failures)
    assert saved_files(saved) == (saved,)


def test_results_of_the_same_name_get_numbers(saved, tmp_path):
    write_saved(tmp_path / "out", read_saved([saved, saved]))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "straße 1-2.geojson",
        "straße 1.geojson",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("features"),
        lambda c: c["features"].pop(0),
        lambda c: c["features"][0]["properties"].update(lon=200.0),
        lambda c: c["features"][0]["properties"].update(analyst_confidence="sure"),
        lambda c: c["features"][0]["properties"].update(unknown=1),
        lambda c: c.update(type="Feature"),
    ],
    ids=["no features", "no estimate", "no longitude", "no such word", "no such key", "no type"],
)
def test_refuses_what_breaks_the_contract(saved, change):
    collection = json.loads(saved.read_text("utf-8"))
    change(collection)
    saved.write_text(json.dumps(collection), "utf-8")
    with pytest.raises(ResultFileError, match="not a result of cvgl locate") as caught:
        list(read_saved([saved]))
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\x00"], ids=["cut", "deep", "zero"])
def test_refuses_what_is_not_json(tmp_path, text):
    path = tmp_path / "a.geojson"
    path.write_text(text)
    with pytest.raises(ResultFileError, match=r"a\.geojson"):
        list(read_saved([path]))


def test_no_lines_are_no_photos(tmp_path):
    path = tmp_path / "printed.jsonl"
    path.touch()
    assert list(read_saved([path])) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ResultFileError, match=r"missing\.geojson: cannot be read"):
        list(read_saved([tmp_path / "missing.geojson"]))


def test_coarse_results_tell_nothing_precise(saved, case, tmp_path):
    saved.with_name(saved.stem + ".html").touch()
    (result,) = read_saved([saved])
    coarse = coarsened(result, 1000.0)
    text = to_line(coarse.collection)
    exact = case.result.estimate
    for value in (exact.lon, exact.lat, case.result.metadata.exif_lon):
        assert f"{value:.4f}" not in text
    assert case.result.candidates[0].tile_id not in text
    assert (coarse.heatmap, coarse.report) == (None, None)
    assert [f["properties"]["kind"] for f in coarse.collection["features"]] == ["estimate"]
    assert coarse.estimate["coarsened_m"] == 1000.0
    moved_m = float(
        geodesic_distance_m(exact.lon, exact.lat, coarse.estimate["lon"], coarse.estimate["lat"])
    )
    assert 0.0 < moved_m <= coarse.estimate["radius_90_m"] - exact.radius_90_m
    path = tmp_path / "coarse"
    write_saved(path, [coarse])
    (again,) = read_saved([path / saved.name])
    assert again.collection == coarse.collection


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(1.0, 20_000.0))
def test_snapping_stays_within_the_square_and_is_stable(lon, lat, side_m):
    place = _snapped(lon, lat, side_m)
    # Degrees of latitude differ by half a percent from the sphere's; coordinates have 7 decimals.
    assert geodesic_distance_m(lon, lat, *place) <= side_m * math.sqrt(0.5) * 1.2 + 0.1
    assert -180.0 <= place[0] <= 180.0
    again = _snapped(*place, side_m)
    assert float(geodesic_distance_m(*place, *again)) < max(0.1, 1e-6 * side_m)
