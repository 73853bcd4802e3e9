"""``cvgl export``: from the files of ``cvgl locate`` to each format."""

import csv
import json

import pytest

from cvgl_core.errors import ResultFileError


@pytest.fixture(scope="module")
def located(site, tmp_path_factory):
    from cvgl_core.cli import app
    from cvgl_core.console import run

    folder = tmp_path_factory.mktemp("located")
    options = ["--index", site.index, "--model", site.weights, "-o", folder]
    assert run(app, "cvgl", ["locate", str(site.pano), *map(str, options)]) == 0
    return folder / "pano.geojson"


def test_each_format_from_one_result(cvgl, located, tmp_path):
    for form in ("kml", "csv", "gpkg", "parquet", "grid"):
        done = cvgl("export", located, "--format", form, "-o", tmp_path / f"out.{form}")
        assert (done.code, done.err) == (0, "")
        assert "1 results, 0 photos that failed" in done.out
    assert "Search grid" in (tmp_path / "out.kml").read_text()
    done = cvgl("export", located, "--format", "geojson", "-o", tmp_path / "json")
    assert done.code == 0
    assert json.loads((tmp_path / "json" / "pano.geojson").read_text()) == json.loads(
        located.read_text()
    )


def test_what_json_prints_becomes_a_table(cvgl, site, tmp_path):
    options = ("--index", site.index, "--model", site.weights, "--json")
    printed = cvgl("locate", site.pano, site.text, *options)
    assert printed.code == 31
    (tmp_path / "printed.jsonl").write_text(printed.out)
    out = tmp_path / "out.csv"
    assert cvgl("export", tmp_path / "printed.jsonl", "--format", "csv", "-o", out).code == 0
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["verdict"] != "", row["error"]) for row in rows] == [
        (True, ""),
        (False, "PhotoOpenError"),
    ]


def test_coarse_in_every_format(cvgl, located, tmp_path):
    exact = json.loads(located.read_text())["features"][0]["properties"]
    for form, name in (("kml", "o.kml"), ("csv", "o.csv"), ("geojson", "json")):
        arguments = ("--format", form, "--coarsen", "1000", "-o", tmp_path / name)
        assert cvgl("export", located, *arguments).code == 0
    for path in (tmp_path / "o.kml", tmp_path / "o.csv", tmp_path / "json" / "pano.geojson"):
        text = path.read_text()
        assert f"{exact['lon']:.4f}" not in text
        assert f"{exact['lat']:.4f}" not in text
        assert "coarsened_m" in text


def test_a_folder_of_results(cvgl, located, tmp_path):
    done = cvgl("export", located.parent, "--format", "csv", "-o", tmp_path / "out.csv")
    assert (done.code, done.out) == (
        0,
        f"{tmp_path / 'out.csv'}: 1 results, 0 photos that failed\n",
    )
    assert cvgl("export", tmp_path, "--format", "csv", "-o", tmp_path / "o").code == 61


def test_results_are_never_written_over(cvgl, located, tmp_path):
    before = located.read_bytes()
    options = ("--format", "geojson", "--coarsen", "9", "-o")
    within = located.parent / "within"
    for results, output in ((located, located.parent), (located.parent, within)):
        done = cvgl("export", results, *options, output)
        assert done.code == 11
        assert "lies among the results" in done.err
    done = cvgl("export", located.parent, "--format", "geojson", "-o", located)
    assert (done.code, "is a result itself" in done.err) == (11, True)
    assert located.read_bytes() == before
    assert cvgl("export", located, *options, within).code == 0, "a folder beside the file"


def test_usage(cvgl, located, tmp_path):
    assert cvgl("export", located, "--format", "shp", "-o", tmp_path / "o").code == 2
    assert cvgl("export", located, "--format", "kml").code == 2
    assert cvgl("export", located, "--format", "kml", "--coarsen", "0", "-o", "o").code == 2
    done = cvgl("export", tmp_path / "no.geojson", "--format", "kml", "-o", tmp_path / "o.kml")
    assert done.code == ResultFileError.exit_code
    assert "no.geojson" in done.err
    assert done.err.count("\n") == 1
