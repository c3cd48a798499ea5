"""What the recording panel decides."""

import json
import time

import numpy as np
import pytest

from app.session.controller import RecordingController
from app.session.folder import read_markers
from app.session.options import KEYS, RecordingOptions
from engine.analyze import AnalyzerConfig
from engine.video.opening import open_source

FACES = {1: ("happiness", 0.5, 0.2)}


@pytest.fixture
def told():
    return []


@pytest.fixture
def controller(tmp_path, told):
    made = RecordingController(RecordingOptions(root=tmp_path / "recordings"), told=told.append)
    yield made
    assert made.close(5)


def _until(controller, wanted):
    """Look, as the panel does, until `wanted(view)`."""
    deadline = time.monotonic() + 10
    while not wanted(view := controller.view()):
        assert time.monotonic() < deadline, view
        time.sleep(0.01)
    return view


def _feed(controller, make_analysis, count=5):
    for index in range(count):
        controller.add(make_analysis(index, index / 25, FACES))


def test_without_a_source_nothing_can_be_done(controller):
    view = _until(controller, lambda view: view.free is not None)
    assert not view.can_start
    assert not view.can_snapshot
    assert not view.recording
    assert view.folder is None
    assert view.free > 0
    assert not controller.start()
    assert not controller.snapshot()
    assert controller.mark("on") is None
    controller.stop()


def test_a_recording_from_start_to_end(controller, camera, make_analysis, told):
    controller.attach(camera(), AnalyzerConfig())
    assert controller.view().can_start
    assert controller.start()
    assert not controller.start()
    _until(controller, lambda view: view.folder is not None)
    _feed(controller, make_analysis)
    marker = controller.mark_by_key("F6")
    assert (marker.text, marker.key) == ("stimulus off", "F6")
    assert controller.mark("  ") is None
    assert controller.mark("free text").key == ""
    view = controller.view()
    assert view.recording
    assert view.markers == 2
    assert (told[0].text, told[0].key) == (marker.text, marker.key)
    assert told[0].time_s == pytest.approx(4 / 25, abs=0.5)  # of the source
    controller.stop()
    view = _until(controller, lambda view: not view.recording)
    assert view.message == f"saved: {view.folder.name}"
    assert (view.folder / "records.csv").stat().st_size > 300
    assert controller.mark_by_key("F5") is None


def test_the_choice_is_what_is_recorded(controller, camera, make_analysis):
    controller.attach(camera(), AnalyzerConfig())
    controller.choose(video=False, limit_s=0.08, texts=("a", "", "c", "d"))
    controller.start()
    _feed(controller, make_analysis)
    view = _until(controller, lambda view: not view.recording)
    assert view.message == f"stopped after 0.08 s, as asked; saved: {view.folder.name}"
    assert not (view.folder / "video.mp4").exists()
    controller.choose(limit_s=None, records=False)
    assert not controller.view().can_start
    assert not controller.start()
    controller.choose(records=True)
    controller.start()
    assert controller.mark_by_key("F6").text == "F6"  # no text: the key says it


def test_closing_the_source_ends_the_recording(controller, camera, make_analysis):
    controller.attach(camera(), AnalyzerConfig())
    controller.start()
    _feed(controller, make_analysis)
    controller.attach(camera(), AnalyzerConfig())  # the same camera, opened again
    assert controller.view().recording
    controller.attach(camera(name="camera 1"), AnalyzerConfig())
    _until(controller, lambda view: not view.recording)
    controller.start()
    controller.detach()
    view = _until(controller, lambda view: not view.recording)
    assert not view.can_start
    assert not view.can_snapshot


def test_a_marker_that_lasts_is_told_when_it_begins_and_ends(
    controller, camera, make_analysis, told
):
    assert controller.begin_or_end_by_key("F5") is None  # there is no picture
    controller.attach(camera(), AnalyzerConfig())
    _feed(controller, make_analysis, 1)
    controller.begin_or_end_by_key("F5")
    assert controller.view().running == ("F5",)
    controller.choose(texts=("other", *controller.choice.texts[1:]))
    controller.begin_or_end_by_key("F5")
    assert controller.view().running == ()
    assert [(m.text, m.phase) for m in told] == [("stimulus on", "begin"), ("stimulus on", "end")]


def test_a_marker_has_the_key_that_it_had_when_it_began(controller, camera, make_analysis, told):
    controller.attach(camera(), AnalyzerConfig())
    _feed(controller, make_analysis, 1)
    controller.choose(texts=("", *controller.choice.texts[1:]))
    controller.key_name = {"F5": "G"}.__getitem__
    controller.begin_or_end_by_key("F5")
    controller.key_name = {"F5": "H"}.__getitem__
    controller.begin_or_end_by_key("F5")
    controller.mark_by_key("F5")
    assert [(m.key, m.text, m.phase) for m in told] == [
        ("G", "G", "begin"),
        ("G", "G", "end"),
        ("H", "H", ""),
    ]


