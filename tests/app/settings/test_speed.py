import pytest

import engine.analyze
from app.settings.speed import CALLS, WARM, Speed, available_devices, measure_speed
from engine.analyze import AnalyzerConfig
from engine.errors import ModelError


class Clock:
    """Every look takes a millisecond."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return self.looks / 1000


def test_frames_a_second_share_the_detector():
    assert Speed("cpu", 10, 2, 7).fps(10) == pytest.approx(100)


def test_auto_and_the_processor_are_always_there():
    assert available_devices()[0] == "auto"
    assert "cpu" in available_devices()


def test_the_shipped_networks_are_timed():
    speed = measure_speed(AnalyzerConfig(device="cpu", threads=1), lambda: False, clock=Clock())
    assert speed.device == "cpu"
    assert speed.detect_ms == pytest.approx(1)  # by this clock, start to end is one look
    assert speed.landmarks_ms == pytest.approx(1)
    assert speed.expression_ms == pytest.approx(1)


def test_it_stops_between_two_calls():
    asked = []

    def stopped():
        asked.append(1)
        return len(asked) > WARM + 5

    assert measure_speed(AnalyzerConfig(device="cpu", threads=1), stopped) is None
    assert len(asked) <= WARM + CALLS


def test_a_model_that_is_not_there_is_an_error(tmp_path):
    config = AnalyzerConfig(model=str(tmp_path / "no.onnx"))
    with pytest.raises(ModelError):
        measure_speed(config, lambda: False)


def test_it_times_the_networks_that_would_run(monkeypatch, tmp_path):
    opened = {}

    class Enough(Exception):
        pass

    def open_detector(name, **given):
        opened.update(name=name, **given)
        raise Enough

    monkeypatch.setattr(engine.analyze, "open_detector", open_detector)
    monkeypatch.setattr(engine.analyze, "cores", lambda: 8)
    mine = tmp_path / "mine.onnx"
    config = AnalyzerConfig(detector="yunet", detector_model=str(mine), device="cpu")
    with pytest.raises(Enough):
        measure_speed(config, lambda: False)
    assert opened == {
        "name": "yunet",
        "model_path": mine,
        "min_face_px": config.min_face_px,
        "device": "cpu",
        "threads": 4,
    }
