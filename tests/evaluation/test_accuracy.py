"""Figures, tables, JSON and page of outcomes made by hand."""

import functools
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cvgl_core.evaluation.accuracy import Accuracy, Fused, Reranked, Subject, within_curve
from cvgl_core.evaluation.published import OWN_NAME, published_tables
from cvgl_core.evaluation.ranking import Ranks
from cvgl_core.evaluation.summary import as_json, as_text, page, published_note
from cvgl_core.evaluation.tables import compared, tables
from cvgl_core.export.accuracy import write_accuracy

PROTOCOLS = ("vigor-same", "vigor-cross", "cvusa", "cvact-val", "cvact-test")


def reranked(rank, error_m):
    rank = np.array(rank)
    return Reranked(rank, rank < 2, np.array(error_m))


@functools.cache
def accuracy(metric=True):
    """Four views against 300 tiles; the last is found in another city."""
    inf = np.inf
    at_5 = reranked([0, 0, 5, 200], [0.5, 4.0, 90.0, inf])
    return Accuracy(
        subject=Subject("VIGOR cross-area test", "corrected", "net", "ab" * 32, 300, 50, metric),
        retrieved=Ranks(np.array([0, 3, 5, 200]), np.array([0, 0, 5, 198])),
        near=np.array([True, True, False, False]),
        covers=np.array([True, False, False, False]),
        paper=at_5,
        by_depth={
            1: reranked([0, 3, 5, 200], [0.5, 40.0, 90.0, inf]),
            5: at_5,
            50: reranked([0, 0, 0, 200], [0.5, 4.0, 1.0, inf]),
        },
        given_m=np.array([0.5, 4.0, 1.0, 2.5]),
        fused=Fused(
            error_m=np.array([0.25, 1.0, 12.0, inf]),
            tile_probability=np.array([0.95, 0.95, 0.55, 0.25]),
            probability=np.array([1.0, 0.9, 0.6, 0.1]),
            radius_50_m=np.array([0.5, 0.9, 20.0, 30.0]),
            radius_90_m=np.array([1.0, 1.0, 30.0, 300.0]),
        ),
        seconds={"describe tiles": 3.0, "match": 2.0},
        match_seconds={1: 0.001, 5: 0.002},
    )


def test_figures_of_a_ranking_made_by_hand():
    expected = {
        "r@1": 0.25,
        "r@5": 0.5,
        "r@10": 0.75,
        "r@1%_vigor": 0.5,  # k = 4
        "r@1%_sample4geo": 0.25,  # k = 3
        "hit_rate_code": 0.5,
        "hit_rate_prose": 0.5,
        "cover_rate": 0.25,
        "unifygeo_5_r@1": 0.5,
        "argmax_50_r@1": 0.75,
        "given_tile_mean_m": 2.0,
        "given_tile_median_m": 1.75,
        "given_tile_p90_m": 3.55,
        "unifygeo_5_median_m": 47.0,
        "fused_50_median_m": 6.5,
        "unifygeo_5_r@1m": 0.25,
        "unifygeo_5_r@5m": 0.5,
        "argmax_50_r@1m": 0.5,
        "fused_50_r@1m": 0.5,
        "fused_50_r@10m": 0.5,
        "ece_tile": (2 * 0.05 + 0.45 + 0.25) / 4,
        "ece_place": (0.95 * 2 - 2) / -4 + 0.6 / 4 + 0.1 / 4,
        "in_radius_50": 0.5,
        "in_radius_90": 0.75,
        "gain_r@1_unifygeo_5": 0.25,
        "gain_r@1_argmax_50": 0.5,
        "gain_r@1m_fused_over_unifygeo_5": 1.0,
        "gain_r@1m_fused_over_argmax_50": 0.0,
    }
    figures = accuracy().figures
    found = {name: figures[name].value for name in expected}
    # the radius of 50 % holds 0.25 <= 0.5 and 12 <= 20, not 1.0 <= 0.9
    assert found == pytest.approx(expected)
    assert all(f.low <= f.value <= f.high for f in figures.values() if not math.isnan(f.low))


def test_a_wrong_tile_counts_as_its_true_error():
    errors_m = np.array([0.5, 1.0, 90.0, np.inf])
    assert within_curve(errors_m, np.array([0.4, 0.5, 1.0, 1e9])).tolist() == [0, 0.25, 0.5, 0.75]


