"""Batches: order, resume, photos at a time, what is left when a run is stopped."""

import csv
import json
import logging
import shutil

import pytest

from cvgl_core.commands import batch, run
from cvgl_core.commands.inputs import PhotoInput
from cvgl_core.export.saved import FAILURES_NAME
from cvgl_core.localization import LocalizeSettings

SETTINGS = LocalizeSettings(depth=4, top_k=3)


@pytest.fixture(autouse=True)
def quiet_again():
    yield
    for name in ("cvgl_core", "tiling"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def opened(site):
    return batch.open_batch([site.index], str(site.weights), "cpu", SETTINGS)


@pytest.fixture
def photos(site, tmp_path):
    """Two good photos, a bad one between them, in a folder of their own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(site.pano, folder / "a.jpg")
    shutil.copy(site.text, folder / "b.jpg")
    shutil.copy(site.bare, folder / "c.jpg")
    return [PhotoInput(folder / name) for name in ("c.jpg", "b.jpg", "a.jpg")]


@pytest.fixture
def call(opened, tmp_path, monkeypatch):
    """Run a batch into ``out``; returns exit code, printed answers and names located anew."""

    def go(photos, *, stop=None, formats=(), **changes):
        located, printed = [], []
        real = batch.locate_photo

        def counted(batch, photo, name, options, *rest):
            located.append(name)
            return real(batch, photo, name, options, *rest)

        def echo(line):
            printed.append(json.loads(line))
            if stop is not None:
                raise stop

        monkeypatch.setattr(run, "locate_photo", counted)
        how = {name: changes.pop(name) for name in ("jobs", "resume") if name in changes}
        options = batch.BatchOptions(output=tmp_path / "out", **changes)
        wanted = run.RunOptions(as_json=True, formats=tuple(formats), **how)
        code = run.run_batch(opened, photos, options, wanted, echo, lambda *step: None)
        return code, printed, located

    return go


def without_time(printed):
    for one in printed:
        if one["type"] != "Failure":
            one["features"][0]["properties"].pop("created_at")
            one["provenance"].pop("created_at")
    return printed


def test_several_at_a_time_give_the_same_in_the_same_order(call, photos, tmp_path):
    code, alone, _ = call(photos * 2, jobs=1)
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.tif")}
    shutil.rmtree(tmp_path / "out")
    again, together, _ = call(photos * 2, jobs=3)
    assert code == again == 31
    kinds = [one["type"] for one in together]
    assert kinds == ["FeatureCollection", "Failure", "FeatureCollection"] * 2
    assert without_time(together) == without_time(alone)
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.tif")}


class TestResume:
    def test_answers_that_would_come_out_the_same_are_kept(self, call, photos):
        _, first, located = call(photos)
        assert sorted(located) == ["a", "c"]
        _, second, located = call(photos, resume=True)
        assert located == []
        assert second == first, "the time of making too"

    @pytest.mark.parametrize(
        "changes",
        [{"heading_deg": 30.0}, {"fov_deg": 360.0}, {"pitch_deg": 2.0}, {"search_heading": True}],
        ids=str,
    )
    def test_another_question_is_asked_again(self, call, photos, changes):
        call(photos[2:])
        assert call(photos[2:], resume=True, **changes)[2] == ["a"]
        assert call(photos[2:], resume=True, **changes)[2] == []

    def test_another_photo_of_the_same_name_is_located(self, call, photos, site):
        call(photos)
        shutil.copy(site.pano, photos[0].path)
        assert call(photos, resume=True)[2] == ["c"]

    def test_what_failed_is_tried_again(self, call, photos, site, tmp_path):
        call(photos, resume=True)
        assert "b.jpg" in (tmp_path / "out" / FAILURES_NAME).read_text()
        shutil.copy(site.pano, photos[1].path)
        code, _, located = call(photos, resume=True)
        assert (code, located) == (0, ["b"])
        assert not (tmp_path / "out" / FAILURES_NAME).exists()

    @pytest.mark.parametrize("lost", ["a.heatmap.tif", "a.geojson", "a.html"])
    def test_a_file_that_is_not_there_is_made_again(self, call, photos, tmp_path, lost):
        call(photos[2:], report=True)
        (tmp_path / "out" / lost).unlink()
        assert call(photos[2:], resume=True, report=True)[2] == ["a"]
        assert (tmp_path / "out" / lost).exists()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"provenance": 1}'])
    def test_a_file_that_is_damaged_is_made_again(self, call, photos, tmp_path, text):
        _, first, _ = call(photos[2:])
        (tmp_path / "out" / "a.geojson").write_text(text)
        _, second, located = call(photos[2:], resume=True)
        assert located == ["a"]
        assert without_time(second) == without_time(first)

    @pytest.mark.parametrize("change", ["features", "verdict"])
    def test_a_file_that_an_editor_broke_is_made_again(self, call, photos, tmp_path, change):
        call(photos[2:])
        path = tmp_path / "out" / "a.geojson"
        collection = json.loads(path.read_text())
        if change == "features":
            collection["features"].clear()
        else:
            collection["features"][0]["properties"]["verdict"] = "sure"
        path.write_text(json.dumps(collection))
        assert call(photos[2:], resume=True)[2] == ["a"]

    def test_an_answer_cut_short_is_never_taken_for_whole(
        self, call, photos, tmp_path, monkeypatch
    ):
        call(photos[2:], heading_deg=90.0)

        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(batch, "write_geojson", killed)
            with pytest.raises(KeyboardInterrupt):
                call(photos[2:])
        # The heatmap is new: the old answer must not stand beside it.
        assert not (tmp_path / "out" / "a.geojson").exists()
        assert call(photos[2:], resume=True, heading_deg=90.0)[2] == ["a"]

    def test_stopped_by_hand_it_keeps_what_is_done(self, call, photos, tmp_path, caplog):
        with pytest.raises(KeyboardInterrupt):
            call(photos * 4, stop=KeyboardInterrupt())
        assert "0 of 12 photos are done" in caplog.text
        assert not list((tmp_path / "out").glob(".*")), "no half-written file"
        done = len(list((tmp_path / "out").glob("*.geojson")))
        assert 1 <= done < 8
        _, printed, located = call(photos * 4, resume=True)
        assert len(located) == 8 - done
        assert len(printed) == 12


def test_failures_of_other_photos_stay_on_record(call, photos, tmp_path):
    call(photos, resume=True)
    missing = PhotoInput(tmp_path / "missing.jpg")
    call([missing], resume=True)
    lines = (tmp_path / "out" / FAILURES_NAME).read_text().splitlines()
    assert [json.loads(line)["photo"] for line in lines] == [str(photos[1].path), str(missing.path)]


def test_tables_of_a_batch_hold_every_photo_in_order(cvgl, site, photos, tmp_path):
    listed = tmp_path / "photos.csv"
    lon, lat = site.place
    listed.write_text(
        "photo,heading_deg,lon,lat,radius_m,group\nphotos/c.jpg,77,,,,\nphotos/b.jpg,,,,,\n"
        f"photos/a.jpg,,{lon},{lat},10,night\n"
    )
    options = ("--index", site.index, "--model", site.weights, "-o", tmp_path / "out")
    formats = [part for form in ("csv", "geojson", "grid") for part in ("--export", form)]
    done = cvgl("locate", "--list", listed, *options, *formats, "--jobs", 2, "--top-k", 50)
    assert done.code == 31
    with (tmp_path / "out" / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert [row["error"] for row in rows] == ["", "PhotoOpenError", ""]
    assert [row["group"] for row in rows] == ["", "", "night"]
    assert [row["result"] for row in rows] == ["c", "", "a"]
    assert float(rows[0]["heading_deg"]) == pytest.approx(77, abs=0.1)
    places = json.loads((tmp_path / "out" / "results.geojson").read_text())["features"]
    assert [place["geometry"] is None for place in places] == [False, True, False]
    near = json.loads((tmp_path / "out" / "a.geojson").read_text())
    kinds = [feature["properties"]["kind"] for feature in near["features"]]
    assert 1 <= kinds.count("candidate") < 16, "the circle of its row"
    # Files of the whole batch are not taken for results of photos.
    done = cvgl("export", tmp_path / "out", "--format", "csv", "-o", tmp_path / "again.csv")
    assert "2 results, 1 photos that failed" in done.out


def test_a_heading_give_or_take_of_one_row(cvgl, site, photos, tmp_path):
    listed = tmp_path / "photos.csv"
    listed.write_text("photo,heading_deg,heading_std_deg\nphotos/c.jpg,77,10\n")
    options = ("--index", site.index, "--model", site.weights, "--json")
    done = cvgl("locate", "--list", listed, *options)
    assert done.code == 0
    estimate = json.loads(done.out)["features"][0]["properties"]
    assert estimate["heading_std_deg"] is not None, "it was searched"
    assert abs((estimate["heading_deg"] - 77 + 180) % 360 - 180) < 45


def test_a_wrong_table_is_a_fault_of_usage(cvgl, site, tmp_path):
    listed = tmp_path / "photos.csv"
    listed.write_text("photo,fov_deg\nx.jpg,wide\n")
    done = cvgl("locate", "--list", listed, "--index", site.index)
    assert done.code == 2
    assert "line 2" in " ".join(done.err.split())


@pytest.mark.parametrize("args", [("--resume",), ("--export", "csv"), ("--jobs", "0")])
def test_usage(cvgl, site, args):
    assert cvgl("locate", site.pano, "--index", site.index, *args).code == 2


def test_the_page_of_all_photos(cvgl, site, photos, tmp_path):
    out = tmp_path / "out"
    shutil.copy(site.bare, photos[0].path.with_name("index.jpg"))
    options = ("--index", site.index, "--model", site.weights, "-o", out, "--report")
    done = cvgl("locate", tmp_path / "photos", *options, "--overview", "--export", "csv")
    assert done.code == 31
    page = (out / "index.html").read_text("utf-8")
    assert 'href="a.html"' in page
    assert 'href="index-2.html"' in page, "its own name is not given to a photo"
    assert 'href="results.csv"' in page
    assert "PhotoOpenError" in page
    assert page.count("data:image/jpeg") == 1 + 3, "the map and a thumbnail of each"
    again = cvgl("locate", tmp_path / "photos", *options, "--overview", "--resume")
    assert again.out == done.out
    assert (out / "index.html").read_text("utf-8").count("data:image/jpeg") == 1 + 3


class TestSidecars:
    def locate(self, cvgl, site, photo, out, *more):
        options = ("--index", site.index, "--model", site.weights, "-o", out)
        return cvgl("locate", photo, *options, *more)

    def test_to_the_results(self, cvgl, site, photos, tmp_path):
        folder = photos[0].path.parent
        before = {path: path.read_bytes() for path in folder.iterdir()}
        assert (
            self.locate(cvgl, site, photos[2].path, tmp_path / "out", "--xmp", "results").code == 0
        )
        assert b"cvgl:Verdict" in (tmp_path / "out" / "a.jpg.xmp").read_bytes()
        assert {path: path.read_bytes() for path in folder.iterdir()} == before

    def test_beside_the_photos(self, cvgl, site, photos, tmp_path):
        path, sidecar = photos[2].path, photos[2].path.with_name("a.jpg.xmp")
        before = path.read_bytes()
        assert self.locate(cvgl, site, path, tmp_path / "out", "--xmp", "photos").code == 0
        assert b"cvgl:Verdict" in sidecar.read_bytes()
        assert path.read_bytes() == before
        sidecar.unlink()
        again = self.locate(cvgl, site, path, tmp_path / "out", "--xmp", "photos", "--resume")
        assert again.code == 0
        assert sidecar.exists(), "what is asked for and not there is made"

    def test_what_others_wrote_stays_and_the_photo_is_located(self, cvgl, site, photos, tmp_path):
        path, sidecar = photos[2].path, photos[2].path.with_name("a.jpg.xmp")
        sidecar.write_text("not XMP")
        done = self.locate(cvgl, site, path, tmp_path / "out", "--xmp", "photos")
        assert done.code == 0
        assert "left as it is" in done.err
        assert sidecar.read_text() == "not XMP"
        assert (tmp_path / "out" / "a.geojson").exists()
