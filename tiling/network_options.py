"""Options of ``cvgl-tile`` that say how the network runs, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvgl_core.errors import SettingsError

if TYPE_CHECKING:
    from tiling.engines import TileDescriber

_FEW_POINTS = 0.5

PrecisionName = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="auto|float32|bfloat16",
        help="Arithmetic of the network; auto: as the index began, else what is faster here.",
    ),
]
RuntimeName = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="auto|torch|openvino",
        help="What computes the network on a CPU; auto: as the index began, else OpenVINO where it "
        "is installed.",
    ),
]
SharedTrunk = Annotated[
    bool | None,
    typer.Option(
        "--shared-trunk/--no-shared-trunk",
        help="Describe overlapping tiles together: quicker, slightly less accurate. If not given: "
        "as the index began, else where at most half a point of R@1 was measured to be lost.",
    ),
]


def chosen_network(
    model: str,
    device: str,
    precision: str,
    runtime: str,
    shared: bool | None,
    output: Path | None = None,
) -> tuple[TileDescriber, bool]:
    """Return the network, and whether tiles share its trunk; by default as the index began.

    Args:
        model: a name, or a file of weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        runtime: ``auto``, ``torch`` or ``openvino``.
        shared: whether tiles share the trunk; None for the default.
        output: the index folder, if there is to be one.

    Raises:
        SettingsError: an option is not known, or the model cannot do it.
        WeightsError: the model is not known or its weights cannot be used.
        MissingDependencyError: the runtime is not installed.
    """
    from cvgl_core.index import member_folders
    from tiling.engines import load_describer
    from tiling.record import previous_manifest

    if precision not in ("auto", "float32", "bfloat16"):
        raise SettingsError(f"--precision {precision}: is not known; use auto, float32 or bfloat16")
    if runtime not in ("auto", "torch", "openvino"):
        raise SettingsError(f"--runtime {runtime}: is not known; use auto, torch or openvino")
    there = None if output is None else previous_manifest(member_folders(output)[0])
    chosen = {"precision": precision, "runtime": runtime}
    began: dict[str, Any] = {
        name: (None if there is None else getattr(there, name)) if value == "auto" else value
        for name, value in chosen.items()
    }
    describer = load_describer(model, device, **began)
    if shared and not describer.shared_trunk:
        raise SettingsError(
            f"--shared-trunk: nothing was fitted for the weights of {describer.card.name} that "
            "makes up for borders; use --no-shared-trunk"
        )
    if shared is None:
        cheap = describer.shared_trunk_lost_points <= _FEW_POINTS
        began_so = cheap if there is None else there.shared_trunk
        shared = began_so and bool(describer.shared_trunk)
    return describer, shared
