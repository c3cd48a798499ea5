"""Fixtures that every test may use."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.types import Analysis, Image

if TYPE_CHECKING:
    from engine.video.opening import SourceInfo
    from training.data.table import FaceTable
    from training.systems.neural_resizer import NeuralResizerSystem

ROOT = Path(__file__).parents[1]
DATA = (ROOT / "data", ROOT.parent / "shared" / "data")  # where data packs may lie
PACKS = ("ferplus.zip", "faces_wild.zip", "scenes.zip", "teacher_labels.zip")

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # windows of the tests need no screen


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden instead of comparing"
    )
    parser.addoption(
        "--fuzz-seeds", metavar="N[:M]", help="make and judge these cases of tests/fuzz, up to M"
    )
    parser.addoption(
        "--fuzz-cases", metavar="N", default=20_000, help="cases of the long fuzz, of all readers"
    )
    parser.addoption(
        "--fuzz-part", metavar="K/N", default="1/1", help="run the K-th of N parts of the long fuzz"
    )


@pytest.fixture
def camera_info() -> "SourceInfo":
    """What a small camera says of itself."""
    from engine.video.opening import SourceInfo

    return SourceInfo(
        name="camera 0",
        path=None,
        width=160,
        height=120,
        fps=Fraction(25),
        time_base=Fraction(1, 1000),
        frame_count=None,
        duration_s=None,
        live=True,
        has_audio=False,
    )


@pytest.fixture(scope="session")
def gray_faces() -> Callable[..., "FaceTable"]:
    """Give `gray_faces(pixels, votes, labels_from)`: (N, 48, 48) gray pictures, (N, 10) votes."""
    from training.data.classes import FER_PLUS
    from training.data.ferplus import distribution, majority
    from training.data.table import FaceTable

    def gray_faces(
        pixels: NDArray[np.uint8], votes: NDArray[np.float32], labels_from: str = "made up"
    ) -> FaceTable:
        names = np.array([f"{row}.png" for row in range(len(pixels))])
        return FaceTable(
            "ferplus",
            FER_PLUS,
            names,
            majority(votes),
            distribution(votes),
            np.full((len(pixels), 2), np.nan, np.float32),
            names,
            lambda row: np.repeat(pixels[row][..., None], 3, axis=2),
            labels_from,
        )

    return gray_faces


@pytest.fixture(scope="session")
def untrained_run() -> "Callable[[Path], NeuralResizerSystem]":
    """Give `untrained_run(folder)`: weights and recipe of a tiny Neural Resizer, setting b."""
    import torch

    from training.data.samples import DataConfig
    from training.systems.build import SystemConfig
    from training.systems.neural_resizer import NeuralResizerConfig, NeuralResizerSystem
    from training.trainer.loop import LoopConfig
    from training.weights import save_weights

    def write(folder: Path) -> NeuralResizerSystem:
        config = NeuralResizerConfig(
            setting="b",
            backbone="swin_micro",
            input_size=48,
            upscaler="bilinear",
            upscaled_size=96,
            backbone_size=56,
            loss="ce",
        )
        torch.manual_seed(0)
        system = NeuralResizerSystem(config)
        recipe = {
            "task": "system",
            "system": asdict(SystemConfig(name="neural_resizer")),
            "neural_resizer": asdict(config),
            "loop": asdict(LoopConfig(batch=4, steps=2)),
            "data": asdict(DataConfig(align="none")),
        }
        (folder / "recipe.json").write_text(json.dumps(recipe))
        save_weights(system, folder / "model.safetensors")
        return system

    return write


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """Fail the test whose thread is still running; pools of libraries are not threading's.

    tqdm keeps one thread for the whole program, from the first bar on.
    """
    before = set(threading.enumerate())
    yield
    # Qt's threads show up as dummies that cannot be joined; their owners wait for them.
    left = [
        t
        for t in threading.enumerate()
        if t not in before
        and t.name != "tqdm_monitor"
        and not isinstance(t, threading._DummyThread)
    ]
    for thread in left:
        thread.join(2.0)
    late = [thread.name for thread in left if thread.is_alive()]
    assert not late, f"threads left running: {', '.join(late)}"


@pytest.fixture(scope="session")
def packs() -> Callable[[str], Path]:
    """Give `packs(file)`: the folder that has this data pack; skips where there are none."""

    def having(name: str) -> Path:
        for folder in DATA:
            if (folder / name).is_file():
                return folder
        there = [folder for folder in DATA if folder.is_dir()]
        if there and name in PACKS:  # a test that skips would hide that one is gone
            pytest.fail(f"the data pack {name} is missing beside the others in {there[0]}")
        pytest.skip(f"the data pack {name} is neither in data/ nor in ../shared/data")

    return having


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], bytes]:
    """Give `golden(name, actual)`: the bytes that `actual` has to match."""
    folder = Path(__file__).parent / "golden"

    def wanted(name: str, actual: bytes) -> bytes:
        path = folder / name
        if request.config.getoption("--update-golden"):
            folder.mkdir(exist_ok=True)
            path.write_bytes(actual)
        assert path.exists(), f"{path.name}: not there; make it with --update-golden"
        return path.read_bytes()

    return wanted


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Give `make_clip(name, images, times_s, sound)`, which encodes pictures of even size."""
    import av
    import numpy as np

    def make(
        name: str = "clip.mp4",
        images: Sequence[Image] | None = None,
        times_s: Sequence[float] | None = None,
        *,
        sound: bool = False,
    ) -> Path:
        if images is None:
            images = [np.full((48, 64, 3), 10 * index, np.uint8) for index in range(12)]
        if times_s is None:
            times_s = [index / 25 for index in range(len(images))]
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            height, width = images[0].shape[:2]
            video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.time_base = video.time_base = Fraction(1, 12_800)
            voice = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
            for image, time_s in zip(images, times_s, strict=True):
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = round(time_s * 12_800), video.time_base
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if voice is not None:
                tone = np.sin(np.arange(round(48_000 * times_s[-1])) * 0.05, dtype=np.float32)
                heard = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
                heard.sample_rate, heard.pts = 48_000, 0
                container.mux(voice.encode(heard))
                container.mux(voice.encode(None))
        return path

    return make


