"""The weights that come with the program: whole, described, calibrated, and small enough."""

from __future__ import annotations

import json

import pytest

from cvgl_core.models import DEFAULT_MODEL, bundled_path
from cvgl_core.models.weights import load_model

MAX_BYTES = 30_000_000


@pytest.fixture(scope="module")
def path():
    found = bundled_path(DEFAULT_MODEL)
    assert found is not None, "the default model comes without weights"
    return found


def test_they_load_and_say_what_they_are(path):
    _, card = load_model(path)
    assert path.stat().st_size <= MAX_BYTES
    assert card.name == DEFAULT_MODEL
    assert card.calibration is not None and 0 < card.calibration.temperature < 1
    assert int(card.training["pairs"]) > 10_000
    assert json.loads(card.training["validation"])["given tile median m"] < 2


def test_their_record_names_no_place_of_the_machine_that_made_them(path):
    _, card = load_model(path)
    settings = json.loads(card.training["settings"])
    places = [settings["run"]["folder"], settings["data"]["cache"], *settings["data"]["osm"]]
    assert not [place for place in places if place.startswith("/")]


def test_a_card_for_people_lies_beside_them(path):
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Recipe", "## Results", "## Not good for"):
        assert heading in card
