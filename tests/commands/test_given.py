"""What is given by hand reaches the report."""

import pytest

from cvgl_core.commands.batch import BatchOptions, locate_photo, open_batch
from cvgl_core.export import report
from cvgl_core.localization import LocalizeSettings
from cvgl_core.photo import read_photo


def test_the_strip_is_drawn_with_the_field_of_view_that_was_given(site, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(report, "write_report", lambda path, inputs: drawn.append(inputs))
    batch = open_batch([site.index], str(site.weights), "cpu", LocalizeSettings(top_k=2))
    options = BatchOptions(heading_deg=50.0, fov_deg=60.0, output=tmp_path, report=True)
    locate_photo(batch, read_photo(site.flat), "flat", options)
    (inputs,) = drawn
    # As wide as was given, and finer than the network's own strip.
    visible = inputs.strip.visible
    assert visible.mean() == pytest.approx(60 / 360, abs=0.002)
    times = len(visible) // len(inputs.result.view.visible)
    height, width = inputs.strip.rgb.shape[:2]
    blocks = inputs.strip.rgb.reshape(height // times, times, width // times, times, 3)
    assert (blocks != blocks[:, :1, :, :1]).any()
    assert inputs.sights[0].match is not None
    assert not inputs.sights[0].match.seen.all()
