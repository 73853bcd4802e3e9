"""Words from probabilities, and settings within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvgl_core.errors import SettingsError
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.localization.verdict import judge

SETTINGS = LocalizeSettings()


@pytest.mark.parametrize(
    ("probability", "outside", "verdict", "confidence"),
    [
        (0.95, 0.01, "located", "strong"),
        (0.8, 0.1, "located", "strong"),
        (0.79, 0.1, "located", "possible"),
        (0.5, 0.5, "located", "possible"),
        (0.49, 0.2, "ambiguous", "weak"),
        (0.1, 0.51, "not_in_area", "none"),
    ],
)
def test_table(probability, outside, verdict, confidence):
    result = judge(probability, outside, SETTINGS, calibrated=True)
    assert (result.verdict, result.confidence) == (verdict, confidence)


@given(st.floats(0, 1), st.floats(0, 1))
def test_without_calibration_nothing_is_strong(probability, outside):
    judgement = judge(probability, outside, SETTINGS, calibrated=False)
    assert judgement.confidence != "strong"
    assert judgement.verdict != "not_in_area"


@pytest.mark.parametrize(
    "wrong", [{"depth": 0}, {"top_k": -1}, {"smoothing_m": float("nan")}, {"window_cells": 10**9}]
)
def test_settings_out_of_bounds_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        LocalizeSettings(**wrong)


def test_settings_as_text_name_every_choice():
    text = SETTINGS.as_text()
    assert text["depth"] == "50"
    assert text["estimate"] == "fused"
    assert all(isinstance(value, str) for value in text.values())
