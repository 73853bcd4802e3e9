"""Tiles by the day on which their imagery was taken."""

from datetime import date

import numpy as np
import pytest
import typer

from cvgl_core.commands.prior_options import imagery_taken
from cvgl_core.errors import SettingsError
from cvgl_core.localization import LocalizeSettings, Near, Period
from cvgl_core.localization.retrieve import tiles_allowed

DAYS = ["", "2019-07-01", "2021-05-30", "2021-05-31", "2023-01-01"]


def dated(index, days=DAYS):
    index.acquired = np.array([days[n % len(days)] for n in range(len(index.rows))])
    return index


@pytest.mark.parametrize(
    ("first", "last", "left"),
    [
        (None, None, DAYS[1:]),
        ("2021-05-31", None, DAYS[3:]),
        (None, "2021-05-30", DAYS[1:3]),
        ("2021-05-30", "2021-05-31", DAYS[2:4]),
    ],
)
def test_both_ends_are_included_and_no_date_is_none(fakes, first, last, left):
    index = dated(fakes.Index())
    days = [None if text is None else date.fromisoformat(text) for text in (first, last)]
    allowed = tiles_allowed(index, None, Period(*days))
    assert (allowed == np.isin(index.acquired, left)).all()


def test_it_goes_together_with_a_place(fakes):
    index = dated(fakes.Index())
    near = Near(*index.place(180, 180), 60.0)
    both = tiles_allowed(index, near, Period(date(2021, 1, 1)))
    assert (both == (tiles_allowed(index, near) & (index.acquired > "2021"))).all()
    assert tiles_allowed(index, None) is None


def test_nothing_of_that_time_says_what_there_is(fakes):
    index = dated(fakes.Index())
    with pytest.raises(SettingsError, match="from 2024-01-01: it is of 2019-07-01 to 2023-01-01"):
        tiles_allowed(index, None, Period(date(2024, 1, 1)))
    with pytest.raises(SettingsError, match="to 2024-01-01: the index knows no dates"):
        tiles_allowed(dated(index, [""]), None, Period(None, date(2024, 1, 1)))


def test_the_options():
    assert imagery_taken(None, None) is None
    assert imagery_taken("2020-02-29", None) == Period(date(2020, 2, 29))
    for after, before in (("yesterday", None), ("2021-02-29", None), ("2021-01-02", "2021-01-01")):
        with pytest.raises(typer.BadParameter, match="--imagery-after"):
            imagery_taken(after, before)


def test_the_record_of_a_result_says_it():
    assert "taken" not in LocalizeSettings().as_text()
    asked = LocalizeSettings(taken=Period(date(2020, 1, 1), date(2020, 12, 31)))
    assert asked.as_text()["taken"] == "from 2020-01-01 to 2020-12-31"