def test_markers_that_last_begin_and_end_with_the_recording_at_the_latest(
    controller, camera, make_analysis, told
):
    controller.attach(camera(), AnalyzerConfig())
    _feed(controller, make_analysis, 1)
    controller.begin_or_end_by_key("F5")
    assert controller.start()
    _until(controller, lambda view: view.folder is not None)
    _feed(controller, make_analysis, 50)
    controller.begin_or_end_by_key("F6")
    assert controller.view().markers == 2
    controller.stop()
    view = _until(controller, lambda view: not view.recording)
    assert controller.view().running == ()
    first, second = read_markers(view.folder / "markers.csv")[0]
    assert (first.time_s, first.key) == (0.0, "F5")
    assert second.key == "F6"
    assert first.end_s >= 1.9
    assert second.end_s >= second.time_s > 1.9
    assert sorted(m.key for m in told if m.phase == "end") == ["F5", "F6"]


def test_a_marker_of_another_program_is_recorded_and_not_sent_on(
    controller, camera, make_analysis, told
):
    controller.attach(camera(), AnalyzerConfig())
    controller.take_marker("too early", "UDP", time.monotonic())
    assert controller.start()
    _until(controller, lambda view: view.folder is not None)
    _feed(controller, make_analysis, 50)
    controller.take_marker("trial 1", "UDP", time.monotonic() - 0.5)
    controller.stop()
    view = _until(controller, lambda view: not view.recording)
    (marker,), _ = read_markers(view.folder / "markers.csv")
    assert (marker.text, marker.key) == ("trial 1", "UDP")
    assert marker.time_s == pytest.approx(49 / 25 - 0.5, abs=0.3)
    assert told == []


def test_a_snapshot_is_saved_with_or_without_a_recording(controller, camera, make_analysis):
    controller.attach(camera(), AnalyzerConfig())
    _feed(controller, make_analysis, 1)
    assert controller.snapshot()
    view = _until(controller, lambda view: view.message)
    (path,) = (view.choice.root / "snapshots").iterdir()
    assert view.message == f"saved: {path.name}"


def test_what_goes_wrong_is_said(controller, camera, make_analysis, tmp_path):
    (tmp_path / "file").write_text("")
    controller.choose(root=tmp_path / "file")
    controller.attach(camera(), AnalyzerConfig())
    controller.start()
    view = _until(controller, lambda view: not view.recording)
    assert "file: cannot be written" in view.message
    _feed(controller, make_analysis, 1)
    controller.snapshot()
    view = _until(controller, lambda view: "snapshots" in view.message)
    assert "cannot be written" in view.message


def test_the_end_is_said_even_after_a_snapshot(controller, camera, make_analysis):
    controller.attach(camera(), AnalyzerConfig())
    controller.start()
    _feed(controller, make_analysis)
    controller.snapshot()
    _until(controller, lambda view: view.message.endswith(".png"))
    controller.stop()
    view = _until(controller, lambda view: not view.recording)
    assert view.message == f"saved: {view.folder.name}"
    assert len(KEYS) == len(view.choice.texts)


@pytest.mark.parametrize("strip", [True, False])
def test_the_video_shows_what_the_window_draws(controller, camera, make_analysis, strip):
    controller.attach(camera(width=640, height=480), AnalyzerConfig())
    controller.choose(timeline=strip)
    controller.draw(landmarks=True, uncertain_below=0.9)
    controller.start()
    image = np.full((480, 640, 3), 60, np.uint8)
    for index in range(5):
        boxes = {1: (200.0, 100.0, 300.0, 240.0)}
        controller.add(make_analysis(index, index / 25, FACES, image=image, boxes=boxes))
    controller.stop()
    folder = _until(controller, lambda view: not view.recording).folder
    about = json.loads((folder / "session.json").read_text())
    overlay = about["settings"]["video"]["overlay"]
    assert (overlay["landmarks"], overlay["uncertain_below"]) == (True, 0.9)
    with open_source(str(folder / "video.mp4")) as source:
        shown = [frame.image for frame in source][-1]
    drawn = np.abs(shown.astype(int) - 60).max(axis=2) > 40
    assert drawn[440:].any() == strip  # the strip
    assert drawn[120:420, 330:].any() == strip  # the bars beside the face
    assert drawn[110:230, 210:290].mean() > 0.005  # landmarks
