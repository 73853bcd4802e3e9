import logging
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.errors import OutputError
from cvgl_core.index import Index, codes, codes_file, exact_search
from cvgl_core.index.codes import (
    CodeArrays,
    Codes,
    coded_search,
    is_large,
    make_codes,
    shortlist_length,
)
from tests.index.conftest import DIM

faiss = pytest.importorskip("faiss")
ROWS, WIDTH = 4000, 128


@pytest.fixture(scope="module")
def gallery() -> np.ndarray:
    """Descriptors in a few directions only, far from the origin, as those of networks are."""
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(ROWS, WIDTH)) * np.geomspace(1, 0.01, WIDTH)
    spread[:, 0] += 2
    return (spread / np.linalg.norm(spread, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture(scope="module")
def queries(gallery: np.ndarray) -> np.ndarray:
    """Nothing like the gallery: a view from the street."""
    rng = np.random.default_rng(1)
    return (gallery[::400] + rng.normal(0, 0.2, (10, WIDTH)) + 0.3).astype(np.float32)


def overlap(found: np.ndarray, exact: np.ndarray) -> float:
    return np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)])


def test_the_best_are_those_of_the_exact_search(gallery, queries) -> None:
    coded = coded_search(Codes(make_codes(gallery)), gallery, queries, 20)
    exact = exact_search(gallery, queries, 20)
    assert np.array_equal(coded.indices[:, 0], exact.indices[:, 0])
    assert overlap(coded.indices, exact.indices) > 0.95
    np.testing.assert_allclose(coded.scores[:, 0], exact.scores[:, 0], atol=1e-6)


