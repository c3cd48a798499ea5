"""Readings over time around a network that says what the crops' numbers tell it."""

import json
import weakref
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import engine.analyze
import engine.assets
import engine.networks.bundle
import engine.reading.reader
from engine.analyze import (
    Analyzer,
    AnalyzerConfig,
    open_analyzer,
    open_finder,
    open_reader,
)
from engine.errors import ConfigError, ModelError
from engine.faces.finder import Finder
from engine.faces.landmarks import box_of
from engine.reading.fusion import Reading
from engine.reading.reader import Reader
from engine.types import Face, Found, Frame, Sighting, Track

IMAGE = np.zeros((48, 64, 3), np.uint8)
HAPPY = np.array([0, 4, 0, 0, 0, 0, 0, 0], np.float32)
POINTS = np.stack(np.meshgrid(np.arange(17), np.arange(4)), -1).reshape(68, 2).astype(np.float32)
STILL = np.eye(2, 3, dtype=np.float32)
OPENERS = [open_finder, open_reader, open_analyzer]


class FakeFusion:
    """Reads happiness as strong as the crop is bright: 255 is `HAPPY`, 0 its contrary."""

    temperature, device = 1.0, "fake"

    def __init__(self):
        self.calls, self.closed = [], False

    def close(self):
        self.closed = True

    def read(self, sightings, images):
        self.calls.append(list(sightings))
        return [self._read(sighting.face.crop[0, 0, 0] / 255) for sighting in sightings]

    def _read(self, joy):
        logits = ((2 * joy - 1) * HAPPY).astype(np.float32)
        return Reading(logits, np.array([0.8 * joy, 2.0 * joy], np.float32))


def found(index=0, faces=None):
    """A frame with faces of these ids and brightnesses."""
    faces = {1: 255} if faces is None else faces
    crops = [np.full((2, 2, 3), bright, np.uint8) for bright in faces.values()]
    return Found(
        Frame(index, index / 30, IMAGE),
        tuple(Track(number, box_of(POINTS), POINTS, 0.9) for number in faces),
        tuple(Sighting(Face(crop, STILL), POINTS, 0.9, ()) for crop in crops),
        {"track": 2.0},
    )


def test_face_is_read_clipped_and_calibrated():
    reader = Reader(FakeFusion(), 0.25)
    here = found()
    (analysis,) = reader.read([here])
    assert (analysis.frame, analysis.tracks) == (here.frame, here.tracks)
    (prediction,) = analysis.predictions
    assert prediction.track_id == 1
    assert prediction.expression.label == "happiness"
    assert prediction.probabilities[1] == pytest.approx(np.exp(4) / (np.exp(4) + 7), abs=1e-5)
    assert (prediction.valence, prediction.arousal) == (pytest.approx(0.8), 1.0)
    assert 0 < prediction.reliability < 1
    assert reader.device == "fake"


def test_temperature_of_the_network_calibrates():
    fusion = FakeFusion()
    fusion.temperature = 2.0
    ((prediction,),) = (a.predictions for a in Reader(fusion, 0.25).read([found()]))
    assert prediction.probabilities[1] == pytest.approx(np.exp(2) / (np.exp(2) + 7), abs=1e-5)


def test_faces_of_all_frames_are_one_network_call():
    fusion, several = FakeFusion(), [found(0, {1: 9, 2: 8}), found(1, {}), found(2, {2: 7})]
    analyses = Reader(fusion, 0).read(several)
    (call,) = fusion.calls
    assert call == [sighting for one in several for sighting in one.sightings]
    assert [analysis.frame.index for analysis in analyses] == [0, 1, 2]
    assert [[p.track_id for p in a.predictions] for a in analyses] == [[1, 2], [], [2]]


FILM = [
    found(0, {1: 255, 2: 0}),
    found(1, {1: 200, 2: 30}),
    found(2, {}),
    found(3, {2: 90}),
    found(4, {2: 10, 3: 250}),
    found(5, {3: 0}),
    found(6, {1: 0, 3: 100}),
]


