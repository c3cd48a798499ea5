"""What a config opens, on how many cores, and that all of it is freed again."""

import gc
import json
import threading
import weakref
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

import engine.analyze
import engine.assets
import engine.faces.detection
import engine.faces.landmarker
import engine.networks.bundle
import engine.reading.fusion
from engine.analyze import (
    Analyzer,
    AnalyzerConfig,
    left_out,
    open_analyzer,
    open_finder,
    open_reader,
)
from engine.errors import ConfigError, ModelError
from engine.faces.finder import Finder
from engine.networks.runtime import Session
from engine.pipeline import Pipeline
from engine.types import Analysis, Found, Frame

IMAGE = np.zeros((48, 64, 3), np.uint8)
OPENERS = [open_finder, open_reader, open_analyzer]


class FakeFinder:
    def __init__(self):
        self.closed = False

    def find(self, frame):
        return Found(frame, (), (), {"detect": 1.0})

    def close(self):
        self.closed = True


class FakeReader:
    device = "fake"

    def __init__(self):
        self.calls, self.closed = [], False

    def read(self, several):
        self.calls.append([found.frame for found in several])
        return [Analysis(f.frame, (), (), {**f.times_ms, "fusion": 2.0}) for f in several]

    def close(self):
        self.closed = True


def test_analyzer_finds_and_reads_frame_after_frame():
    reader = FakeReader()
    analyzer = Analyzer(FakeFinder(), reader)
    frames = [Frame(index, index / 30, IMAGE) for index in range(3)]
    analyses = [analyzer.analyze(frame) for frame in frames]
    assert [analysis.frame for analysis in analyses] == frames
    assert [analysis.times_ms for analysis in analyses] == [{"detect": 1.0, "fusion": 2.0}] * 3
    assert reader.calls == [[frame] for frame in frames]
    assert analyzer.device == "fake"


def test_leaving_the_analyzer_closes_the_finder_and_the_reader():
    finder, reader = FakeFinder(), FakeReader()
    with Analyzer(finder, reader):
        assert not finder.closed
        assert not reader.closed
    assert finder.closed
    assert reader.closed


def test_reader_is_closed_even_where_the_finder_fails_to(monkeypatch):
    def fail():
        raise RuntimeError("driver gone")

    finder, reader = FakeFinder(), FakeReader()
    finder.close = fail
    with pytest.raises(RuntimeError, match="driver gone"), Analyzer(finder, reader):
        pass
    assert reader.closed


@pytest.fixture
def sessions(monkeypatch):
    """Count networks: the threads that made and freed each, and what is left of it, by name."""

    class Counted(Session):
        made, freed, left = {}, {}, {}

        def __init__(self, manifest, device, threads):
            super().__init__(manifest, device, threads)
            self.made[manifest.name] = threading.current_thread().name
            self.left[manifest.name] = weakref.ref(self._session)

        def close(self):
            self.freed[self.manifest.name] = threading.current_thread().name
            super().close()

    for module in (engine.faces.detection, engine.faces.landmarker, engine.reading.fusion):
        monkeypatch.setattr(module, "open_session", Counted)
    return Counted


THREE = ["fer-detector", "landmark-net", "poster-rt"]
PLAIN = AnalyzerConfig(device="cpu", precision="fp32", threads=1)


def test_leaving_the_analyzer_frees_every_network(sessions):
    with open_analyzer(PLAIN) as analyzer:
        analyzer.analyze(Frame(0, 0.0, IMAGE))
        assert all(left() is not None for left in sessions.left.values())
    gc.collect()
    assert sorted(sessions.left) == THREE
    assert [left() for left in sessions.left.values()] == [None] * 3


def test_pipeline_frees_every_network_on_the_thread_that_made_it(sessions):
    frames = [Frame(0, 0.0, IMAGE)]
    with Pipeline(frames, lambda: open_finder(PLAIN), lambda: open_reader(PLAIN)) as pipeline:
        assert len(list(pipeline)) == 1
    assert sessions.made == dict(zip(THREE, ["fer-find", "fer-find", "fer-read"], strict=True))
    assert sessions.freed == sessions.made


@pytest.mark.parametrize(
    ("opener", "broken", "loaded"),
    [
        (open_finder, engine.faces.detection, ["landmark-net"]),
        (open_analyzer, engine.reading.fusion, ["fer-detector", "landmark-net"]),
    ],
)
def test_networks_that_were_loaded_are_freed_where_another_cannot_be(
    sessions, monkeypatch, opener, broken, loaded
):
    def refuse(manifest, device, threads):
        raise ModelError("device cpu: out of memory")

    monkeypatch.setattr(broken, "open_session", refuse)
    with pytest.raises(ModelError, match="out of memory"):
        opener(PLAIN)
    assert sorted(sessions.freed) == loaded


