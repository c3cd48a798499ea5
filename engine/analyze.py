"""One frame in, one analysis out: faces are found, then read, smoothed and calibrated."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Annotated

from pydantic import Field

from engine.config import Positive, Text, checked, one_of
from engine.faces.detection import DETECTORS, Detector, open_detector
from engine.faces.finder import Finder
from engine.faces.landmarker import Landmarker
from engine.faces.tracker_config import TrackerConfig
from engine.labels import Vocabulary
from engine.networks.manifest import Manifest, load_manifest
from engine.networks.models import Precision, Selection, choose, choose_detector, names_of
from engine.networks.ort import MEMORY_MIB, allow_memory
from engine.networks.processor import cores
from engine.networks.runtime import Device, check_device
from engine.reading.fusion import Fusion, landmarks_of, shared_landmarks
from engine.reading.offers import choose_outputs, offer_of, vocabulary_of
from engine.reading.reader import Networks, Reader
from engine.reading.several import Several
from engine.types import Analysis, Frame

log = logging.getLogger(__name__)


@checked()
class AnalyzerConfig:
    """What to run and how to follow faces.

    Attributes:
        model: Name in `engine.networks.models.shipped`, the path of an ONNX file with its manifest
            beside it, or that of a bundle (``.fer``), whose detector is then what `fer` means; or
            several with commas between them, each output then from the first that has it.
        device: Where the networks run; only ``auto`` may fall back.
        precision: Of the networks, on a CPU also of the shipped detector; ``auto`` is int8 where
            that is faster, see `engine.networks.models`.
        detector: Name of a detector, see `engine.faces.detection`.
        detector_model: Model file of a detector that needs one.
        detect_every: Frames between detector passes while faces are followed; fewer in a film of
            less than 30 a second, see `engine.faces.schedule`.
        min_face_px: Faces whose box is smaller than this, on its shorter side, are left out.
        max_faces: Most faces followed at once.
        relink: Give a face that comes back, also after a cut, the id of the one it looks like;
            looks are kept for as long as the film is read.
        faces: People in the whole film, where that is known: there are no more ids than these, and
            who comes back, at any time and place, gets that of the one it looks most like. With 1,
            there is one id for the whole film.
        upright: Where no face is found, for a while in a film and at once in a picture, look at the
            frame turned by a quarter and by a half, and stretched, too: people lie, cameras are
            held sideways, and pixels are not always square.
        smooth: Seconds that are averaged; 0 turns smoothing off.
        threads: Of each network on a CPU; 0 gives finder and reader, which are at work at the same
            time, half of the cores each.
        max_network_mib: What each network may take of a CPU's memory for a call, MiB: a model file
            of a few bytes may ask for any amount.
    """

    model: Text = "poster-rt"
    device: Device = "auto"
    precision: Precision = "auto"
    detector: Annotated[str, one_of(DETECTORS)] = "fer"
    detector_model: Text | None = None
    detect_every: Positive = 10
    min_face_px: Positive = 20
    max_faces: Positive = 8
    relink: bool = False
    faces: Positive | None = None
    upright: bool = True
    smooth: Annotated[float, Field(ge=0, lt=60)] = 0.25
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    max_network_mib: Annotated[int, Field(ge=1, le=2**20)] = MEMORY_MIB


class Analyzer:
    """Finder and reader in turn. Belongs to the thread that made it."""

    def __init__(self, finder: Finder, reader: Reader) -> None:
        self._finder = finder
        self._reader = reader

    @property
    def device(self) -> str:
        """What the cross-fusion network runs on."""
        return self._reader.device

    def __enter__(self) -> "Analyzer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the networks."""
        try:
            self._finder.close()
        finally:
            self._reader.close()

    def analyze(self, frame: Frame) -> Analysis:
        """Find, follow and read the faces of the next frame.

        Raises:
            ModelError: Inference failed.
        """
        (analysis,) = self._reader.read([self._finder.find(frame)])
        return analysis


def left_out(config: AnalyzerConfig, most: int) -> tuple[str, ...]:
    """Say that there were more faces than are followed, if there were.

    Args:
        config: Says how many may be.
        most: Faces left out at once, the most of all frames.
    """
    if not most:
        return ()
    read, option = config.max_faces, "--max-faces"
    if config.faces is not None and config.faces < read:
        read, option = config.faces, "--faces"
    seen = read + most
    return (
        f"up to {seen} faces were detected at once and {read} of them read; "
        f"{option} {seen} reads all",
    )