def values(analyses):
    return [
        (a.frame.index, p.track_id, *p.probabilities.tolist(), p.valence, p.arousal, p.reliability)
        for a in analyses
        for p in a.predictions
    ]


@pytest.mark.parametrize("together", [2, 3, 4, 7])
def test_frames_read_together_are_what_they_are_one_by_one(together):
    alone, grouped = Reader(FakeFusion(), 0.25), Reader(FakeFusion(), 0.25)
    wanted = [analysis for one in FILM for analysis in alone.read([one])]
    groups = [FILM[first : first + together] for first in range(0, len(FILM), together)]
    said = [analysis for group in groups for analysis in grouped.read(group)]
    assert [a.frame.index for a in said] == list(range(7))
    assert [a.tracks for a in said] == [one.tracks for one in FILM]
    assert values(said) == values(wanted)
    assert len(values(said)) == 10


def test_expression_is_smoothed_over_time():
    reader = Reader(FakeFusion(), 0.25)
    before, after = (
        analysis.predictions[0] for analysis in reader.read([found(0), found(1, {1: 0})])
    )
    assert 0.5 < after.probabilities[1] < before.probabilities[1]
    assert 0 < after.valence < 0.8


def test_smoothing_of_zero_takes_each_frame_as_it_is():
    reader = Reader(FakeFusion(), 0)
    _, after = reader.read([found(0), found(1, {1: 0})])
    assert after.predictions[0].probabilities[1] < 0.01
    assert after.predictions[0].valence == 0


def test_track_that_was_lost_is_forgotten_within_a_call_and_between_two():
    fresh = values(Reader(FakeFusion(), 10).read([found(2, {1: 0})]))
    within = Reader(FakeFusion(), 10).read([found(0), found(1, {}), found(2, {1: 0})])
    assert values(within)[1:] == fresh
    reader = Reader(FakeFusion(), 10)
    reader.read([found(0)])
    reader.read([found(1, {2: 0})])
    assert values(reader.read([found(2, {1: 0})])) == fresh


def test_times_gain_each_frames_share_of_the_network(monkeypatch):
    ticks = iter([10.0, 10.012])
    monkeypatch.setattr(engine.reading.reader.time, "perf_counter", lambda: next(ticks))
    several = [found(0, {1: 9, 2: 8}), found(1, {}), found(2, {2: 7})]
    two, none, one = (a.times_ms for a in Reader(FakeFusion(), 0).read(several))
    assert two == {"track": 2.0, "fusion": pytest.approx(8)}
    assert none == {"track": 2.0}
    assert one == {"track": 2.0, "fusion": pytest.approx(4)}
    assert several[0].times_ms == {"track": 2.0}


class FakeFinder:
    def __init__(self):
        self.closed = False

    def find(self, frame):
        return replace(found(), frame=frame)

    def close(self):
        self.closed = True


def test_analyzer_finds_and_reads_frame_after_frame():
    fusion = FakeFusion()
    analyzer = Analyzer(FakeFinder(), Reader(fusion, 0.25))
    frames = [found(index).frame for index in range(3)]
    analyses = [analyzer.analyze(frame) for frame in frames]
    assert [analysis.frame for analysis in analyses] == frames
    assert [analysis.predictions[0].expression.label for analysis in analyses] == ["happiness"] * 3
    assert [len(call) for call in fusion.calls] == [1, 1, 1]
    assert analyzer.device == "fake"


def test_leaving_the_analyzer_closes_finder_and_reader():
    finder, fusion = FakeFinder(), FakeFusion()
    with Analyzer(finder, Reader(fusion, 0)):
        assert not finder.closed
        assert not fusion.closed
    assert finder.closed
    assert fusion.closed


def test_closing_frees_every_network():
    with open_analyzer(AnalyzerConfig(device="cpu", precision="fp32", threads=1)) as analyzer:
        finder, reader = analyzer._finder, analyzer._reader
        networks = (finder._detector, finder._landmarker, reader._fusion)
        sessions = [weakref.ref(network._session._session) for network in networks]
        assert all(session() is not None for session in sessions)
    assert [session() for session in sessions] == [None] * 3