def test_tables_have_a_cell_for_every_column():
    for found in (accuracy(), accuracy(metric=False)):
        for table in (*tables(found), *compared(found, "vigor-cross")):
            assert all(len(row.cells) == len(table.columns) for row in table.rows)
            assert "nan" not in table.text()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_our_rows_stand_beside_the_papers(protocol):
    beside = compared(accuracy(), protocol)
    numbers = [table.title.split()[1] for table in beside]
    assert numbers == (["I", "II", "III", "V", "VI", "VII"] if "vigor" in protocol else ["IV"])
    for table in beside:
        assert f"{OWN_NAME} (paper)" in [row.label for row in table.rows]
        assert [row.ours for row in table.rows][-1]
        ours = next(row for row in table.rows if row.ours)
        assert all(ours.cells), ours


def test_published_values():
    def value(protocol, number, method, column):
        table = next(t for t in published_tables(protocol) if t.number == number)
        return table.rows[method][table.columns.index(column)]

    assert value("vigor-same", "I", OWN_NAME, "r@1m") == 39.64
    assert value("vigor-cross", "II", OWN_NAME, "hit") == 68.24
    assert value("vigor-cross", "III", "HC-Net", "median_m") == 1.59
    assert value("cvusa", "IV", OWN_NAME, "r@1") == 98.91
    assert value("cvact-test", "IV", "Sample4Geo", "r@1%") == 98.70
    assert value("vigor-same", "VI", "1: localization alone", "median_m") == 1.00
    assert value("vigor-cross", "VII", "6: UL, FA, re-rank", "r@10m") == 63.17
    assert "TransGeo" not in published_tables("cvact-test")[0].rows  # a row of dashes
    assert published_tables("") == ()


def test_ablations_end_with_the_papers_own_rows():
    for protocol in ("vigor-same", "vigor-cross"):
        by_number = {t.number: t for t in published_tables(protocol)}
        for ablation, whole in (("V", "II"), ("VI", "III"), ("VII", "I")):
            assert by_number[ablation].rows[OWN_NAME] == by_number[whole].rows[OWN_NAME]


def test_json_is_plain_and_whole():
    content = json.loads(json.dumps(as_json(accuracy(), "vigor-cross", 3), allow_nan=False))
    assert content["data"] == "VIGOR cross-area test"
    assert content["skipped"] == 3
    assert content["figures"]["r@1"]["value"] == 0.25
    assert content["figures"]["unifygeo_5_median_m"]["high"] is None  # in another city
    assert [row["depth"] for row in content["by_depth"]] == [1, 5, 50]
    assert len(content["within"]["fused_50"]) == len(content["thresholds_m"])
    assert sum(content["reliability"]["place"]["count"]) == 4
    assert len(content["published"]) == 6


def test_ranks_alone_make_json_text_and_page(tmp_path):
    found = accuracy(metric=False)
    content = json.loads(json.dumps(as_json(found, "cvusa"), allow_nan=False))
    assert content["within"] == {}
    assert "Whole pipeline" not in as_text(found, "cvusa")
    assert len(page(found, "cvusa").charts) == 1
    write_accuracy(tmp_path / "accuracy.html", page(found, "cvusa"))


def test_text_says_when_nothing_is_published():
    assert published_note("") in as_text(accuracy(), "")
    assert "(paper)" not in as_text(accuracy(), "")


def test_strangers_lower_the_trust_in_what_is_stated():
    known = accuracy()
    assert "auroc_strangers" not in known.figures
    strangers = Fused(
        error_m=np.full(3, np.inf),
        tile_probability=np.array([0.9, 0.2, 0.1]),
        probability=np.array([0.95, 0.1, 0.05]),
        radius_50_m=np.full(3, 9.0),
        radius_90_m=np.full(3, 9.0),
    )
    asked = replace(known, strangers=strangers)
    # Of the 4 x 3 pairs of a view and a stranger, by probability: 1.0 beats 3, 0.9 and 0.6 beat 2,
    # 0.1 beats 1 and ties with 1.
    assert asked.figures["auroc_strangers"].value == pytest.approx(8.5 / 12)
    stated = [1.0, 0.9, 0.6, 0.1, 0.95, 0.1, 0.05]
    true = [1, 1, 0, 0, 0, 0, 0]
    bins = np.minimum((np.array(stated) * 10).astype(int), 9)
    gaps = [
        abs(np.mean(np.array(stated)[bins == b]) - np.mean(np.array(true)[bins == b]))
        * np.mean(bins == b)
        for b in np.unique(bins)
    ]
    assert asked.figures["ece_place"].value == pytest.approx(sum(gaps))
    assert asked.figures["in_radius_90"] == known.figures["in_radius_90"]
    assert "strangers told" in as_text(asked, "")
    assert sum(json.loads(json.dumps(as_json(asked, "", 0)))["reliability"]["place"]["count"]) == 7
