"""What was measured as JSON, CSV and Markdown."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from export.bench.claims import Claim
from export.bench.clips import CommandCost, StageCost
from export.bench.finding import FindingScore
from export.bench.finding_tables import found_in_words
from export.bench.following import EVERY, FollowingScore
from export.bench.machine import Machine
from export.bench.networks import NetworkCost, Networks
from export.bench.published import ComparedSystem, Look
from export.bench.tabulated import table

if TYPE_CHECKING:
    from export.bench.reading import ReadingFigures

NOT_STATED: Final = "-"
COMMAND_SAID: Final = (
    "The command takes turns with decoding and encoding alone; medians of the runs. It loads its "
    "models anew each time; the start of Python does not count."
)
FOLLOWING_SAID: Final = (
    "Staged films of people that neither training nor the tracker's thresholds saw, through the "
    "pipeline at its defaults. A row is a face in a frame. Scores by TrackEval at an overlap (IoU) "
    "of 0.4 (IDF1) and 0.05 to 0.95 (HOTA, which also measures how well boxes fit); faces that are "
    "half covered, faded or blurred may be followed or not. An id is of whom it first was on."
)
SIZES_HEAD: Final = (
    "network",
    "precision",
    "M parameters",
    "GMAC",
    "MB on disk",
    "FER+ test, %",
)
COSTS_HEAD: Final = (
    "network",
    "precision",
    "device",
    "threads",
    "batch",
    "best ms",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "p50 ms each",
    "each s",
    "share of peak, %",
    "memory, MiB",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Everything that a run came to; what was not asked for is empty.

    Attributes:
        machine: Where, when and with what.
        settings: Of the run.
        networks: Costs of the networks.
        stages: Of the pipeline.
        whole: The command from end to end.
        claims: The README's figures.
        finding: Faces found, by kind of picture.
        following: How long ids last, by kind of film; the last row is of all.
        systems: Accuracy and cost, measured and stated.
        reading: How well faces are read.
    """

    machine: Machine
    settings: dict[str, Any]
    networks: Networks | None = None
    stages: tuple[StageCost, ...] = ()
    whole: tuple[CommandCost, ...] = ()
    claims: tuple[Claim, ...] = ()
    finding: tuple[FindingScore, ...] = ()
    following: tuple[FollowingScore, ...] = ()
    systems: tuple[ComparedSystem, ...] = ()
    reading: "ReadingFigures | None" = None