@pytest.mark.parametrize(
    ("threads", "have", "beside", "in_turn"),
    [(0, 1, 1, 1), (0, 2, 1, 2), (0, 5, 2, 5), (0, 16, 8, 16), (3, 16, 3, 3)],
)
def test_each_network_gets_half_of_the_cores_or_all_where_one_works_at_a_time(
    opened, monkeypatch, threads, have, beside, in_turn
):
    monkeypatch.setattr(engine.analyze, "cores", lambda: have)
    config = AnalyzerConfig(threads=threads)
    for opener, wanted in [(open_finder, beside), (open_reader, beside), (open_analyzer, in_turn)]:
        opened.clear()
        opener(config)
        detector = opened.pop("detector", None)
        assert detector is None or detector[1]["threads"] == wanted
        assert {given[2] for given in opened.values()} == {wanted}


@pytest.fixture
def opened(monkeypatch):
    """Replace the networks; give what they were opened with, by name."""
    made = {}

    class Network:
        size, margin, temperature = 112, 0.1, 1.0

        def __init__(self, manifest, device, threads):
            made[manifest.kind] = (manifest.name, device, threads)
            self.device = device

        def close(self):
            pass

    def open_detector(name, **given):
        made["detector"] = (name, given)

    monkeypatch.setattr(engine.analyze, "Landmarker", Network)
    monkeypatch.setattr(engine.analyze, "Fusion", Network)
    monkeypatch.setattr(engine.analyze, "open_detector", open_detector)
    return made


def test_settings_reach_detector_networks_and_tracker(opened, monkeypatch, tmp_path):
    tracking = []

    class Recorder(Finder):
        def __init__(self, detector, landmarker, config, *, upright):
            known = config.detect_every, config.max_faces, config.relink, config.faces
            tracking.append((*known, upright))

    monkeypatch.setattr(engine.analyze, "Finder", Recorder)
    settings = {"detector": "yunet", "detector_model": str(tmp_path / "y.onnx"), "threads": 3}
    settings |= {"device": "cpu", "precision": "fp32", "detect_every": 7, "max_faces": 3}
    settings |= {"relink": True, "faces": 2, "upright": False}
    config = AnalyzerConfig(min_face_px=30, **settings)
    assert open_analyzer(config).device == "cpu"
    name, given = opened.pop("detector")
    assert name == "yunet"
    assert given == {
        "model_path": tmp_path / "y.onnx",
        "min_face_px": 30,
        "score_min": None,
        "device": "cpu",
        "threads": 3,
    }
    assert opened == {
        "landmarks": ("landmark-net", "cpu", 3),
        "expression": ("poster-rt", "cpu", 3),
    }
    assert tracking == [(7, 3, True, 2, False)]


def test_finder_and_reader_load_no_network_of_the_other(opened):
    open_finder(AnalyzerConfig())
    assert sorted(opened) == ["detector", "landmarks"]
    opened.clear()
    open_reader(AnalyzerConfig())
    assert sorted(opened) == ["expression"]


@pytest.fixture
def bundle(monkeypatch, tmp_path):
    """A bundle of the shipped networks, unpacked in a folder of the test."""
    names = {"detector": "fer-detector", "landmarks": "landmark-net", "expression": "poster-rt"}
    networks = {kind: f"{name}.onnx" for kind, name in names.items()}
    path = tmp_path / "all.fer"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bundle.json", json.dumps({"format": 1, "networks": networks}))
        for name in names.values():
            for file in (f"{name}.onnx", f"{name}.json"):
                archive.write(engine.assets.asset_path(file), file)
    monkeypatch.setattr(engine.networks.bundle, "cache_folder", lambda: tmp_path)
    return path


def test_bundle_names_all_networks(opened, bundle, tmp_path):
    open_analyzer(AnalyzerConfig(model=str(bundle)))
    name, given = opened["detector"]
    assert name == "fer"
    assert given["model_path"].is_relative_to(tmp_path / "bundles")
    assert opened["landmarks"][0] == "landmark-net"
    assert opened["expression"][0] == "poster-rt"


@pytest.mark.parametrize(
    ("settings", "path"),
    [({"detector": "yunet"}, None), ({"detector_model": "mine.onnx"}, Path("mine.onnx"))],
)
def test_detector_that_is_asked_for_wins_over_the_bundles(opened, bundle, settings, path):
    open_finder(AnalyzerConfig(model=str(bundle), **settings))
    assert opened["detector"][1]["model_path"] == path


