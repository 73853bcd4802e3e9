"""``cvgl locate`` as other programs meet it: stdout, files, exit codes, bad input."""

import json
import logging
import re
import shutil

import jsonschema
import numpy as np
import pytest
import rasterio
import shapely

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.export.geojson import SCHEMA_PATH

ESTIMATE = {
    "kind", "rank", "lon", "lat", "probability", "radius_50_m", "radius_90_m", "heading_deg",
    "heading_std_deg", "verdict", "confidence", "photo", "photo_sha256", "index_id",
    "index_version", "model", "weights_sha256", "software", "created_at", "exif_lon", "exif_lat",
    "exif_distance_m",
}  # fmt: skip
CANDIDATE = {
    "kind", "rank", "retrieval_rank", "tile_id", "score", "retrieval_score", "match_score",
    "probability", "lon", "lat",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet_again():
    yield
    for name in ("cvgl_core", "tiling"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def locate(site, cvgl):
    def call(*args, index=None, weights=None):
        return cvgl(
            "locate", "--index", index or site.index, "--model", weights or site.weights, *args
        )

    return call


def lines(result):
    return [json.loads(line) for line in result.out.splitlines()]


def by_kind(collection, kind):
    return [f for f in collection["features"] if f["properties"]["kind"] == kind]


class TestContract:
    def test_one_line_of_geojson_a_photo_and_the_same_in_the_file(self, locate, site, tmp_path):
        result = locate(site.pano, site.bare, "--json", "--top-k", 3, "-o", tmp_path)
        assert result.code == 0
        # A slow machine may show progress, and nothing else.
        assert all(re.fullmatch(r"[a-z ]+: \d+/\d+", line) for line in result.err.splitlines())
        first, second = lines(result)
        for name, printed in (("pano", first), ("bare", second)):
            assert json.loads((tmp_path / f"{name}.geojson").read_text()) == printed
        (estimate,) = by_kind(first, "estimate")
        assert set(estimate["properties"]) >= ESTIMATE
        assert estimate["geometry"]["type"] == "Point"
        candidates = by_kind(first, "candidate")
        assert [c["properties"]["rank"] for c in candidates] == [1, 2, 3]
        assert all(set(c["properties"]) >= CANDIDATE for c in candidates)
        regions = by_kind(first, "credible_region")
        assert [r["properties"]["level"] for r in regions] == [0.5, 0.9]
        assert all(shapely.geometry.shape(f["geometry"]).is_valid for f in first["features"])
        properties = estimate["properties"]
        assert properties["photo"] == "pano.jpg"
        assert properties["heading_deg"] == pytest.approx(20.0, abs=0.1)
        assert properties["heading_std_deg"] is None
        assert (properties["exif_lon"], properties["exif_lat"]) == pytest.approx(site.place)
        # A heading that nobody stated is searched.
        (searched,) = by_kind(second, "estimate")
        assert searched["properties"]["heading_std_deg"] > 6

    def test_the_heatmap_is_the_posterior_on_the_grid(self, locate, site, tmp_path):
        result = locate(site.pano, "--json", "-o", tmp_path)
        (estimate,) = by_kind(lines(result)[0], "estimate")
        with rasterio.open(tmp_path / "pano.heatmap.tif") as heatmap:
            assert heatmap.crs.to_epsg() == 32633
            assert heatmap.dtypes == ("float32",)
            assert heatmap.nodata is not None
            assert heatmap.res == (0.5625, 0.5625)
            mass = heatmap.read(1, masked=True).sum()
        assert mass == pytest.approx(1.0, abs=2e-3)
        assert estimate["properties"]["probability"] <= mass + 1e-6

    def test_text_is_for_people(self, locate, site):
        result = locate(site.pano)
        assert result.code == 0
        assert result.out.startswith("pano.jpg  ")
        assert "EXIF" in result.out
        assert len(result.out.splitlines()) == 1

    def test_without_output_nothing_is_written(self, locate, site, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert locate(site.pano).code == 0
        assert list(tmp_path.iterdir()) == []

    def test_report_is_one_file_that_needs_no_network(self, locate, site, tmp_path):
        assert locate(site.pano, "-o", tmp_path, "--report").code == 0
        page = (tmp_path / "pano.html").read_text()
        assert "data:image/" in page
        assert "<script src" not in page
        assert "http://" not in page.replace("http://www.w3.org/", "")
        assert "What matched" in page and "All directions together" in page
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            "pano.geojson", "pano.heatmap.tif", "pano.html",
        ]  # fmt: skip

    def test_all_outside_is_three(self, locate, site, tmp_path):
        result = locate(
            site.pano, "--json", "-o", tmp_path, index=site.refusing, weights=site.other_weights
        )
        assert result.code == 3
        (estimate,) = by_kind(lines(result)[0], "estimate")
        assert estimate["properties"]["verdict"] == "not_in_area"
        assert estimate["properties"]["confidence"] == "none"
        assert (tmp_path / "pano.geojson").exists()

    def test_the_same_photo_gives_the_same_answer(self, locate, site):
        first, second = (lines(locate(site.pano, "--json"))[0] for _ in range(2))
        for collection in (first, second):
            collection["features"][0]["properties"].pop("created_at")
            collection["provenance"].pop("created_at")
        assert first == second

    def test_near_and_estimate_and_depth_are_obeyed(self, locate, site):
        lon, lat = site.place
        result = locate(
            site.pano, "--json", "--near", f"{lon},{lat},10", "--depth", 5, "--top-k", 50,
            "--estimate", "unifygeo",
        )  # fmt: skip
        (collection,) = lines(result)
        (estimate,) = by_kind(collection, "estimate")
        candidates = by_kind(collection, "candidate")
        assert 1 <= len(candidates) < 16
        best = candidates[0]["properties"]
        assert (best["lon"], best["lat"]) == (
            estimate["properties"]["lon"], estimate["properties"]["lat"],
        )  # fmt: skip
        assert collection["provenance"]["settings"]["estimate"] == "unifygeo"

    def test_heading_unknown_is_searched_although_the_file_knows(self, locate, site):
        (collection,) = lines(locate(site.pano, "--json", "--heading", "unknown"))
        assert by_kind(collection, "estimate")[0]["properties"]["heading_std_deg"] > 6


class TestFailures:
    def test_one_bad_photo_does_not_stop_the_others(self, locate, site, tmp_path):
        result = locate(site.text, site.pano, site.missing, "--json", "-o", tmp_path)
        bad, good, missing = lines(result)
        assert bad["type"] == missing["type"] == "Failure"
        assert bad["photo"] == str(site.text)
        assert bad["error"] == "PhotoOpenError"
        assert str(site.text) in bad["message"]
        assert good["type"] == "FeatureCollection"
        assert result.code == 31
        assert [line.split(": ")[:2] for line in result.err.splitlines()] == [
            ["cvgl", "error"], ["cvgl", "error"],
        ]  # fmt: skip
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            "pano.geojson", "pano.heatmap.tif",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "code", "says"),
        [
            ("text", 31, "text.jpg"),
            ("cut", 31, "cut.jpg"),
            ("missing", 31, "no such file"),
            ("flat", 33, "--fov"),
        ],
    )
    def test_bad_photos(self, locate, site, tmp_path, name, code, says):
        result = locate(getattr(site, name), "-o", tmp_path)
        assert result.code == code
        assert result.out == ""
        assert len(result.err.splitlines()) == 1
        assert says in result.err
        assert "Traceback" not in result.err
        assert list(tmp_path.iterdir()) == []

    def test_fov_makes_a_flat_photo_usable(self, locate, site):
        assert locate(site.flat, "--fov", 60).code == 0

    def test_other_weights(self, locate, site):
        result = locate(site.pano, weights=site.other_weights)
        assert result.code == 51
        assert len(result.err.splitlines()) == 1
        assert "made by" in result.err

    def test_no_index(self, locate, site, tmp_path):
        result = locate(site.pano, index=tmp_path / "none.cvgl")
        assert result.code == 41
        assert "cvgl-tile build" in result.err

    @pytest.mark.parametrize("pattern", ["manifest.json", "**/descriptors*", "**/imagery*"])
    def test_a_flipped_byte_in_the_index(self, locate, site, tmp_path, pattern):
        damaged = tmp_path / "damaged.cvgl"
        shutil.copytree(site.index, damaged)
        (path,) = damaged.glob(pattern)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x10
        path.write_bytes(data)
        result = locate(site.pano, "--json", index=damaged)
        assert result.code == 42
        assert result.out == ""
        assert len(result.err.splitlines()) == 1

    def test_damaged_weights(self, locate, site, tmp_path):
        path = tmp_path / "w.safetensors"
        path.write_bytes(site.weights.read_bytes()[:5000])
        result = locate(site.pano, weights=path)
        assert result.code == 50
        assert "w.safetensors" in result.err

    def test_output_that_cannot_be_written(self, locate, site, tmp_path):
        (tmp_path / "file").write_text("in the way")
        result = locate(site.pano, "--json", "-o", tmp_path / "file")
        assert result.code == 60
        assert lines(result)[0]["error"] == "OutputError"

    def test_near_nothing(self, locate, site):
        result = locate(site.pano, site.pano, "--json", "--near", "100,10,50")
        assert result.code == 11
        assert len(result.err.splitlines()) == 1

    def test_an_area_of_interest_narrows_the_search(self, locate, site):
        lon, lat = site.place
        box = f"{lon - 1e-4},{lat - 1e-4},{lon + 1e-4},{lat + 1e-4}"
        (collection,) = lines(locate(site.pano, "--json", "--aoi", box, "--top-k", 50))
        assert 1 <= len(by_kind(collection, "candidate")) < 16
        assert locate(site.pano, "--aoi", "100,10,101,11").code == 11
        assert locate(site.pano, "--aoi", box, "--near", f"{lon},{lat},10").code == 2

    def test_several_indexes_are_searched_as_one(self, locate, site, tmp_path):
        again = shutil.copytree(site.index, tmp_path / "again.cvgl")
        result = locate(site.pano, "--json", "--index", again, "-o", tmp_path, "--report")
        assert result.code == 0
        (collection,) = lines(result)
        jsonschema.validate(collection, json.loads(SCHEMA_PATH.read_text()))
        (estimate,) = by_kind(collection, "estimate")
        candidates = by_kind(collection, "candidate")
        index_id = estimate["properties"]["index_id"]
        assert {c["properties"]["index_id"] for c in candidates} == {index_id} == {"1" * 32}
        names = [c["properties"]["tile_id"] for c in candidates]
        assert len(set(names)) < len(names)  # a place has a tile of each
        assert (tmp_path / "pano.html").exists()

    def test_indexes_of_different_networks_are_refused(self, locate, site):
        result = locate(site.pano, "--index", site.refusing)
        assert result.code == WeightsMismatchError.exit_code
        assert "city.cvgl and" in result.err and "refusing.cvgl" in result.err

    @pytest.mark.parametrize(
        "args",
        [
            ("--heading", "north"),
            ("--heading", "nan"),
            ("--near", "1,2"),
            ("--near", "200,0,10"),
            ("--near", "0,0,-5"),
            ("--estimate", "best"),
            ("--top-k", "0"),
            ("--report",),
            ("--nonsense",),
        ],
    )
    def test_usage(self, locate, site, args):
        result = locate(site.pano, *args)
        assert result.code == 2
        assert result.out == ""
        assert "Error:" in result.err

    def test_fov_out_of_bounds_is_an_error_of_the_photo(self, locate, site):
        assert locate(site.flat, "--fov", 175).code == 33

    def test_names_that_clash_get_numbers(self, locate, site, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        shutil.copy(site.bare, other / "PANO.jpg")
        out = tmp_path / "out"
        result = locate(site.pano, other / "PANO.jpg", "-o", out)
        assert result.code == 0
        assert sorted(p.name for p in out.glob("*.geojson")) == ["PANO-2.geojson", "pano.geojson"]


def test_output_names_never_clash():
    from pathlib import Path

    from cvgl_core.commands.inputs import output_names

    photos = [Path(p) for p in ("a/x.jpg", "b/x.jpg", "c/X.png", "d/x-2.jpg", "y.jpg", "e/x.tif")]
    names = output_names(photos)
    assert names == ["x", "x-3", "X-4", "x-2", "y", "x-5"]
    assert len({name.casefold() for name in names}) == len(names)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [([0], 0), ([3], 3), ([3, 0], 0), ([3, 3], 3), ([0, 31], 31), ([3, 33, 31], 33), ([], 0)],
)
def test_exit_code_of_a_batch(outcomes, code):
    from cvgl_core.commands.run import exit_code

    assert exit_code(outcomes) == code