def to_json(measured: Measurements) -> str:
    """Give everything."""
    networks = measured.networks
    content: dict[str, Any] = {
        "machine": measured.machine.as_dict(),
        "settings": measured.settings,
    }
    if networks is not None:
        content["networks"] = [
            {
                "name": workload.name,
                "precision": workload.precision,
                "sha256": [manifest.sha256 for manifest in workload.manifests],
                "parameters": workload.parameters,
                "gmac": workload.gmac,
                "megabytes": workload.megabytes,
                "accuracy": workload.accuracy,
            }
            for workload in networks.workloads
        ]
        content["rows"] = [row.as_dict() for row in networks.rows]
        content["peaks"] = [peak.as_dict() for peak in networks.peaks]
        content["left_out"] = list(networks.left_out)
    for name in ("stages", "whole", "claims", "finding", "following", "systems"):
        content[name] = [each.as_dict() for each in getattr(measured, name)]
    if measured.reading is not None:
        content["reading"] = measured.reading.as_dict()
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Replace numbers that JSON does not know by null, such as a lag that never ends."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_csv(rows: Iterable[NetworkCost]) -> str:
    """Give the networks' figures, a row for each case."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, [field.name for field in fields(NetworkCost)], lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(row.as_dict() for row in rows)
    return text.getvalue()


def to_markdown(measured: Measurements, picture: str = "") -> str:
    """Give the tables for a reader.

    Args:
        measured: What was measured.
        picture: File name of the plot beside it; empty where there is none.
    """
    parts = ["# Benchmark", measured.machine.in_words(), "Command: `" + command_of(measured) + "`."]
    if measured.networks is not None:
        parts += _networks(measured.networks, int(measured.settings["rounds"]))
    parts += _clips(measured)
    if measured.finding:
        parts += found_in_words(measured.finding, table)
    if measured.following:
        parts += _following(measured)
    if measured.reading is not None:
        from export.bench.reading import reading_tables

        parts += reading_tables(measured.reading)
    if measured.systems:
        parts += _systems(measured.systems, picture)
    return "\n\n".join(parts) + "\n"


def command_of(measured: Measurements) -> str:
    """Give the command line that does this again."""
    return str(measured.settings["command"])


def _networks(networks: Networks, rounds: int) -> list[str]:
    sizes = [
        (
            s.name,
            s.precision,
            f"{s.parameters / 1e6:.2f}",
            f"{s.gmac:.3f}",
            f"{s.megabytes:.2f}",
            _percent(s.accuracy),
        )
        for s in networks.workloads
    ]
    costs = [
        (
            row.name,
            row.precision,
            row.device,
            str(row.threads),
            str(row.batch),
            *(f"{ms:.2f}" for ms in (row.best_ms, row.p50_ms, row.p95_ms, row.p99_ms, row.each_ms)),
            f"{row.per_s:.0f}",
            _percent(row.peak_share, 0),
            NOT_STATED if row.memory_mib is None else f"{row.memory_mib:.0f}",
        )
        for row in networks.rows
    ]
    peaks = [
        (peak.device, str(peak.threads), str(peak.side), f"{peak.gmac_per_s:.1f}")
        for peak in networks.peaks
    ]
    parts = ["## Networks", table(SIZES_HEAD, sizes)]
    parts.append(
        f"{rounds} calls of each case, which took turns, each round in another order. Memory is "
        "what a fresh process grows by, at most, to open the network and run it. The share of the "
        "peak compares the fastest call with the fastest float32 matrix product on the same "
        "threads; int8 may go beyond it."
    )
    parts.append(table(COSTS_HEAD, costs))
    parts.append(table(("peak of", "threads", "side of the matrices", "GMAC a second"), peaks))
    if networks.left_out:
        parts.append(f"Left out: {'; '.join(networks.left_out)}.")
    return parts


def _clips(measured: Measurements) -> list[str]:
    parts = []
    if measured.stages:
        stages = [
            (
                stage.clip,
                stage.where,
                stage.name,
                NOT_STATED if stage.frames is None else str(stage.frames),
                f"{stage.p50_ms:.2f}",
                f"{stage.p95_ms:.2f}",
            )
            for stage in measured.stages
        ]
        head = ("clip", "where", "stage", "frames", "p50 ms", "p95 ms")
        parts += ["## Stages of the pipeline", table(head, stages)]
    claims = [*(claim for whole in measured.whole for claim in _claims(whole)), *measured.claims]
    if claims:
        rows = [(claim.what, claim.measured, claim.wanted) for claim in claims]
        parts += ["## The whole command", COMMAND_SAID, table(("what", "measured", "wanted"), rows)]
    return parts


def _claims(whole: CommandCost) -> list[Claim]:
    title = f"{whole.clip}, {whole.width}x{whole.height}, {whole.frames} frames"
    return [
        Claim(f"{title}: decode + encode alone", f"{whole.frames / whole.bare_s:.1f} fps"),
        Claim(f"{title}: video and rows", f"{whole.frames / whole.whole_s:.1f} fps"),
        Claim(f"{title}: ratio", f"{whole.ratio:.2f}", "0.5 or more"),
    ]


def _following(measured: Measurements) -> list[str]:
    rows = [
        (
            f"**{score.name}**" if score.name == EVERY else score.name,
            str(score.films),
            str(score.people),
            str(score.ids),
            str(score.split),
            str(score.wrong),
            str(score.faces),
            str(score.missed),
            f"{score.idf1:.3f}",
            f"{score.hota:.3f}",
        )
        for score in measured.following
    ]
    head = (
        "what happens",
        "films",
        "people in them",
        "their ids",
        "people with several ids",
        "rows of one person under another's id",
        "rows",
        "missed",
        "IDF1",
        "HOTA",
    )
    settings = measured.settings
    drawn = f"{settings['sets']} sets of films, two of {settings['people']} people in each."
    return ["## Following", f"{FOLLOWING_SAID} {drawn}", table(head, rows)]


def _systems(systems: Sequence[ComparedSystem], picture: str) -> list[str]:
    said: dict[Look, str] = {
        "measured": "measured",
        "here": "small, trained here",
        "nothing": "published, from nothing",
        "ImageNet": "published, from ImageNet",
        "faces": "published, from a face-recognition network",
        "not stated": "published",
    }
    rows = [
        (
            system.name,
            said[system.look],
            f"{system.accuracy:.2f}",
            *(_number(x) for x in (system.parameters, system.gmac, system.ms)),
            system.accuracy_source,
            system.cost_source or NOT_STATED,
        )
        for system in sorted(systems, key=lambda system: -system.accuracy)
    ]
    head = ("system", "what", "FER+ test, %", "M parameters", "GMAC", "ms a face")
    parts = ["## Accuracy against cost"]
    if picture:
        parts.append(f"![Accuracy on FER+ against parameters, GMAC and milliseconds]({picture})")
    return [*parts, table((*head, "accuracy from", "cost from"), rows)]


def _number(value: float | None) -> str:
    return NOT_STATED if value is None else f"{value:.2f}"


def _percent(share: float | None, digits: int = 1) -> str:
    return NOT_STATED if share is None else f"{100 * share:.{digits}f}"
