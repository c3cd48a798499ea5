"""Fixtures that every test may use."""

import hashlib
import importlib.util
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

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
SIGNALS = [
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if name in signal.Signals.__members__
]
PACKS = ("ferplus.zip", "faces_wild.zip", "scenes.zip", "teacher_labels.zip")

LINEAR = {
    "name": "linear",
    "architecture": "linear",
    "opset": 18,
    "commit": "unknown",
    "licence": "CC0-1.0",
    "metrics": {},
}

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # windows of the tests need no screen
os.environ["LANGUAGE"] = "en"  # whatever the machine's is


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
def made_up() -> ModuleType:
    """Give the module `made_up.py`: datasets of noise by name, in `TREES`."""
    spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
def signals_are_handled_as_before() -> Iterator[None]:
    """Fail the test after which others hear the system's signals: later ones would miss theirs."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    after = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if after[number] != handler:
            signal.signal(number, handler)
    assert after == before


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
def write_linear() -> Callable[..., Path]:
    """Give `write_linear(path, inputs, outputs, weights, **manifest)`.

    It saves `outputs = inputs @ weights[:-1] + weights[-1]`, both sides flattened and side by
    side, with a manifest of these keys; `inputs` and `outputs` are shapes by name.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def write(
        path: Path,
        inputs: dict[str, list[int]],
        outputs: dict[str, list[int]],
        weights: NDArray[np.float64],
        /,
        **manifest: object,
    ) -> Path:
        counts = [int(np.prod(shape)) for shape in outputs.values()]
        parts = np.split(weights.astype(np.float32), np.cumsum(counts)[:-1], axis=1)
        nodes = [helper.make_node("Flatten", [name], [f"{name}_flat"]) for name in inputs]
        nodes.append(
            helper.make_node("Concat", [f"{name}_flat" for name in inputs], ["flat"], axis=1)
        )
        constants = []
        for part, (name, shape) in zip(parts, outputs.items(), strict=True):
            tensors = {"w": part[:-1], "b": part[-1], "s": np.array([-1, *shape], np.int64)}
            constants += [numpy_helper.from_array(x, f"{name}_{k}") for k, x in tensors.items()]
            gemm = ["flat", f"{name}_w", f"{name}_b"]
            nodes.append(helper.make_node("Gemm", gemm, [f"{name}_y"]))
            nodes.append(helper.make_node("Reshape", [f"{name}_y", f"{name}_s"], [name]))
        ends = [
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
                for name, shape in shapes.items()
            ]
            for shapes in (inputs, outputs)
        ]
        graph = helper.make_graph(nodes, "linear", *ends, constants)
        opset = [helper.make_opsetid("", 18)]
        onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        data = {**LINEAR, "sha256": digest, **manifest}
        path.with_suffix(".json").write_text(json.dumps(data))
        return path

    return write


@pytest.fixture
def tiny_network(tmp_path: Path, write_linear: Callable[..., Path]) -> Callable[..., Path]:
    """Give `tiny_network(name, labels, affect=, own=, always=, **manifest)`: an ONNX file.

    It takes 8-pixel crops and answers every face alike: the first label, unless `always` names
    another one, with logit 4; valence 0.5 and arousal -0.25 where `affect`; and 0.75 for each of
    the names in `own`. The shipped landmark network lies beside it.
    """
    from engine.assets import asset_path

    def tiny_network(
        name: str,
        labels: Sequence[str] = (),
        *,
        affect: bool = False,
        own: Sequence[str] = (),
        always: str = "",
        **manifest: object,
    ) -> Path:
        folder = tmp_path / "networks"
        folder.mkdir(exist_ok=True)
        marks = folder / "landmark-net.onnx"
        for path in (marks, marks.with_suffix(".json")):
            if not path.exists():
                path.symlink_to(asset_path(path.name))
        answers = {"logits": [4.0 * (x == (always or labels[0])) for x in labels]} if labels else {}
        answers |= {"valence_arousal": [0.5, -0.25]} if affect else {}
        answers |= {x: [0.75] for x in own}
        bias = np.concatenate(list(answers.values()))
        weights = np.concatenate([np.zeros((3 * 8 * 8, len(bias))), bias[None]])
        shapes = {x: [] if x in own else [len(answers[x])] for x in answers}
        stated = {
            "name": name,
            "kind": "expression",
            "temperature": 1.0 if labels else None,
            "labels": list(labels),
            "outputs": list(answers),
            "input": {"size": 8, "margin": 0.05, "mean": [0.5] * 3, "std": [0.25] * 3},
            "landmarks": {
                "file": marks.name,
                "sha256": json.loads(marks.with_suffix(".json").read_text())["sha256"],
                "maps": [],
            },
        }
        inputs = {"crops": [3, 8, 8]}
        return write_linear(folder / f"{name}.onnx", inputs, shapes, weights, **stated | manifest)

    return tiny_network


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
        path, tick_s = tmp_path / name, Fraction(1, 12_800)
        with av.open(str(path), "w") as container:
            height, width = images[0].shape[:2]
            video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.time_base = video.time_base = tick_s
            voice = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
            for image, time_s in zip(images, times_s, strict=True):
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                # Not the stream's time base: Matroska makes that 1/1000 with its first packet.
                frame.pts, frame.time_base = round(time_s / tick_s), tick_s
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
    from PyQt6 import sip
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QPalette
    from PyQt6.QtWidgets import QApplication

    before = set(QApplication.topLevelWidgets())
    yield
    left = [w for w in QApplication.topLevelWidgets() if w not in before and w.isVisible()]
    names = ", ".join(type(widget).__name__ for widget in left)
    for widget in left:
        widget.close()
    app = QApplication.instance()
    made = set(QApplication.topLevelWidgets()) - before
    for window in made:
        if not sip.isdeleted(window):  # closed ones go now, not in the middle of a next test
            QApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete.value)
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


@pytest.fixture
def film(make_analysis: Callable[..., Analysis]) -> Callable[..., Any]:
    """Give `film(paths, found, sizes)`: faces walk through a room of 640 x 360, 25 frames a second.

    `paths` gives each face's left edge in each frame, the later faces in front; `found` says in
    which frames each is found. Gives the analyses, and the faces' places in each frame.
    """
    import cv2

    from engine.assets import asset_path

    portrait = cv2.imread(str(asset_path("portrait.jpg")))
    room = np.random.default_rng(3).integers(60, 200, (18, 32, 3), np.uint8)
    room = cv2.resize(room, (640, 360), interpolation=cv2.INTER_CUBIC)
    looks = (portrait, np.ascontiguousarray(portrait[:, ::-1, ::-1]))

    def make(paths, found, ids=None):
        analyses, places = [], []
        for index in range(len(paths[0])):
            wide = cv2.copyMakeBorder(room, 0, 0, 200, 200, cv2.BORDER_REPLICATE)
            faces, boxes, here = {}, {}, []
            for number, path in enumerate(paths):
                left, top = int(path[index]), 100 + 20 * number
                if not -120 < left < 640:
                    continue
                wide[top : top + 150, left + 200 : left + 320] = cv2.resize(
                    looks[number], (120, 150)
                )
                here.append(np.float32([left + 15, top + 10, left + 105, top + 140]))
                face = number + 1 if ids is None else ids(number, index)
                if index in found[number]:
                    faces[face] = ("neutral", 0.0, 0.0)
                    boxes[face] = tuple(here[-1].tolist())
            image = np.ascontiguousarray(wide[:, 200:840])
            analyses.append(make_analysis(index, index / 25, faces, image=image, boxes=boxes))
            places.append(here)
        return analyses, places

    return make