def test_a_fault_in_one_photo_is_a_failure_of_that_photo(site, monkeypatch, capfd):
    from cvgl_core.commands import batch, run
    from cvgl_core.commands.inputs import PhotoInput
    from cvgl_core.localization import LocalizeSettings

    opened = batch.open_batch([site.index], str(site.weights), "cpu", LocalizeSettings())
    real, calls = run.read_photo, []

    def sometimes(path, **options):
        calls.append(path)
        if len(calls) == 1:
            raise ZeroDivisionError("a fault")
        return real(path, **options)

    monkeypatch.setattr(run, "read_photo", sometimes)
    said = []
    code = run.run_batch(
        opened,
        [PhotoInput(site.pano)] * 2,
        batch.BatchOptions(),
        run.RunOptions(as_json=True),
        said.append,
        lambda *step: None,
    )
    assert code == 1
    assert json.loads(said[0])["error"] == "ZeroDivisionError"
    assert json.loads(said[1])["type"] == "FeatureCollection"
    assert np.isfinite(json.loads(said[1])["bbox"]).all()


class TestList:
    def test_photos_that_a_file_names(self, locate, site, tmp_path):
        listed = tmp_path / "photos.txt"
        listed.write_text(f"{site.pano}\n\n{site.missing}\n", "utf-8")
        result = locate("--list", listed, "--json")
        assert result.code == 31
        assert [line["type"] for line in lines(result)] == ["FeatureCollection", "Failure"]

    def test_a_list_that_cannot_be_read(self, locate, site):
        for path in (site.missing, site.pano):
            result = locate("--list", path)
            assert result.code == 2
            assert f"--list {path}" in " ".join(result.err.split())

    def test_no_photo_at_all(self, locate):
        assert locate().code == 2
