"""``cvgl evaluate --dataset``: the bundled weights on tiny copies of data sets."""

import json

import numpy as np
import pytest

from cvgl_core.data import simcity
from cvgl_core.data.citypack import CitySpec
from cvgl_core.models import DEFAULT_MODEL, model_config
from tests.data.make_cvusa import make_cvusa
from tests.data.make_vigor import make_vigor

VIEWS = 6


@pytest.fixture
def cities(tmp_path, monkeypatch):
    """Packs of noise under the names that simcity-v1 asks for: two cities, and strangers."""
    config = model_config(DEFAULT_MODEL)
    gsd_m = config.tile_size_m / config.aerial_px

    def specs(card, part):
        seeds = {"test": (1, 2), "validation": (3,), "elsewhere": (4,)}[part]
        return tuple(CitySpec(s, VIEWS, 110.0, 0.25, gsd_m, card.ground) for s in seeds)

    monkeypatch.setattr(simcity, "simcity_specs", specs)
    for spec in (*specs(config, "test"), *specs(config, "validation")):
        rng = np.random.default_rng(spec.seed)
        folder = tmp_path / "cities" / spec.name
        folder.mkdir(parents=True)
        side_px = int(110.0 / gsd_m)
        size = (VIEWS, config.ground.height_px, config.ground.width_px, 3)
        np.save(folder / "aerial.npy", rng.integers(0, 256, (side_px, side_px, 3), np.uint8))
        np.save(folder / "ground.npy", rng.integers(0, 256, size, np.uint8))
        np.save(folder / "cameras.npy", rng.uniform(30, 80, (VIEWS, 2)).astype(np.float32))
    return tmp_path / "cities"


def test_simcity_as_text_json_and_page(cvgl, cities, tmp_path):
    out = tmp_path / "out"
    args = ("evaluate", "--dataset", "simcity-v1", "--root", cities, "--depth", "4", "-o", out)
    done = cvgl(*args, "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert content == json.loads((out / "accuracy.json").read_text())
    assert content["data"] == "simcity-v1 cross-area test"
    assert (content["gallery_size"], content["views"]) == (8, 2 * VIEWS)
    assert content["depth"] == 4
    assert content["published"] == []
    assert {"r@1", "fused_4_r@1m", "ece_place", "auroc_strangers"} <= set(content["figures"])
    assert "No published figures" in (out / "accuracy.html").read_text()
    text = cvgl(*args[:5], "--limit", "3")
    assert text.code == 0
    assert text.out.startswith("simcity-v1 cross-area test: 3 views, 8 tiles")


def test_vigor_stands_beside_the_paper(cvgl, tmp_path):
    make_vigor(tmp_path / "VIGOR", tile_px=64, panorama_px=256)
    done = cvgl(
        *("evaluate", "--dataset", "vigor-cross", "--root", tmp_path / "VIGOR", "--limit", 4)
    )
    assert done.code == 0, done.err
    assert done.out.startswith("VIGOR cross-area test: 4 views, 10 tiles")
    assert "UnifyGeo (paper)" in done.out
    assert "this run, as the paper, depth 5" in done.out


def test_cvusa_has_ranks_only(cvgl, tmp_path):
    make_cvusa(tmp_path / "CVUSA", tile_px=64, panorama_px=128)
    done = cvgl("evaluate", "--dataset", "cvusa", "--root", tmp_path / "CVUSA", "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert not content["metric"]
    assert content["published"][0]["rows"]["UnifyGeo (paper)"][0] == "98.91"


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--dataset", "simcity-v1"),
        ("--dataset", "simcity-v1", "--root", ".", "--index", "a.cvgl"),
        ("--dataset", "simcity-v1", "--root", ".", "--report", "pages"),
        ("--index", "a.cvgl"),
        ("--index", "a.cvgl", "--photos", "photos", "-o", "out"),
    ],
    ids=["nothing", "no root", "both", "pages", "no photos", "output of photos"],
)
def test_usage(cvgl, args):
    assert cvgl("evaluate", *args).code == 2


def test_what_is_missing_is_named_with_the_way_out(cvgl, cities):
    def error(*args):
        done = cvgl("evaluate", "--root", cities, *args)
        assert done.out == ""
        return done.code, done.err

    code, message = error("--dataset", "simcity-v1", "--split", "val")
    assert code == 90
    assert "cvgl simulate benchmark simcity-v1" in message
    assert "--part elsewhere" in message
    code, message = error("--dataset", "simcity-v1", "--protocol", "same", "--split", "val")
    assert code == 11
    assert "cross test" in message
    code, message = error("--dataset", "nothing")
    assert code == 11
    assert "vigor-same" in message
    assert "simcity-v1" in message
    code, message = error("--dataset", "vigor-same")
    assert code == 90


def test_every_kind_of_query_has_a_row(cvgl, cities, tmp_path, monkeypatch):
    from cvgl_core.commands import kinds

    monkeypatch.setattr(kinds, "QUESTIONS", (kinds.QUESTIONS[0], kinds.QUESTIONS[7]))
    args = ("evaluate", "--dataset", "simcity-v1", "--root", cities, "--depth", "4", "--kinds")
    done = cvgl(*args, "--limit", "2", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    title, _, known, about = done.out.strip().splitlines()
    assert title.startswith("2 views and 2 strangers, 8 tiles")
    assert known.startswith("360 degrees (panorama), heading known")
    assert about.startswith("70 degrees (photo), heading about")
    rows = json.loads((tmp_path / "out" / "kinds.json").read_text())
    assert rows[0]["figures"]["heading_error_deg"] is None
    assert 0 <= rows[1]["figures"]["heading_error_deg"]["value"] <= 180
    wrong = cvgl("evaluate", "--dataset", "vigor-cross", "--root", tmp_path, "--kinds")
    assert wrong.code != 0
