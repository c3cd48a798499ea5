"""Sound of a file that plays, and in what is recorded of it: by keys and clicks."""

import json

import av
import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt

from app.sources.choice import Choice
from app.window.sound import SoundOfFile
from engine.video.sound import RATE, SoundReader

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CAMERA = Choice(kind="camera", name="0")


class Speaker:
    """Plays at once, in the clock of the test; remembers what it played."""

    def __init__(self):
        self.played, self.stops = [], 0

    def room(self):
        return RATE // 20

    def waiting_s(self):
        return 0.0

    def play(self, samples):
        self.played.append(samples)

    def stop(self):
        self.stops += 1
        self.played = []


@pytest.fixture
def long_spoken(make_clip):
    images = [np.full((48, 64, 3), n, np.uint8) for n in range(250)]
    return make_clip("spoken.mp4", images=images, sound=True)


@pytest.fixture
def speaker():
    return Speaker()


@pytest.fixture
def playing_sound(qtbot, window, long_spoken, speaker):
    window.sound.close()
    window.sound = SoundOfFile(window.playback, lambda: window.settings.audible, lambda: speaker)
    window.open(Choice(kind="file", name=str(long_spoken)))
    qtbot.waitUntil(lambda: window.playback.player is not None)
    yield window
    window.sound.close()


def test_a_file_is_heard_while_it_plays_and_only_then(qtbot, playing_sound, speaker):
    qtbot.waitUntil(lambda: sum(part.shape[1] for part in speaker.played) > RATE // 4)
    loud = max(float(np.abs(part).max()) for part in speaker.played)
    assert loud > 0.2
    before = speaker.stops
    qtbot.keyClick(playing_sound, KEY.Key_Space)
    qtbot.waitUntil(lambda: speaker.stops > before)
    qtbot.wait(150)
    assert speaker.played == []
    assert playing_sound.sound.heard_s is None


def test_a_key_switches_the_sound_off_and_on(qtbot, playing_sound, speaker, tmp_path):
    qtbot.waitUntil(lambda: bool(speaker.played))
    qtbot.keyClick(playing_sound, KEY.Key_A)
    assert not playing_sound.settings.audible
    qtbot.waitUntil(lambda: speaker.played == [])
    qtbot.wait(150)
    assert speaker.played == []
    qtbot.keyClick(playing_sound, KEY.Key_A)
    qtbot.waitUntil(lambda: bool(speaker.played))


def test_where_the_file_is_moved_sound_goes_on_from_there(qtbot, playing_sound, speaker):
    qtbot.waitUntil(lambda: bool(speaker.played))
    playing_sound.playback.seek(6.0)
    sound = playing_sound.sound
    qtbot.waitUntil(lambda: (sound.heard_s or 0) > 5.9)
    assert abs(sound.heard_s - playing_sound.playback.player.position_s) < 0.5


def test_sound_that_is_ticked_is_in_the_recorded_video(qtbot, playing_sound):
    window = playing_sound
    window.docks.docks["recording"].raise_()
    box = window.recording.sound_box
    qtbot.waitUntil(box.isVisible)
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: window.controller.view().elapsed_s > 1)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not window.controller.view().recording, timeout=20_000)
    folder = window.controller.view().folder
    assert json.loads((folder / "session.json").read_text())["settings"]["sound"] == "file"
    reader = SoundReader(folder / "video.mp4")
    blocks = list(iter(reader.read, None))
    reader.close()
    with av.open(str(folder / "video.mp4")) as container:
        video_s = container.streams.video[0].duration * container.streams.video[0].time_base
    assert blocks[-1].end_s == pytest.approx(float(video_s), abs=0.15)
    assert max(float(np.abs(block.samples).max()) for block in blocks) > 0.2


def test_without_a_microphone_the_window_says_so_and_records(qtbot, live):
    live.controller.microphone = lambda: False
    live.controller.choose(sound=True)
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "no microphone" in live.watch.notice.text)
    qtbot.waitUntil(lambda: live.controller.view().seen > 3)
    qtbot.keyClick(live, KEY.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not live.controller.view().recording, timeout=20_000)
    folder = live.controller.view().folder
    assert (folder / "video.mp4").stat().st_size > 0
    about = json.loads((folder / "session.json").read_text())
    assert about["settings"]["sound"] == "none"
    with av.open(str(folder / "video.mp4")) as container:
        assert not container.streams.audio


def test_what_a_microphone_hears_is_in_the_recorded_video(qtbot, live):
    live.microphone.close()
    live.microphone._asked = True  # this test is the microphone
    live.controller.microphone = lambda: True
    live.controller.choose(sound=True)
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: live.controller.view().seen > 3)
    for step in range(10):
        wave = np.sin(np.arange(step * 4800, (step + 1) * 4800) * 0.05).astype(np.float32)
        live.controller.hear(np.stack([wave, wave]))
        qtbot.wait(100)
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not live.controller.view().recording, timeout=20_000)
    reader = SoundReader(live.controller.view().folder / "video.mp4")
    loud = max(float(np.abs(block.samples).max()) for block in iter(reader.read, None))
    reader.close()
    assert loud > 0.5


def test_a_machine_without_sound_is_asked_once_for_each_file(qtbot, window, long_spoken):
    asked = []
    window.sound.close()
    window.sound = SoundOfFile(window.playback, lambda: True, lambda: asked.append(1))
    window.open(Choice(kind="file", name=str(long_spoken)))
    qtbot.waitUntil(lambda: bool(asked))
    qtbot.wait(400)
    assert len(asked) == 1
    window.open(Choice(kind="file", name=str(long_spoken)))
    qtbot.waitUntil(lambda: len(asked) == 2)
    window.sound.close()
