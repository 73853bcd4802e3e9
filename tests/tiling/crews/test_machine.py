from pathlib import Path

import pytest

from tiling.crews import machine


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


def test_processors_of_a_container(container: Path) -> None:
    assert machine.cores() == 8
    for text, expected in (("max 100000\n", 8), ("150000 100000\n", 2), ("1000 100000\n", 1)):
        (container / "cpu.max").write_text(text)
        assert machine.cores() == expected


def test_memory_of_a_container(container: Path) -> None:
    machine_free = machine.free_memory_bytes()
    (container / "memory.max").write_text("max\n")
    (container / "memory.current").write_text("1000\n")
    if machine_free is not None:
        assert machine.free_memory_bytes() > 0
    (container / "memory.max").write_text("5000\n")
    assert machine.free_memory_bytes() == 4000


@pytest.mark.parametrize(
    ("blocks", "free", "expected"),
    [(0, 64 << 30, 1), (3, 64 << 30, 1), (8, 64 << 30, 2), (1000, 64 << 30, 8),
     (1000, 3 << 30, 3), (1000, 1 << 20, 1), (1000, None, 8)],
)  # fmt: skip
def test_as_many_processes_as_fit(
    container: Path, monkeypatch, blocks: int, free: int | None, expected: int
) -> None:
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: free)
    assert machine.default_workers(blocks) == expected
    assert machine.default_workers(blocks, on_gpu=True) == min(expected, 4)