def test_bundle_reads_a_face_as_its_loose_files_do(bundle):
    path = engine.assets.asset_path("portrait.jpg")
    frame = Frame(0, 0.0, np.asarray(cv2.imread(str(path)), np.uint8))
    answers = []
    for model in ("poster-rt", str(bundle)):
        with open_analyzer(AnalyzerConfig(model=model, precision="fp32", threads=1)) as analyzer:
            (prediction,) = analyzer.analyze(frame).predictions
            answers.append([*prediction.probabilities, prediction.valence, prediction.arousal])
    assert answers[0] == answers[1]


@pytest.mark.parametrize("opener", OPENERS)
def test_damaged_bundle_is_one_line(tmp_path, opener):
    path = tmp_path / "all.fer"
    path.write_bytes(b"not a zip")
    with pytest.raises(ModelError, match=r"all\.fer: is no bundle or is damaged"):
        opener(AnalyzerConfig(model=str(path)))


@pytest.mark.parametrize("smooth", [0.0, 0.5])
@pytest.mark.parametrize("opener", [open_reader, open_analyzer])
def test_smoothing_reaches_the_reader(opened, monkeypatch, smooth, opener):
    given = []

    def reader(fusion, smooth):
        given.append((fusion.device, smooth))
        return FakeReader()

    monkeypatch.setattr(engine.analyze, "Reader", reader)
    opener(AnalyzerConfig(smooth=smooth, device="cpu"))
    assert given == [("cpu", smooth)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "up to 11 faces were detected at once and 8 of them read; --max-faces 11 reads all"),
        ({"faces": 1}, "up to 4 faces were detected at once and 1 of them read; --faces 4 reads"),
        (
            {"faces": 9, "max_faces": 2},
            "up to 5 faces were detected at once and 2 of them read; --m",
        ),
    ],
)
def test_faces_beyond_the_most_are_told_by_the_option_that_says_so(given, said):
    (line,) = left_out(AnalyzerConfig(**given), 3)
    assert line.startswith(said)
    assert left_out(AnalyzerConfig(**given), 0) == ()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"detect_every": 0}, "detect_every: must be at least 1, got 0"),
        ({"min_face_px": 0}, "min_face_px: must be at least 1, got 0"),
        ({"max_faces": 0}, "max_faces: must be at least 1, got 0"),
        ({"faces": 0}, "faces: must be at least 1, got 0"),
        ({"smooth": -0.1}, "smooth: must be at least 0, got -0.1"),
        ({"smooth": 60.0}, "smooth: must be below 60, got 60.0"),
        ({"smooth": float("nan")}, "smooth: must be finite, got nan"),
        ({"threads": -3}, "threads: must be at least 0, got -3"),
        ({"device": "gpu"}, "device: 'gpu' is unknown; choose auto, cpu, cuda, tensorrt"),
        ({"precision": "fp8"}, "precision: 'fp8' is unknown; choose auto, fp32, int8"),
        ({"detector": "abacus"}, "detector: 'abacus' is unknown; choose fer, yunet, mtcnn, media"),
        ({"model": ""}, "model: must not be empty"),
        ({"detector_model": ""}, "detector_model: must not be empty"),
        ({"detect_every": True}, "detect_every: must be a whole number, got True"),
        ({"max_faces": "8"}, "max_faces: must be a whole number, got '8'"),
        (
            {"detect_evry": 4},
            "detect_evry: unknown key; known here: model, device, precision, dete",
        ),
    ],
)
def test_setting_out_of_range_is_named(setting, says):
    with pytest.raises(ConfigError, match=says):
        AnalyzerConfig(**setting)


@pytest.mark.parametrize("opener", OPENERS)
def test_unknown_model_lists_the_choices(opener):
    with pytest.raises(
        ModelError, match=r"model poster: unknown; choose poster-rt, dan, dan-va, or name an"
    ):
        opener(AnalyzerConfig(model="poster"))


@pytest.mark.parametrize("opener", OPENERS)
def test_model_file_that_is_missing_is_named(tmp_path, opener):
    with pytest.raises(ModelError, match=r"mine\.onnx: no such model file"):
        opener(AnalyzerConfig(model=str(tmp_path / "mine.onnx")))


@pytest.mark.parametrize("opener", OPENERS)
def test_shipped_model_that_is_missing_is_a_model_error(monkeypatch, tmp_path, opener):
    monkeypatch.setattr(engine.assets, "__file__", str(tmp_path / "engine" / "assets.py"))
    with pytest.raises(ModelError, match=r"asset poster-rt\.json: not in this installation"):
        opener(AnalyzerConfig())
