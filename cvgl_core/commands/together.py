"""``cvgl locate --together``: photos of one place or one walk, answered one by one and as one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cvgl_core.commands.batch import (
    Batch,
    BatchOptions,
    grouped,
    is_from_above,
    prepared,
    write_files,
)
from cvgl_core.commands.known import Known, search_limits
from cvgl_core.commands.outcome import Item, Outcome, failed, result_line
from cvgl_core.console import PROGRAM_FAULT, one_line
from cvgl_core.errors import CvglError, OutputError, PhotoError, PhotoViewError, SettingsError
from cvgl_core.export.geojson import estimate_properties, result_to_geojson, to_line
from cvgl_core.export.overview import thumbnail
from cvgl_core.export.together import TOGETHER_STEM, Together, write_together
from cvgl_core.localization import Located
from cvgl_core.localization.track import Track, way_between
from cvgl_core.localization.walk import Shot, join
from cvgl_core.photo import read_photo
from cvgl_core.types import Photo, Progress, Verdict

Value = TypeVar("Value")


MOST_PHOTOS = 20
"""Each is matched where any of them points, so memory grows with the square of their number."""


@dataclass(frozen=True)
class Apart:
    """What is known of the way between photos; see ``cvgl locate --help``."""

    apart_m: float | None = None
    track: Track | None = None


@dataclass(frozen=True)
class Taken:
    """A photo that can be used."""

    item: Item
    photo: Photo
    known: Known
    shots: tuple[Shot, ...]
    options: BatchOptions


@dataclass
class TogetherRun:
    """Locates photos together; ``joint`` is the answer of all, once all outcomes were taken.

    Attributes:
        batch: the localizer of the indexes, see ``walk.ALL_TILES``.
        options: the same for all photos.
        apart: what is known of the way between them.
        as_json: whether lines are JSON.
        small: whether outcomes have a small picture.
        progress: told of every stage.
    """

    batch: Batch
    options: BatchOptions
    apart: Apart
    as_json: bool
    small: bool
    progress: Progress
    joint: Together | None = None

    def outcomes(self, items: Sequence[Item]) -> Generator[Outcome, None, None]:
        """Yield what becomes of each photo, in order; those that cannot be used are left out.

        Raises:
            SettingsError: there are too many.
        """
        if len(items) > MOST_PHOTOS:
            raise SettingsError(
                f"{len(items)} photos to locate together: at most {MOST_PHOTOS}; split the walk"
            )
        read = [_guarded(item, self._taken) for item in items]
        numbers = [number for number, one in enumerate(read) if isinstance(one, Taken)]
        taken = [one for one in read if isinstance(one, Taken)]
        results = iter(self._results(taken, numbers) if taken else [])
        for one in read:
            yield one if isinstance(one, Outcome) else self._told(one, next(results))
        if self.joint is not None and self.options.output is not None:
            write_together(self.options.output / f"{TOGETHER_STEM}.geojson", self.joint)

    def _taken(self, item: Item) -> Taken:
        """Return a photo with all that is known of it."""
        options = self.options.of(item.photo.stated)
        photo = read_photo(item.photo.path, fov_deg=options.fov_deg)
        localizer = self.batch.localizer
        photo, known = prepared(photo, options, localizer.galleries)
        if is_from_above(photo, options):
            raise PhotoViewError(f"{photo.path}: looks from above; locate it without --together")
        search = options.search_heading or known.heading is not None
        shots = localizer.shots(
            photo, options.heading_deg, search, options.fov_deg, known.heading, known.around
        )
        return Taken(item, photo, known, shots, options)

    def _results(self, taken: Sequence[Taken], numbers: Sequence[int]) -> list[Located]:
        """Return the joint answers of photos, which were named as the ``numbers``-th."""
        several = self.batch.localizer
        shots = [one.shots for one in taken]
        gathered = several.gather(shots, self.options.near, self.progress)
        turn_deg = gathered.localizer.convergence_deg
        photos = [one.photo for one in taken]
        way = way_between(photos, self.apart.apart_m, self.apart.track, turn_deg, numbers)
        names = tuple(photo.path.name for photo in photos)
        together = (f"located together with {len(taken) - 1} more: {way.basis}",)
        results = []
        for one, search in zip(taken, join(gathered, way.steps), strict=True):
            around = one.known.around
            located = several.conclude(one.photo, gathered, search, around, self.progress)
            told = (*one.known.told, *search_limits(self.options.near), *located.result.priors)
            told += together if len(taken) > 1 else ()
            result = grouped(located.result, one.options.group)
            result = replace(result, priors=told, together=names)
            results.append(replace(located, result=result, fov_deg=one.options.fov_deg))
        self.joint = Together(tuple(one.result for one in results), way.basis)
        return results

    def _told(self, taken: Taken, located: Located) -> Outcome:
        """Write the files of a photo, and return what became of it."""

        def written(item: Item) -> Outcome:
            files = taken.options.files(item.name, taken.photo.path)
            told = write_files(files, located, taken.photo)
            values = estimate_properties(told)
            line = to_line(result_to_geojson(told)) if self.as_json else result_line(values)
            small = thumbnail(taken.photo.rgb) if self.small else None
            return Outcome(item, values, line, small)

        return _guarded(taken.item, written)


def joint_line(together: Together) -> str:
    """Return the answer of all photos as one line for people."""
    surest = together.surest
    estimate, name = surest.estimate, one_line(surest.provenance.photo)
    photos = f"{len(together.results)} photos together ({together.basis})"
    verdict = f"{estimate.verdict.value} ({estimate.confidence.value})"
    if estimate.verdict is Verdict.NOT_IN_AREA:
        outside = together.outside_probability
        return f"{photos}  {verdict}  outside with probability {outside:.2f}"
    surely = f"surest {name} p {estimate.probability:.2f}"
    return f"{photos}  {verdict}  {surely}  way of {together.length_m:.0f} m"


def _guarded(item: Item, do: Callable[[Item], Value]) -> Value | Outcome:
    """Return what is done with a photo, or the record of its failure."""
    try:
        return do(item)
    except (PhotoError, OutputError) as error:
        return failed(item, error, error.exit_code)
    except (CvglError, OSError):
        raise
    except Exception as error:
        return failed(item, error, PROGRAM_FAULT)
