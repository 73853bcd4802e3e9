"""Evaluation against a world whose answer is known, and truths that are not."""

import json

import numpy as np
import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.localization import Localizer, LocalizeSettings
from cvgl_core.localization.evaluate import evaluate, read_truth
from cvgl_core.photo import write_photo


def write_truth(folder, points):
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"photo": name, "heading_deg": 0.0, "fov_deg": 360.0},
        }
        for name, lon, lat in points
    ]
    path = folder / "truth.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


@pytest.fixture
def folder(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 255, (64, 128, 3), dtype=np.uint8)
    for name in ("here.jpg", "there.jpg"):
        write_photo(tmp_path / name, rgb, heading_deg=0.0)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    return tmp_path


def run(fakes, folder, depth=81):
    index = fakes.Index()
    lon, lat = index.place(150.0, 140.0)
    engine = fakes.Engine(index, lon, lat)
    far_lon, far_lat = index.place(250.0, 140.0)
    write_truth(
        folder, [("here.jpg", lon, lat), ("there.jpg", far_lon, far_lat), ("broken.jpg", 0, 0)]
    )
    localizer = Localizer(index, engine, LocalizeSettings(depth=depth, top_k=1))
    return evaluate(localizer, folder, read_truth(folder)), index


def test_right_and_wrong_answers_and_failures_are_told_apart(fakes, folder):
    report, _ = run(fakes, folder)
    here, there = report.outcomes
    assert here.rank == 0 and here.error_m < 3 and here.chosen_covers
    # The engine says "here" for every photo: the second one is wrong by the distance between.
    assert there.rank > 0 and there.error_m == pytest.approx(100, abs=3)
    assert not there.chosen_covers
    assert [f.error for f in report.failures] == ["PhotoOpenError"]
    figures = report.figures()
    assert figures["R@1 re-ranked, depth 81"] == 0.5
    assert figures["within 10 m"] == 0.5
    assert figures["photos"] == 2 and figures["tiles"] == 81


def test_retrieval_rank_counts_the_tiles_before_the_right_one(fakes, folder):
    report, index = run(fakes, folder)
    scores = index.descriptors[:, 0].astype(np.float32)
    outcome = report.outcomes[0]
    right = next(i for i in range(81) if (scores > scores[i]).sum() == outcome.retrieval_rank)
    x, _ = index.grid.centre(index.rows[right], index.cols[right])
    east = float(x) - index.cols.min() * index.stride_m
    assert abs(east - 150.0) <= 18.0


def test_beyond_the_depth_a_tile_keeps_its_retrieval_rank(fakes, folder):
    report, _ = run(fakes, folder, depth=1)
    for outcome in report.outcomes:
        assert outcome.rank == 0 or outcome.rank == max(outcome.retrieval_rank, 1)


@pytest.mark.parametrize("content", ["", "{}", '{"features": [{"properties": {}}]}', "[1]"])
def test_truth_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "truth.geojson").write_text(content)
    with pytest.raises(SettingsError, match=r"truth\.geojson"):
        read_truth(tmp_path)


def test_missing_truth_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_truth(tmp_path)
