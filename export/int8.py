"""An exported network as static int8, no worse than stated: `export_int8` and its manifest."""

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from engine.errors import ModelError
from engine.faces.finder import Finder
from engine.faces.landmarker import Landmarker
from engine.files import staged
from engine.networks.manifest import Manifest, load_manifest
from engine.reading.fusion import landmarks_of
from export.calibration import SEED, Feed, calibration_feeds, detector_feeds, validation_judge
from export.detector_recall import FOUND, finder_with, found_by
from export.detector_recall import judge as judge_finder
from export.graph import write_manifest
from export.networks import served_figures
from export.quantization import QuantizationResult, QuantizeConfig, quantize_within
from training.detector.evaluate import validation
from training.detector.mosaics import Sample
from training.detector.packs import load_packs
from training.evaluation.served import landmark_metrics

log = logging.getLogger(__name__)

# Percent of the inter-ocular distance: landmarks drive the tracker.
NME_MAX_GROWTH: Final = 0.1
# What is said of the float file alone, or is said anew.
OWN: Final = frozenset({"sha256", "opset", "commit", "licence", "parity", "metrics"})
JUDGED_ON: Final = "FER+ label.csv, validation, majority labels"
FINDS_ON: Final = "data packs, people and places left out: faces found, less false finds a picture"
JUDGED_SHARE: Final = 4  # one of so many of these pictures


def export_int8(source: Path, out: Path, data: Path, cache: Path) -> None:
    """Write a network as int8, calibrated on training faces and judged on validation.

    An expression network that reads the landmark network's maps is made for those of an int8
    landmark network, which is written beside it as ``NAME-int8.onnx``; what is judged is the pair.
    The most sensitive layers stay in float until at most half a point of accuracy is lost (of a
    detector: of `finds_of`; of valence and arousal alone: of their concordance), and until no
    landmark error on held-out faces has grown by more than `NME_MAX_GROWTH`.

    Args:
        source: The fp32 ONNX file, its manifest beside it, and the landmark network that it names.
        out: The int8 file.
        data: Folder with the data packs.
        cache: Folder for decoded data.

    Raises:
        ModelError: No such network, one that is in int8 or half precision already, or one that
            int8 spoils.
        SinkError: It cannot be written.
        SourceError: FER+ or the landmark packs are missing.
    """
    manifest = load_manifest(source)
    if manifest.kind not in EXPORTS:
        raise ModelError(
            f"{source}: int8 is for networks of kind {', '.join(EXPORTS)}; "
            f"this one is of kind {manifest.kind}"
        )
    if out.resolve() == source.resolve():
        raise ModelError(f"{out}: is the network itself; name another file")
    with staged(out) as inside:
        EXPORTS[manifest.kind](manifest, inside, data, cache)


def _landmarks(source: Manifest, out: Path, data: Path, cache: Path) -> None:
    @_once
    def measured(path: Path) -> dict[str, float]:
        return landmark_metrics(_landmarker(replace(source, path=path)), data, cache)

    before = measured(source.path)

    def judge(path: Path) -> float:
        """One less the largest growth of an error: points lost are then percent of the eyes."""
        return 1 - max(0.0, *_growth(before, measured(path)).values()) / 100

    config = QuantizeConfig(loss_max_points=NME_MAX_GROWTH)
    feeds = calibration_feeds(source.path, data, cache)
    done = quantize_within(source.path, out, feeds, judge, config=config)
    after = measured(out)
    facts = _facts(source, out, _Conversion(feeds, config, done))
    errors = {key: {"fp32": before[key], "int8": after[key]} for key in _growth(before, after)}
    write_manifest(out, {**facts, "judged": {"nme": errors}, "metrics": after})
    log.info("%s: errors grew by %s", out.name, _growth(before, after))


def _once(measure: Callable[[Path], dict[str, float]]) -> Callable[[Path], dict[str, float]]:
    """Measure a file once, whatever it is called; judging takes minutes."""
    known: dict[bytes, dict[str, float]] = {}

    def measured(path: Path) -> dict[str, float]:
        content = path.read_bytes()
        if content not in known:
            known[content] = measure(path)
        return known[content]

    return measured


def _landmarker(manifest: Manifest) -> Landmarker:
    return Landmarker(manifest, "cpu", 1)