@pytest.mark.parametrize(
    ("threads", "have", "wanted"), [(0, 1, 1), (0, 2, 1), (0, 5, 2), (0, 16, 8), (3, 16, 3)]
)
def test_each_network_gets_half_of_the_cores_unless_told(
    opened, monkeypatch, threads, have, wanted
):
    monkeypatch.setattr(engine.analyze, "cores", lambda: have)
    open_finder(AnalyzerConfig(threads=threads))
    open_reader(AnalyzerConfig(threads=threads))
    assert opened["detector"][1]["threads"] == wanted
    assert [opened[kind][2] for kind in ("landmarks", "expression")] == [wanted] * 2


def test_networks_that_run_in_turn_get_all_cores(opened, monkeypatch):
    monkeypatch.setattr(engine.analyze, "cores", lambda: 6)
    open_analyzer(AnalyzerConfig())
    assert [opened[kind][2] for kind in ("landmarks", "expression")] == [6, 6]


@pytest.fixture
def opened(monkeypatch):
    """Replace the networks; give what they were opened with, by name."""
    made = {}

    class Network:
        size, margin, temperature = 112, 0.1, 1.0

        def __init__(self, manifest, device, threads):
            made[manifest.kind] = (manifest.name, device, threads)
            self.device = device

    def open_detector(name, **given):
        made["detector"] = (name, given)

    monkeypatch.setattr(engine.analyze, "Landmarker", Network)
    monkeypatch.setattr(engine.analyze, "Fusion", Network)
    monkeypatch.setattr(engine.analyze, "open_detector", open_detector)
    return made


def test_settings_reach_detector_networks_and_tracker(opened, monkeypatch, tmp_path):
    tracking = []

    class Recorder(Finder):
        def __init__(self, detector, landmarker, config):
            tracking.append((config.detect_every, config.max_faces))

    monkeypatch.setattr(engine.analyze, "Finder", Recorder)
    settings = {"detector": "yunet", "detector_model": str(tmp_path / "y.onnx"), "threads": 3}
    settings |= {"device": "cpu", "precision": "fp32", "detect_every": 7, "max_faces": 3}
    config = AnalyzerConfig(min_face_px=30, **settings)
    assert open_analyzer(config).device == "cpu"
    name, given = opened.pop("detector")
    assert name == "yunet"
    assert given == {
        "model_path": tmp_path / "y.onnx",
        "min_face_px": 30,
        "device": "cpu",
        "threads": 3,
    }
    assert opened == {
        "landmarks": ("landmark-net", "cpu", 3),
        "expression": ("poster-rt", "cpu", 3),
    }
    assert tracking == [(7, 3)]


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
def test_smoothing_reaches_the_reader(opened, smooth):
    reader = open_reader(AnalyzerConfig(smooth=smooth))
    reader._fusion = FakeFusion()
    assert values(reader.read(FILM)) == values(Reader(FakeFusion(), smooth).read(FILM))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"detect_every": 0}, "detect_every: must be at least 1, got 0"),
        ({"min_face_px": 0}, "min_face_px: must be at least 1, got 0"),
        ({"max_faces": 0}, "max_faces: must be at least 1, got 0"),
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
    with pytest.raises(ModelError, match=r"model poster: unknown; choose poster-rt, or name an"):
        opener(AnalyzerConfig(model="poster"))


@pytest.mark.parametrize("opener", OPENERS)
def test_model_file_that_is_missing_is_named(tmp_path, opener):
    with pytest.raises(ModelError, match=r"mine\.onnx: no such model file"):
        opener(AnalyzerConfig(model=str(tmp_path / "mine.onnx")))


@pytest.mark.parametrize("opener", OPENERS)
def test_shipped_model_that_is_missing_is_a_model_error(monkeypatch, tmp_path, opener):
    monkeypatch.setattr(engine.assets, "__file__", str(tmp_path / "engine" / "assets.py"))
    with pytest.raises(ModelError, match=r"asset poster-rt\.onnx: not in this installation"):
        opener(AnalyzerConfig())
