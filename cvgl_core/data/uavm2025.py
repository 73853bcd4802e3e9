"""The challenge of the workshop UAVM 2025: masked street photos of University-1652, a list of them.

``query_street_name.txt`` names one photo of ``workshop_query_street`` a line; ``answer.txt`` has as
many lines in the same order, each with the names, without suffix, of the ten best images of
``workshop_gallery_satellite``, best first, with tabs between. It is handed in as ``answer.zip``.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from cvgl_core.data.listing import names_in, read_lines
from cvgl_core.data.university1652 import SUFFIXES
from cvgl_core.errors import DatasetError
from cvgl_core.fsio import write_bytes
from cvgl_core.types import IntArray

QUERY_LIST = "query_street_name.txt"
QUERIES = "workshop_query_street"
GALLERY = "workshop_gallery_satellite"
ANSWERS = 10
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Challenge:
    """What is asked.

    Attributes:
        query_paths: photos in the order of the list ``[Q]``.
        query_listed: ``file:line`` of each ``[Q]``.
        gallery_paths: satellite images, sorted by name ``[N]``.
        gallery_ids: their names without suffix ``[N]``.
    """

    query_paths: tuple[Path, ...]
    query_listed: tuple[str, ...]
    gallery_paths: tuple[Path, ...]
    gallery_ids: tuple[str, ...]


def load_challenge(root: Path) -> Challenge:
    """Read the list of queries and the gallery.

    No line is skipped: answers are told apart by their place in the list alone. The number of
    lines is not checked, for the organisers state it both as 2,579 and as 2,759.

    Args:
        root: the folder ``test`` or the one above it; the list lies in either.

    Raises:
        DatasetError: a file is missing, or a line or a name cannot be used.
    """
    folder = root / "test" if (root / "test" / QUERIES).is_dir() else root
    listed = next(
        (path for path in (folder / QUERY_LIST, root / QUERY_LIST) if path.exists()), None
    )
    lines = read_lines(listed or folder / QUERY_LIST)
    present = names_in(folder / QUERIES)
    seen: dict[str, str] = {}
    for where, name in lines:
        if Path(name).suffix.lower() not in SUFFIXES or Path(name).name != name:
            raise DatasetError(f"{where}: {name!r} is not the name of a photo, as 'AbC.jpeg' is")
        if name not in present:
            raise DatasetError(f"{where}: {name} is not in {folder / QUERIES}; download it again")
        if name in seen:
            raise DatasetError(
                f"{where}: {name} stands in {seen[name]} too; download the list again"
            )
        seen[name] = where
    gallery = _gallery(folder / GALLERY)
    return Challenge(
        tuple(folder / QUERIES / name for name in seen),
        tuple(seen.values()),
        tuple(gallery.values()),
        tuple(gallery),
    )


def _gallery(folder: Path) -> dict[str, Path]:
    """Return the images by their name without suffix, sorted.

    Raises:
        DatasetError: two share a name, or there are fewer than ten.
    """
    found: dict[str, Path] = {}
    for name in sorted(names_in(folder)):
        path = folder / name
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in found:
            raise DatasetError(
                f"{path}: has the name of {found[path.stem]}; an answer is one of them"
            )
        found[path.stem] = path
    if len(found) < ANSWERS:
        raise DatasetError(f"{folder}: {len(found)} images, fewer than the {ANSWERS} of an answer")
    return found


def write_answers(folder: Path, challenge: Challenge, best: IntArray) -> Path:
    """Write ``answer.txt`` and ``answer.zip``, which holds it and nothing else.

    Args:
        folder: made if missing.
        challenge: what was asked.
        best: indices of gallery images for each query, best first ``[Q, 10]``.

    Returns:
        The path of ``answer.txt``.

    Raises:
        OutputError: a file cannot be written.
    """
    if best.shape != (len(challenge.query_paths), ANSWERS):
        raise ValueError(f"{best.shape} answers to {len(challenge.query_paths)} queries")
    rows = ("\t".join(challenge.gallery_ids[number] for number in row) for row in best.tolist())
    text = "".join(f"{row}\n" for row in rows).encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("answer.txt", _EPOCH), text, zipfile.ZIP_DEFLATED)
    write_bytes(folder / "answer.txt", text)
    write_bytes(folder / "answer.zip", packed.getvalue())
    return folder / "answer.txt"
