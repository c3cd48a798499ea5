"""Lab Streaming Layer, received in this process by the library itself."""

import math
import sys

import numpy as np
import pytest

from app.outputs.lsl import CHANNELS, LslConfig, LslOutput, Places
from app.session.folder import Marker
from engine.errors import ConfigError
from engine.labels import EXPRESSIONS


def test_a_face_keeps_its_place_until_it_is_gone():
    places = Places(2)
    assert places.update({5}) == [5, None]
    assert places.update({3, 5}) == [5, 3]
    assert places.update({1, 3}) == [1, 3]
    assert places.update({1, 2, 3}) == [1, 3]
    assert places.update(set()) == [None, None]
    assert places.update({9, 7, 8}) == [7, 8]


def test_config_errors_name_the_setting():
    with pytest.raises(ConfigError, match=r"lsl\.name"):
        LslConfig(name="")
    with pytest.raises(ConfigError, match=r"lsl\.faces"):
        LslConfig(faces=0)


def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(ConfigError, match=r"pip install 'fer-live\[lsl\]'"):
        LslOutput(LslConfig())


@pytest.mark.slow
def test_samples_and_markers_arrive(make_analysis):
    pylsl = pytest.importorskip("pylsl", reason="pylsl is not installed")
    output = LslOutput(LslConfig(name="fer-live test", faces=2))
    streams = {}
    for name in ("fer-live test", "fer-live test markers"):
        found = pylsl.resolve_byprop("name", name, timeout=20)
        assert found, f"{name}: not found"
        streams[name] = pylsl.StreamInlet(found[0])
        streams[name].open_stream(timeout=20)
    numbers, markers = streams.values()
    before = pylsl.local_clock()
    output.send(make_analysis(0, 0.0, {3: ("anger", -0.5, 0.25)}))
    output.send(make_analysis(1, 0.1, dict.fromkeys((3, 4, 5), ("fear", 0.0, 0.0))))
    output.mark(Marker(0.1, "stimulus on", "F5"))
    output.mark(Marker(0.2, "film", "F5", phase="begin"))
    sample, stamp = numbers.pull_sample(timeout=20)
    assert len(sample) == 2 * len(CHANNELS)
    first = dict(zip(CHANNELS, sample, strict=False))
    assert first["id"] == 3
    assert first["anger"] == pytest.approx(0.65)
    assert (first["valence"], first["arousal"]) == (-0.5, 0.25)
    assert all(math.isnan(value) for value in sample[len(CHANNELS) :])
    assert before - 0.002 <= stamp + numbers.time_correction(timeout=20) <= pylsl.local_clock()
    second, _ = numbers.pull_sample(timeout=20)
    assert not np.isnan(second).any()
    assert markers.pull_sample(timeout=20)[0] == ["stimulus on"]
    assert markers.pull_sample(timeout=20)[0] == ["film begin"]
    assert (output.sent, output.dropped) == (4, 1)
    labels = []
    channel = numbers.info(timeout=20).desc().child("channels").child("channel")
    while not channel.empty():
        labels.append(channel.child_value("label"))
        channel = channel.next_sibling()
    assert labels[1 : 1 + len(EXPRESSIONS)] == [f"face1_{label}" for label in EXPRESSIONS]
    assert len(labels) == 2 * len(CHANNELS)
    for inlet in streams.values():
        inlet.close_stream()
    output.close()
    output.close()
