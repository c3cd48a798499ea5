"""Outputs of networks that know other classes, or none: names travel with the numbers."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle

from app.live.outputs import LiveOutputs
from app.outputs.lsl import CHANNELS, LslConfig, LslOutput, _values
from app.outputs.osc import frame_bundle
from app.outputs.udp import frame_object
from app.settings.settings import Settings
from engine.labels import EXPRESSIONS
from engine.types import Prediction

ABAW = (*EXPRESSIONS[:7], "other")


@pytest.fixture
def analysis(make_analysis):
    """Give `analysis(prediction)`: a frame with one face of which this is said."""

    def analysis(prediction):
        frame = make_analysis(0, 0.0, {1: ("fear", 0.0, 0.0)})
        return replace(frame, predictions=(prediction,))

    return analysis


def said(label="other", labels=ABAW, **more):
    shares = np.array([0.65 if x == label else 0.05 for x in labels], np.float32)
    return Prediction(1, shares, 0.5, -0.25, 0.6 if labels else None, labels, **more)


def messages(analysis):
    bundle = OscBundle(frame_bundle(analysis))
    return {message.address: message.params for message in bundle}


def test_osc_names_the_classes_where_they_are_not_the_eight(analysis):
    found = messages(analysis(said()))
    assert found["/fer/face"][:2] == [1, "other"]
    assert found["/fer/classes"] == [1, *ABAW]
    assert found["/fer/probabilities"][1:] == pytest.approx([0.05] * 7 + [0.65])
    assert "/fer/classes" not in messages(analysis(said("fear", EXPRESSIONS)))


def test_osc_keeps_its_form_where_nothing_is_known(analysis):
    found = messages(analysis(said("", ())))
    face = found["/fer/face"]
    assert face[:2] == [1, ""]
    assert [math.isnan(value) for value in face[2:6]] == [True, True, False, False]
    assert (found["/fer/classes"], found["/fer/probabilities"]) == ([1], [1])


def test_udp_has_what_the_network_knows(analysis):
    (face,) = frame_object(analysis(said(derived=True, measures={"quality": 0.5})))["faces"]
    assert tuple(face["probabilities"]) == ABAW
    assert (face["label"], face["affect_source"], face["quality"]) == ("other", "derived", 0.5)
    (face,) = frame_object(analysis(said("", ())))["faces"]
    assert (face["label"], face["reliability"], face["probabilities"]) == ("", None, {})
    json.dumps(face, allow_nan=False)


def test_lsl_keeps_the_eights_channels_and_adds_others():
    values = dict(zip((*CHANNELS, "other"), _values(said(), ("other",)), strict=True))
    assert values["other"] == pytest.approx(0.65)
    assert math.isnan(values["contempt"])
    assert values["arousal"] == -0.25
    assert all(map(math.isnan, _values(None, ("other",))))
    alone = dict(zip(CHANNELS, _values(said("", ()), ()), strict=True))
    assert [name for name in CHANNELS if not math.isnan(alone[name])] == [
        "id",
        "valence",
        "arousal",
    ]


@pytest.fixture
def outlets(monkeypatch):
    """Stand in for liblsl; give the channels of every stream that was offered."""
    offered = []

    class Outlet:
        def __init__(self, info, max_buffered):
            self.count = info.count
            offered.append(info.labels)

        def push_sample(self, sample, stamp):
            assert len(sample) == self.count

    class Info:
        def __init__(self, name, kind, count, *rest):
            self.count, self.labels = count, []

        def desc(self):
            return self

        append_child = lambda self, name: self  # noqa: E731

        def append_child_value(self, key, value):
            if key == "label":
                self.labels.append(value)

    library = SimpleNamespace(
        set_config_content=lambda text: None,
        local_clock=lambda: 0.0,
        StreamInfo=Info,
        StreamOutlet=Outlet,
        IRREGULAR_RATE=0.0,
        cf_float32=1,
        cf_string=3,
    )
    monkeypatch.setitem(__import__("sys").modules, "pylsl", library)
    return offered


def test_lsl_offers_another_stream_where_another_model_knows_more(outlets, analysis):
    output = LslOutput(LslConfig(faces=1))
    output.send(analysis(said("fear", EXPRESSIONS)))
    assert [len(labels) for labels in outlets] == [len(CHANNELS), 0]
    for _ in range(2):
        output.send(analysis(said()))
    assert len(outlets) == 3
    assert outlets[2][-1] == "face1_other"
    output.close()


def test_lsl_of_the_window_has_the_models_classes_from_the_start(outlets, tiny_network):
    outputs = LiveOutputs()
    outputs.use(Settings(lsl=True, model=str(tiny_network("abaw", ABAW))))
    outputs.close()
    assert not any(status.error for status in outputs.status())
    assert outlets[0][-1] == "face4_other"