@pytest.fixture
def make_analysis() -> Callable[..., Analysis]:
    """Give `make(index, time_s, {face: (label, valence, arousal)})`, a frame with these faces.

    Labels have probability 0.65; boxes lie side by side unless `boxes` has the face's own.
    """
    import numpy as np

    from engine.labels import EXPRESSIONS
    from engine.types import Frame, Prediction, Track

    def make(
        index: int,
        time_s: float,
        faces: dict[int, tuple[str, float, float]] | None = None,
        *,
        image: Image | None = None,
        boxes: dict[int, tuple[float, float, float, float]] | None = None,
    ) -> Analysis:
        if image is None:
            image = np.full((120, 160, 3), 60, np.uint8)
        tracks, predictions = [], []
        for place, (face, (label, valence, arousal)) in enumerate(sorted((faces or {}).items())):
            x0 = 8.0 + 50 * place
            box = np.array((boxes or {}).get(face, (x0, 20, x0 + 40, 70)), np.float32)
            points = np.linspace(box[:2], box[2:], 68, dtype=np.float32)
            shares = np.full(len(EXPRESSIONS), 0.05, np.float32)
            shares[EXPRESSIONS.index(label)] = 0.65
            tracks.append(Track(face, box, points, 0.9))
            predictions.append(Prediction(face, shares, valence, arousal, 0.6))
        frame = Frame(index, time_s, image)
        return Analysis(frame, tuple(tracks), tuple(predictions), {"fusion": 1.0})

    return make


@pytest.fixture(autouse=True)
def no_window_outlives_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a top-level widget open: one that `qtbot` was not told of.

    The application's theme is taken off again: a style sheet would outlive the test as well.
    """
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    from PyQt6.QtGui import QPalette
    from PyQt6.QtWidgets import QApplication

    before = set(QApplication.topLevelWidgets())
    yield
    left = [w for w in QApplication.topLevelWidgets() if w not in before and w.isVisible()]
    names = ", ".join(type(widget).__name__ for widget in left)
    for widget in left:
        widget.close()
    app = QApplication.instance()
    if isinstance(app, QApplication) and app.styleSheet():
        app.setStyleSheet("")
        app.setPalette(QPalette())
    assert not left, f"top-level widgets left open: {names}"


@pytest.fixture
def write_records(tmp_path, make_analysis) -> Callable[..., Path]:
    """Give `write(name, frames)`: a records file with a row for each face of each frame.

    `frames` lists (time, {face: (label, valence, arousal)}).
    """

    from engine.record import open_records

    def write(name: str, frames: list, *, landmarks: bool = False) -> Path:
        path = tmp_path / name
        writer = open_records(path, landmarks=landmarks, overwrite=False)
        for index, (time_s, faces) in enumerate(frames):
            writer.write(make_analysis(index, time_s, faces))
        writer.close()
        return path

    return write


@pytest.fixture
def two_faces() -> list:
    """Ten seconds at 10 frames a second: face 1 throughout, face 2 at first, face 3 later.

    Face 1 is happy for 4 s, then angry; face 2 goes at 3 s, and face 3 comes at 6 s.
    """
    frames = []
    for index in range(100):
        time_s = index / 10
        faces = {1: ("happiness", 0.8, 0.4) if time_s < 4 else ("anger", -0.5, 0.6)}
        if time_s < 3:
            faces[2] = ("neutral", 0.0, 0.0)
        if time_s >= 6:
            faces[3] = ("sadness", -0.6, -0.2)
        frames.append((time_s, faces))
    return frames
