import pytest

import engine.faces.detection
import engine.faces.landmarker
import engine.reading.fusion
from app.settings.speed import CALLS, WARM, Speed, available_devices, measure_speed
from engine.analyze import AnalyzerConfig, open_finder, open_reader
from engine.assets import asset_path
from engine.errors import ModelError
from engine.networks.runtime import Session


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


@pytest.fixture
def sessions(monkeypatch):
    """List the networks opened, as (path, device, threads), and those closed again."""

    class Listed(Session):
        opened, closed = [], []

        def __init__(self, manifest, device, threads):
            super().__init__(manifest, device, threads)
            self.facts = (manifest.path, device, threads)
            self.opened.append(self.facts)

        def close(self):
            self.closed.append(self.facts)
            super().close()

    for module in (engine.faces.detection, engine.faces.landmarker, engine.reading.fusion):
        monkeypatch.setattr(module, "open_session", Listed)
    return Listed


def test_the_networks_that_are_timed_are_those_that_run(sessions, tmp_path):
    """With the detector, the device and the share of the cores that the window runs with."""
    for name in ("fer-detector.onnx", "fer-detector.json"):
        (tmp_path / name).write_bytes(asset_path(name).read_bytes())
    own = str(tmp_path / "fer-detector.onnx")
    for config in (
        AnalyzerConfig(device="cpu", detector_model=own),
        AnalyzerConfig(precision="int8"),  # made for the CPU, whatever `auto` would take
    ):
        sessions.opened.clear()
        open_finder(config).close()
        open_reader(config).close()
        wanted = sorted(sessions.opened)
        sessions.opened.clear()
        sessions.closed.clear()
        measure_speed(config, lambda: True)
        assert sorted(sessions.opened) == sorted(sessions.closed) == wanted


def test_a_detector_file_that_is_not_there_is_an_error():
    with pytest.raises(ModelError, match=r"none\.onnx"):
        measure_speed(AnalyzerConfig(detector_model="none.onnx"), lambda: False)