def threads_of(config: AnalyzerConfig) -> int:
    """Give the threads of each network: as asked for, else half of the cores.

    A finder works on the next frame while a reader reads this one, and a network of this size
    gains less from a second thread than the two lose to each other (docs/decisions/0006).
    """
    return config.threads or max(1, cores() // 2)


def open_config_detector(config: AnalyzerConfig, score_min: float | None = None) -> Detector:
    """Load the detector that a config names: the model's own, the user's file, or the shipped one.

    Args:
        config: Names it.
        score_min: As `open_detector` takes it.

    Raises:
        ModelError: A package or file is missing or unfit, or has no such device.
        ConfigError: Unknown detector.
    """
    path, device = _detector_path(config, _selections(config)), config.device
    if path is None and config.detector == "fer":
        path, device = choose_detector(config.precision, config.device)
    return open_detector(
        config.detector,
        model_path=path,
        min_face_px=config.min_face_px,
        device=device,
        threads=threads_of(config),
        score_min=score_min,
    )


def open_config_landmarker(config: AnalyzerConfig) -> Landmarker:
    """Load the landmark network that belongs to the expression network of a config.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
    """
    selections = _selections(config)
    selection = selections[shared_landmarks([each.expression for each in selections])]
    return Landmarker(landmarks_of(selection.expression), selection.device, threads_of(config))


def open_config_fusion(config: AnalyzerConfig) -> Networks:
    """Load the expression network that a config names, or several.

    Raises:
        ModelError: Unknown model, missing or damaged file, a device that is not there, or one
            of several that has nothing which those before it lack.
    """
    selections = _selections(config)
    with ExitStack() as loaded:
        fusions = []
        for name, selection in zip(names_of(config.model), selections, strict=True):
            log.info("%s: %s", name, selection.why)
            fusion = Fusion(selection.expression, selection.device, threads_of(config))
            fusions.append(loaded.enter_context(closing(fusion)))
        loaded.pop_all()
    return fusions[0] if len(fusions) == 1 else Several(fusions)


def open_finder(config: AnalyzerConfig) -> Finder:
    """Load the networks that find and follow faces.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
        ConfigError: Unknown detector.
    """
    tracking = TrackerConfig(
        detect_every=config.detect_every,
        max_faces=config.max_faces,
        relink=config.relink,
        faces=config.faces,
    )
    with ExitStack() as loaded:
        landmarker = loaded.enter_context(closing(open_config_landmarker(config)))
        detector = open_config_detector(config)
        finder = Finder(detector, landmarker, tracking, upright=config.upright)
        loaded.pop_all()
    return finder


def open_reader(config: AnalyzerConfig) -> Reader:
    """Load the network that reads expressions.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
    """
    return Reader(open_config_fusion(config), config.smooth)


def open_analyzer(config: AnalyzerConfig) -> Analyzer:
    """Load all networks a config names; as they run in turn, each gets all cores.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
        ConfigError: Unknown detector.
    """
    config = replace(config, threads=config.threads or cores())
    with ExitStack() as loaded:
        finder = loaded.enter_context(closing(open_finder(config)))
        analyzer = Analyzer(finder, open_reader(config))
        loaded.pop_all()
    return analyzer


def models_of(config: AnalyzerConfig) -> tuple[Manifest, ...]:
    """Say which expression networks a config names, their files checked; nothing is loaded.

    Raises:
        ModelError: Unknown model, missing or damaged file.
    """
    return tuple(selection.expression for selection in _selections(config))


def networks_of(config: AnalyzerConfig) -> tuple[Manifest, ...]:
    """Give the manifests of all networks of a config, as far as there are any; nothing is loaded.

    The detector's comes first, where it is one of this code base; then each expression network,
    after its landmark network.

    Raises:
        ModelError: Unknown model, missing or damaged file.
    """
    selections = _selections(config)
    found: list[Manifest] = []
    if config.detector == "fer":
        path = _detector_path(config, selections)
        found.append(load_manifest(path or choose_detector(config.precision, config.device)[0]))
    for selection in selections:
        found += [landmarks_of(selection.expression), selection.expression]
    unique = {manifest.sha256: manifest for manifest in found}
    return tuple(unique.values())


def check_networks(config: AnalyzerConfig) -> None:
    """Find out what is wrong with a config before it is used: names, files, devices.

    The shipped networks are not loaded for that; a detector of the user's is, and freed.

    Raises:
        ModelError: Unknown model, missing or damaged file, a device that is not there, or
            networks that do not go together.
    """
    selections = _chosen(config)
    manifests = [selection.expression for selection in selections]
    vocabulary_of([offer_of(manifest) for manifest in manifests])
    shared_landmarks(manifests)
    for selection in selections:
        for manifest in (selection.expression, landmarks_of(selection.expression)):
            check_device(manifest, selection.device)
    path = _detector_path(config, selections)
    if path is not None or config.detector != "fer":
        open_config_detector(config).close()


def sources_of(config: AnalyzerConfig) -> dict[str, str | None]:
    """Say which network each of the outputs comes from; nothing is loaded.

    Raises:
        ModelError: As `open_config_fusion`.
    """
    offers = [offer_of(manifest) for manifest in models_of(config)]
    choice = choose_outputs(offers)
    affect = None if choice.affect is None else offers[choice.affect].name
    return {
        "expression": None if choice.expression is None else offers[choice.expression].name,
        "valence_arousal": f"derived from the classes of {affect}" if choice.derived else affect,
        **{name: offers[place].name for name, place in choice.measures.items()},
    }


def config_vocabulary(config: AnalyzerConfig) -> Vocabulary:
    """Say what the networks of a config may say of a face; nothing is loaded.

    Raises:
        ModelError: As `open_config_fusion`.
    """
    return vocabulary_of([offer_of(manifest) for manifest in models_of(config)])


def _selections(config: AnalyzerConfig) -> tuple[Selection, ...]:
    """Find the networks; those that are opened next may take as much memory as the config says."""
    allow_memory(config.max_network_mib)
    return _chosen(config)


def _chosen(config: AnalyzerConfig) -> tuple[Selection, ...]:
    names = names_of(config.model)
    return tuple(choose(name, config.precision, config.device) for name in names)


def _detector_path(config: AnalyzerConfig, selections: Sequence[Selection]) -> Path | None:
    """Give the detector's file, unless it is the shipped one."""
    if config.detector_model:
        return Path(config.detector_model)
    brought = (each.detector for each in selections if each.detector is not None)
    return next(brought, None) if config.detector == "fer" else None
