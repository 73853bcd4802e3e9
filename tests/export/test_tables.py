"""CSV and GeoPackage, read back by other programs."""

from __future__ import annotations

import csv

import pyogrio
import pytest

from cvgl_core.errors import OutputError
from cvgl_core.export.csv_table import write_csv
from cvgl_core.export.geojson import write_geojson
from cvgl_core.export.geopackage import write_geopackage
from cvgl_core.export.rows import COLUMNS
from cvgl_core.export.saved import read_saved
from cvgl_core.types import Failure

FAILURES = (Failure("=b.jpg", "PhotoOpenError", "@b.jpg: is damaged", 31),)


@pytest.fixture
def results(tmp_path, make):
    for number, lon in enumerate((8.54, 179.99995)):
        write_geojson(tmp_path / f"photo {number}.geojson", make(lon).result)
    (tmp_path / "photo 0.html").touch()
    return list(read_saved(sorted(tmp_path.glob("*.geojson"))))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_per_photo_failures_too(tmp_path, results):
    write_csv(tmp_path / "sub" / "out.csv", [*results, *FAILURES])
    rows = rows_of(tmp_path / "sub" / "out.csv")
    assert tuple(rows[0]) == tuple(COLUMNS)
    assert [row["error"] for row in rows] == ["", "", "PhotoOpenError"]
    assert float(rows[0]["lon"]) == pytest.approx(8.54)
    assert float(rows[0]["probability"]) == 0.62
    assert rows[0]["heading_std_deg"] == "", "null is an empty cell"
    assert rows[0]["report"] == "../photo 0.html"
    assert rows[1]["report"] == rows[2]["lon"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"], ids=repr)
def test_no_text_is_taken_for_a_formula(tmp_path, results, start):
    results[0].estimate["analyst_note"] = start + 'HYPERLINK("http://x")'
    write_csv(tmp_path / "out.csv", [*results, *FAILURES])
    rows = rows_of(tmp_path / "out.csv")
    assert rows[0]["analyst_note"] == "'" + start + 'HYPERLINK("http://x")'
    assert rows[2]["photo"] == "'=b.jpg"
    assert rows[2]["message"].startswith("'@")


def test_negative_numbers_stay_numbers(tmp_path, results):
    results[0].estimate["lat"] = -33.4
    write_csv(tmp_path / "out.csv", results)
    assert rows_of(tmp_path / "out.csv")[0]["lat"] == "-33.4"


def test_layers_of_the_geopackage(tmp_path, results):
    path = tmp_path / "out.gpkg"
    results[1].estimate["analyst_note"] = "grüne Tür"
    write_geopackage(path, [*results, *FAILURES])
    kinds = dict(pyogrio.list_layers(path))
    assert kinds == {
        "estimate": "Point",
        "candidate": "MultiPolygon",
        "credible_region": "MultiPolygon",
        "failure": None,
        "layer_styles": None,
    }
    estimate = pyogrio.read_dataframe(path, layer="estimate")
    assert estimate.crs.to_epsg() == 4326
    assert list(estimate["result"]) == ["photo 0", "photo 1"]
    assert estimate["analyst_note"][1] == "grüne Tür"
    assert estimate.geometry.x[0] == pytest.approx(8.54)
    assert estimate["probability"][0] == 0.62
    candidate = pyogrio.read_dataframe(path, layer="candidate")
    assert len(candidate) == 12
    assert set(candidate["photo"]) == {"street.jpg"}
    failure = pyogrio.read_dataframe(path, layer="failure")
    assert list(failure["message"]) == ["@b.jpg: is damaged"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith((".", "out"))] == ["out.gpkg"]


def test_a_geopackage_replaces_the_one_before(tmp_path, results):
    path = tmp_path / "out.gpkg"
    write_geopackage(path, [*results, *FAILURES])
    write_geopackage(path, results[:1])
    assert len(pyogrio.read_dataframe(path, layer="estimate")) == 1
    assert "failure" not in dict(pyogrio.list_layers(path))


@pytest.mark.parametrize("write", [write_csv, write_geopackage])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, results, write):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file.out: cannot be written"):
        write(tmp_path / "file" / "out", results)
