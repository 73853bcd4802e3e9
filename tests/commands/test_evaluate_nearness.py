"""``cvgl evaluate``: graded figures on tiny copies of data sets."""

import json

import pytest
import torch

from cvgl_core.models import create_model, save_weights
from tests.data.make_da_campus import TEST_PLACES, make_da_campus
from tests.data.make_vigor import make_vigor


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    root = tmp_path_factory.mktemp("campus")
    make_da_campus(root, side_px=16)
    torch.manual_seed(0)
    model = create_model("unifygeo-lite0-campus")
    save_weights(root / "w.safetensors", model, model.card())
    return root


def ask(cvgl, campus, *args):
    model = campus / "w.safetensors"
    return cvgl("evaluate", "--dataset", "da-campus", "--root", campus, "--model", model, *args)


def test_both_directions(cvgl, campus, tmp_path):
    done = ask(cvgl, campus, "--json", "-o", tmp_path)
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert content == json.loads((tmp_path / "nearness.json").read_text())
    assert content["data"] == "DA-Campus test"
    assert content["levels_m"] == [3.0, 200.0, 500.0]
    there, back = content["directions"]
    assert (there["direction"], there["queries"], there["items"]) == (
        "drone to satellite",
        60 * TEST_PLACES,
        TEST_PLACES,
    )
    assert (back["direction"], back["queries"]) == ("satellite to drone", TEST_PLACES)
    for direction in (there, back):
        wanted = {"R@1", "NDCG", "H-AP", "ASI", "AP level 3", "AP only level 2", "P@1 level 1"}
        assert wanted | {"mAP@R level 2", "top-1 p90 m"} <= set(direction["figures"])
        shares = [v[0] for k, v in direction["figures"].items() if "top-1" not in k]
        assert all(0 <= value <= 1 for value in shares if value is not None)
        assert direction["figures"]["AP only level 1"] == [None] * 3  # no two places so far apart


def test_reranked_with_other_levels_as_text(cvgl, campus):
    done = ask(cvgl, campus, "--msrerank", "--levels-m", "10,400")
    assert done.code == 0, done.err
    assert done.out.startswith("DA-Campus test: how near the answers are")
    assert "within 10, 400 m" in done.out
    assert "level 3" not in done.out


def test_any_data_set_with_coordinates(cvgl, tmp_path):
    make_vigor(tmp_path / "VIGOR", tile_px=64, panorama_px=256)
    done = cvgl(
        *("evaluate", "--dataset", "vigor-cross", "--root", tmp_path / "VIGOR", "--limit", 4),
        *("--levels-m", "20,70,200", "--json"),
    )
    assert done.code == 0, done.err
    (direction,) = json.loads(done.out)["directions"]
    assert (direction["direction"], direction["queries"]) == ("views to tiles", 4)
    assert direction["figures"]["NDCG"][0] is not None


def test_what_is_missing_is_said(cvgl, campus):
    done = cvgl("evaluate", "--dataset", "da-campus", "--root", campus)
    assert done.code == 50
    assert "cvgl train da-campus" in done.err
    for levels in ("near,far", "", "0", "-3", "inf"):
        done = ask(cvgl, campus, "--levels-m", levels)
        assert done.code == 11, levels
        assert "such as 3,200,500" in done.err
