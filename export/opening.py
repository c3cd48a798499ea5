"""What was made is opened and asked as users will, before it counts as made."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import numpy as np

from engine.errors import ModelError
from engine.faces.detection import FerDetector
from engine.faces.landmarker import Landmarker
from engine.networks.manifest import Manifest, load_manifest
from engine.reading.fusion import Fusion, landmarks_of
from engine.reading.reader import Reader
from engine.types import Face, Found, Frame, Image, Track

FRAME: Final = (240, 320, 3)  # pixels of the picture that is shown
STILL: Final = np.array([[1, 0, 40], [0, 1, 40]], np.float32)


def check_opens(path: Path) -> None:
    """Open a network as the engine does and let it look at a picture.

    Args:
        path: ONNX file, with what belongs to it beside it.

    Raises:
        ModelError: The engine refuses it; the message says why.
    """
    manifest = load_manifest(path)
    picture = np.random.default_rng(0).integers(0, 256, FRAME, np.uint8)
    try:
        OPENERS[manifest.kind](manifest, picture)
    except ModelError as error:
        raise ModelError(f"{path.name}: the engine does not open it: {error}") from error


def _detector(manifest: Manifest, picture: Image) -> None:
    with closing(FerDetector(manifest, device="cpu")) as detector:
        detector.detect(picture)


def _landmarks(manifest: Manifest, picture: Image) -> None:
    with closing(Landmarker(manifest, "cpu", 1)) as landmarker:
        landmarker.locate([_face(landmarker, picture)])


def _expression(manifest: Manifest, picture: Image) -> None:
    with ExitStack() as opened:
        landmarker = opened.enter_context(closing(Landmarker(landmarks_of(manifest), "cpu", 1)))
        reader = opened.enter_context(closing(Reader(Fusion(manifest, "cpu", 1), 0.0)))
        sightings = landmarker.locate([_face(landmarker, picture)] * 2)
        box = np.array([0, 0, 1, 1], np.float32)
        tracks = [Track(at, box, seen.landmarks, 1.0) for at, seen in enumerate(sightings, 1)]
        reader.read([Found(Frame(0, 0.0, picture), tuple(tracks), tuple(sightings), {})])


def _face(landmarker: Landmarker, picture: Image) -> Face:
    side = landmarker.size
    return Face(np.resize(picture, (side, side, 3)), STILL)


OPENERS: Final = {"detector": _detector, "landmarks": _landmarks, "expression": _expression}