def test_codes_made_in_pieces_are_the_same(gallery, monkeypatch) -> None:
    whole = make_codes(gallery)
    monkeypatch.setattr(codes, "_PIECE_ROWS", ROWS // 3)
    turn, centre = whole.turn, whole.centre
    pieces = make_codes(gallery)
    assert np.array_equal(pieces.turn, turn) and np.abs(pieces.centre - centre).max() < 0.02
    monkeypatch.setattr(codes, "_PIECE_ROWS", ROWS)
    assert np.array_equal(make_codes(gallery).codes, whole.codes)


def test_only_allowed_tiles_are_found(gallery, queries) -> None:
    where = np.zeros(ROWS, bool)
    where[1::3] = True
    found = coded_search(Codes(make_codes(gallery)), gallery, queries, 30, where)
    assert where[found.indices].all()
    assert overlap(found.indices, exact_search(gallery, queries, 30, where).indices) > 0.95


def test_what_is_large(monkeypatch) -> None:
    monkeypatch.setattr(codes, "EXACT_TILES", 100)
    assert not is_large(100, 10)
    assert not is_large(4 * shortlist_length(10), 10) and is_large(5000, 10)
    assert not is_large(5000, 500)  # nearly all would be compared anyway


def test_without_faiss_the_search_is_exact(coded: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(codes, "find_spec", lambda name: None)
    with caplog.at_level(logging.INFO, "cvgl_core.index.codes"):
        assert search(coded) == [3, 20] and not (coded / "cache").exists()
    assert "cvgl[faiss]" in caplog.text


@pytest.fixture
def coded(city: Path, monkeypatch) -> Path:
    """An index so large that it is searched by its codes."""
    monkeypatch.setattr(codes, "EXACT_TILES", 1)
    monkeypatch.setattr(codes, "shortlist_length", lambda k: k + 2)
    return city


def names(path: Path) -> list[str]:
    return sorted(p.name.split("-")[0] for p in (path / "cache").iterdir())


def search(path: Path) -> list[int]:
    index = Index.open(path)
    found = index.search(index.descriptors[[3, 20]].astype(np.float32), 2)
    return found.indices[:, 0].tolist()


def test_codes_are_made_once_and_used_again(coded: Path, monkeypatch, caplog) -> None:
    assert search(coded) == [3, 20] and names(coded) == ["codes", "codes.json"]
    assert "coding 30 tiles" in caplog.text  # nobody should wonder what takes so long
    monkeypatch.setattr(codes_file, "make_codes", None)
    assert search(coded) == [3, 20]
    assert Index.open(coded).verify() == []


def damages() -> list[tuple[str, int]]:
    return [("codes.json", at) for at in (0, 40, -3)] + [("codes-*.bin", at) for at in (0, -1)]


@pytest.mark.parametrize(("name", "at"), damages())
def test_damaged_codes_are_made_anew(coded: Path, caplog, name: str, at: int) -> None:
    search(coded)
    before = {p.name: p.read_bytes() for p in (coded / "cache").iterdir()}
    (path,) = (coded / "cache").glob(name)
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    assert search(coded) == [3, 20] and "made anew" in caplog.text
    assert {p.name: p.read_bytes() for p in (coded / "cache").iterdir()} == before


@pytest.mark.parametrize("name", ["codes.json", "codes-*.bin"])
def test_codes_that_are_cut_short_or_gone_are_made_anew(coded: Path, name: str) -> None:
    for damage in (lambda p: p.write_bytes(p.read_bytes()[:-7]), lambda p: p.unlink()):
        search(coded)
        (path,) = (coded / "cache").glob(name)
        damage(path)
        assert search(coded) == [3, 20] and names(coded) == ["codes", "codes.json"]


def test_codes_of_another_version_are_made_anew(coded: Path, make_index, caplog) -> None:
    search(coded)
    make_index(seed=1, index_id="1" * 32)
    assert search(coded) == [3, 20] and "another version" in caplog.text
    assert names(coded) == ["codes", "codes.json"]  # the old file is gone


def test_codes_of_another_faiss_are_made_anew(coded: Path, monkeypatch, caplog) -> None:
    search(coded)
    monkeypatch.setattr(codes_file, "faiss_version", lambda: "99.0")
    assert search(coded) == [3, 20] and "another version" in caplog.text


def test_a_folder_that_cannot_be_written_is_searched_all_the_same(
    coded: Path, monkeypatch, caplog
) -> None:
    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(codes_file.fsio, "atomic_path", full)
    assert search(coded) == [3, 20] and "again next time" in caplog.text
    assert not (coded / "cache").exists()


def test_nothing_is_written_through_a_link(coded: Path, tmp_path: Path, caplog) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (coded / "cache").symlink_to(elsewhere)
    assert search(coded) == [3, 20] and "leads out" in caplog.text
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("content", ["nan", "zeros", "ones", "noise"])
def test_codes_of_a_stranger_cannot_do_more_than_mislead(coded: Path, content: str) -> None:
    """Sealed as it should be, and full of nonsense."""
    index = Index.open(coded)
    arrays = make_codes(index.descriptors)
    size = arrays.turn.nbytes + arrays.centre.nbytes + arrays.codes.nbytes
    made = {
        "nan": np.full(size // 4 + 1, np.nan, np.float32).view(np.uint8)[:size],
        "zeros": np.zeros(size, np.uint8),
        "ones": np.full(size, 255, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, size, np.uint8),
    }[content]
    turn, centre, rest = np.split(made, np.cumsum([arrays.turn.nbytes, arrays.centre.nbytes]))
    hostile = CodeArrays(
        turn.view(np.float32).reshape(arrays.turn.shape),
        centre.view(np.float32),
        rest.reshape(arrays.codes.shape),
    )
    codes_file._write(coded / "cache", index.manifest, hostile)
    found = index.search(np.eye(2, DIM, dtype=np.float32), 3)
    assert found.indices.shape == (2, 3)
    assert (found.indices >= 0).all() and (found.indices < len(index)).all()


def test_a_query_is_not_changed(coded: Path) -> None:
    index = Index.open(coded)
    query = np.full((1, DIM), 2, np.float32)
    index.search(query, 3)
    assert (query == 2).all()
