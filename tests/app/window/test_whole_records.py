"""A recording has every frame of a file, and says what of a live source it has not."""

import csv
import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import Qt

from app.sources.choice import Choice

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CAMERA = Choice(kind="camera", name="0")


@pytest.fixture
def slow_engine(fake_engine):
    """The fake engine, as on a busy machine: 40 ms for each frame."""
    make = fake_engine["make_finder"]
    wait = threading.Event()

    class Slow:
        def __init__(self):
            self._finder = make(None)

        def find(self, frame):
            wait.wait(0.04)
            return self._finder.find(frame)

        def close(self):
            self._finder.close()

    fake_engine["make_finder"] = lambda _: Slow()


@pytest.fixture
def long_clip(make_clip):
    return make_clip("long.mp4", [np.full((48, 64, 3), 2 * i, np.uint8) for i in range(60)])


def about(folder):
    return json.loads((folder / "session.json").read_text())


def rows(folder):
    with (folder / "records.csv").open(newline="") as text:
        return list(csv.DictReader(text))


def test_a_recorded_file_has_every_frame_however_busy_the_machine_is(
    qtbot, slow_engine, window, long_clip
):
    window.open(Choice(kind="file", name=str(long_clip), playing=False))
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    window.transport.speed_chosen.emit(4.0)  # 100 frames a second, of which 25 can be analysed
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.keyClick(window, KEY.Key_Space)
    qtbot.waitUntil(
        lambda: "every frame," in window.watch.bar.state_label.toolTip(), timeout=10_000
    )
    qtbot.waitUntil(lambda: not window.controller.view().recording, timeout=20_000)
    folder = window.controller.view().folder
    said = about(folder)
    assert [said[f"frames_{what}"] for what in ("seen", "analysed", "dropped")] == [60, 60, 0]
    assert [int(row["frame"]) for row in rows(folder)] == [i for i in range(60) for _ in range(2)]
    assert said["video_frames"] == 60  # the first, which was on the screen, too
    assert said["stopped_because"] == "stopped at the end of the file"
    qtbot.waitUntil(lambda: "end of the file" in window.watch.notice.text)


def test_record_at_the_end_of_a_file_records_it_from_its_beginning(qtbot, playing):
    qtbot.waitUntil(lambda: playing.playback.player.ended, timeout=20_000)
    qtbot.waitUntil(playing.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(playing.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: playing.controller.view().folder is not None)
    qtbot.waitUntil(lambda: not playing.controller.view().recording, timeout=20_000)
    folder = playing.controller.view().folder
    times = [float(row["timestamp"]) for row in rows(folder)]
    assert times == pytest.approx([i / 25 for i in range(20) for _ in range(2)], abs=1e-3)
    assert about(folder)["stopped_because"] == "stopped at the end of the file"
    assert not playing.watch.notice.text.startswith("The recording waits")


def test_a_recording_whose_file_goes_away_says_why_it_ended(qtbot, window, long_clip):
    window.open(Choice(kind="file", name=str(long_clip), playing=False))
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.keyClick(window, KEY.Key_Space)
    qtbot.waitUntil(lambda: window.controller.view().seen > 3)
    long_clip.unlink()
    window.transport.sought.emit(0.0)  # it is opened anew
    qtbot.waitUntil(lambda: not window.controller.view().recording, timeout=20_000)
    why = about(window.controller.view().folder)["stopped_because"]
    assert "long.mp4" in why
    assert "no such file" in why


def test_what_of_a_camera_was_left_out_is_counted_and_said(
    qtbot, slow_engine, window, opened, fake_camera
):
    opened.append(fake_camera())
    window.open(CAMERA)
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: window.controller.view().missed > 20, timeout=10_000)
    qtbot.waitUntil(lambda: "analysed" in window.watch.bar.chips)
    chip = window.watch.bar.chips["analysed"]
    assert chip.isVisible()
    assert chip.text().endswith("% analysed")
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not window.controller.view().recording)
    folder = window.controller.view().folder
    said = about(folder)
    frames = sorted({int(row["frame"]) for row in rows(folder)})
    assert said["frames_analysed"] == len(frames)
    assert said["frames_seen"] == frames[-1] + 1
    assert said["frames_dropped"] == said["frames_seen"] - said["frames_analysed"] > 20


def test_a_file_keeps_its_pace_again_after_the_recording(qtbot, slow_engine, window, long_clip):
    window.open(Choice(kind="file", name=str(long_clip), playing=False))
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.keyClick(window, KEY.Key_Space)  # now: it would be over before a busy machine records
    qtbot.waitUntil(lambda: window.controller.view().seen > 3, timeout=10_000)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not window.controller.view().recording, timeout=20_000)
    qtbot.waitUntil(lambda: not window.runner.worker._whole.is_set(), timeout=20_000)


def test_settings_of_a_file_that_is_recorded_keep_its_ids(qtbot, window, long_clip):
    window.open(Choice(kind="file", name=str(long_clip)))
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: window.controller.view().recording)
    worker = window.runner.worker
    window.use(replace(window.settings, detect_every=3))
    assert window.runner.worker is worker