def _growth(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {key: after[key] - before[key] for key in before if key.startswith("nme")}


def _expression(source: Manifest, out: Path, data: Path, cache: Path) -> None:
    beside = landmarks_of(source)
    if source.value("landmarks.maps"):
        landmarks = out.with_name(f"{beside.path.stem}-int8.onnx")
        _landmarks(beside, landmarks, data, cache)
    else:
        landmarks = _copied(beside.path, out.parent)
    alone = validation_judge(source.path, data, cache)
    whole = alone.fusion(source.path)
    with TemporaryDirectory(prefix="fer-pair.") as folder:
        pair = _paired(source, landmarks, Path(folder))
        facing = validation_judge(pair, data, cache)

        def judge(path: Path) -> float:
            """Accuracy with the int8 landmark network; of the float file, with its own."""
            return whole if path == pair else facing.fusion(path)

        config, feeds = QuantizeConfig(), calibration_feeds(pair, data, cache)
        done = quantize_within(pair, out, feeds, judge, config=config)
        named = load_manifest(pair).value("landmarks")
    facts = {**_facts(source, out, _Conversion(feeds, config, done)), "landmarks": named}
    held = {"fp32": whole, "int8": done.tried[_kept_by_rank(done)]}
    facts["judged"] = {"data": JUDGED_ON, alone.by: held}
    write_manifest(out, {**facts, "metrics": {}})
    write_manifest(out, {**facts, "metrics": served_figures(out, data, cache)})
    log.info("%s: %s on validation %s", out.name, alone.by, held)


def _detector(source: Manifest, out: Path, data: Path, cache: Path) -> None:
    packs = load_packs(data, cache)
    feeds = detector_feeds(packs)
    samples = validation(packs, share=JUDGED_SHARE)

    @_once
    def measured(path: Path) -> dict[str, float]:
        with closing(finder_with(replace(source, path=path))) as finder:
            return finds_of(finder, samples)

    def judge(path: Path) -> float:
        return float(np.mean(list(measured(path).values())))

    config = QuantizeConfig()
    done = quantize_within(source.path, out, feeds, judge, config=config)
    before, after = measured(source.path), measured(out)
    facts = _facts(source, out, _Conversion(feeds, config, done, "data packs, training pictures"))
    finds = {kind: {"fp32": before[kind], "int8": after[kind]} for kind in before}
    write_manifest(out, {**facts, "judged": {"data": FINDS_ON, "finds": finds}, "metrics": {}})
    log.info("%s: finds %s", out.name, finds)


def finds_of(finder: Finder, samples: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
    """Judge a finder, by kind of picture.

    Returns:
        The share of the faces that it finds, less its false finds a picture.
    """
    finds = {}
    for kind, pictures in samples.items():
        tally = judge_finder(found_by(finder), pictures)
        recall = tally.recall(FOUND) if len(tally.sides) else 1.0
        finds[kind] = round(recall - tally.false_per_100(FOUND) / 100, 4)
    return finds


def _kept_by_rank(done: QuantizationResult) -> int:
    return len([name for name in done.kept if name in done.errors])


def _copied(path: Path, folder: Path) -> Path:
    """Copy a network with its manifest."""
    for each in (path, path.with_suffix(".json")):
        shutil.copyfile(each, folder / each.name)
    return folder / path.name


def _paired(source: Manifest, landmarks: Path, folder: Path) -> Path:
    """Write a float expression network that names another landmark network, beside that one."""
    _copied(landmarks, folder)
    path = folder / source.path.name
    shutil.copyfile(source.path, path)
    named = {
        **source.value("landmarks"),
        "file": landmarks.name,
        "sha256": load_manifest(landmarks).sha256,
    }
    manifest = json.dumps({**source.data, "landmarks": named})
    path.with_suffix(".json").write_text(manifest, encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True, eq=False)
class _Conversion:
    """How a file came about."""

    feeds: Sequence[Feed]
    config: QuantizeConfig
    done: QuantizationResult
    data: str = "FER+ label.csv, training faces"


def _facts(source: Manifest, out: Path, recipe: _Conversion) -> dict[str, Any]:
    """Give what the manifest of an int8 file says, apart from figures."""
    settings = asdict(recipe.config)
    return {
        **{key: value for key, value in source.data.items() if key not in OWN},
        "name": out.stem,
        "precision": "int8",
        "made_from": {
            "name": source.name,
            "sha256": source.sha256,
            "commit": source.value("commit"),
        },
        "calibration": {
            "data": recipe.data,
            "count": sum(len(next(iter(feed.values()))) for feed in recipe.feeds),
            "seed": SEED,
            **{key: settings[key] for key in ("method", "activations", "reduce_range")},
        },
        "layers": {"int8": list(recipe.done.layers), "kept": list(recipe.done.kept)},
    }


EXPORTS: Final[Mapping[str, Callable[[Manifest, Path, Path, Path], None]]] = {
    "detector": _detector,
    "expression": _expression,
    "landmarks": _landmarks,
}
