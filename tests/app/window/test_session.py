"""What is recorded, and whether one can see it: by clicks and keys in the real window."""

import itertools
import json
import os
import threading
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt, QTimer
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QMenu, QMessageBox

from app.session.folder import read_markers
from app.settings.settings import load_settings
from app.sources.choice import Choice
from app.window.help.dialogs import ShortcutsDialog
from app.window.review.window import ReviewWindow
from app.window.session.sheet import ParticipantSheet
from app.window.settings.dialog import SettingsDialog
from app.window.sources.region_picker import RegionPicker
from engine.types import Found, Frame
from engine.video.opening import open_source

CAMERA = Choice(kind="camera", name="0")
KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@contextmanager
def answering(button_text):
    """Press this button of the next question; fail if none is asked."""
    asked = []

    def press():
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            return
        asked.append(box.text())
        next(b for b in box.buttons() if b.text().replace("&", "") == button_text).click()

    timer = QTimer()
    timer.timeout.connect(press)
    timer.start(20)
    yield asked
    timer.stop()
    assert asked, "nothing was asked"


def recording(window):
    return window.controller.view().recording


def start(qtbot, window):
    button = window.watch.bar.record_button
    qtbot.waitUntil(button.isEnabled)
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: window.controller.view().folder is not None)


def stop(qtbot, window):
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not recording(window), timeout=20_000)
    return window.controller.view().folder


def tick(qtbot, window, box):
    window.docks.docks["recording"].raise_()
    qtbot.waitUntil(box.isVisible)
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    assert box.isChecked()


# Blurred faces


@pytest.fixture
def show_film(qtbot, make_window, opened, fake_camera, fake_engine):
    """Give `show(analyses)`: a window with a camera that shows white, and what makes it show them.

    The faces are those of the analyses, as if the engine had found them.
    """

    def show(analyses):
        going = threading.Event()
        found = {}
        camera = fake_camera()
        white = np.full_like(analyses[0].frame.image, 255)

        class Film(fake_camera):
            def __iter__(self):
                film = iter(analyses)
                for index in itertools.count():
                    if self._closing.wait(0.04):
                        return
                    analysis = next(film, None) if going.is_set() else None
                    found[index] = analysis
                    image = white if analysis is None else analysis.frame.image
                    yield Frame(index, index / 25, image.copy())

        class Finder:
            def find(self, frame):
                return Found(frame, (), (), {"detect": 1.0})

            def close(self):
                pass

        class Reader(Finder):
            device = "cpu"

            def read(self, several):
                from dataclasses import replace

                from engine.types import Analysis

                made = []
                for each in several:
                    seen = found[each.frame.index]
                    if seen is None:
                        made.append(Analysis(each.frame, (), (), {"fusion": 1.0}))
                    else:
                        made.append(replace(seen, frame=each.frame))
                return made

        fake_engine["make_finder"], fake_engine["make_reader"] = (
            lambda _: Finder(),
            lambda _: Reader(),
        )
        camera = Film()
        height, width = white.shape[:2]
        from dataclasses import replace

        camera.info = replace(camera.info, width=width, height=height)
        opened.append(camera)
        window = make_window()
        window.open(CAMERA)
        qtbot.waitUntil(lambda: window.live.analysis is not None)
        return window, going

    return show


def detail(image):
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return cv2.Laplacian(gray, cv2.CV_64F).var()


def bare_in(folder, analyses, places, name="video.mp4"):
    """Give (frame, face) of the film where the recorded pixels show a face; look at every frame."""
    with open_source(str(folder / name)) as source:
        frames = [(frame.time_s, frame.image) for frame in source]
    first = next(t for t, image in frames if image[:60].mean() < 250)
    looked, bare = set(), []
    for time_s, image in frames:
        index = round((time_s - first) * 25)
        if not 0 <= index < len(analyses):
            continue
        looked.add(index)
        for number, place in enumerate(places[index]):
            x0, y0, x1, y1 = (max(0, int(value)) for value in place)
            part = (slice(y0, y1), slice(x0, min(x1, image.shape[1])))
            if image[part].shape[1] > 30:
                before, after = detail(analyses[index].frame.image[part]), detail(image[part])
                if after > 0.25 * before:
                    bare.append((index, number))
    assert len(looked) > 0.5 * len(analyses)  # a busy machine leaves frames out
    return bare


def scene(film, name):
    if name == "walks in":
        path = [min(-110 + 12 * i, 300) for i in range(40)]
        return film([path], [range(20, 40)])
    if name == "lost for ten frames":
        path = [20 + 10 * i for i in range(40)]
        return film([path], [[*range(12), *range(22, 40)]])
    right, left = [20 + 12 * i for i in range(40)], [500 - 12 * i for i in range(40)]
    hidden = [i for i in range(40) if abs(right[i] - left[i]) < 130]
    return film([right, left], [[i for i in range(40) if i not in hidden], range(40)])


@pytest.mark.parametrize("name", ["walks in", "lost for ten frames", "two cross"])
def test_blur_that_is_ticked_is_in_every_recorded_frame_whatever_key_is_pressed(
    qtbot, film, show_film, name
):
    analyses, places = scene(film, name)
    window, going = show_film(analyses)
    panel = window.recording
    tick(qtbot, window, panel.blur_box)
    qtbot.mouseClick(panel.annotate_box, LEFT, pos=QPoint(8, panel.annotate_box.height() // 2))
    for key in (KEY.Key_L, KEY.Key_M, KEY.Key_H):
        qtbot.keyClick(window, key)
    assert panel.blur_box.isChecked()
    start(qtbot, window)
    before = window.controller.view().seen
    going.set()
    qtbot.waitUntil(lambda: window.controller.view().seen > before + 55, timeout=20_000)
    folder = stop(qtbot, window)
    about = json.loads((folder / "session.json").read_text())
    assert about["settings"]["video"]["blur"] is True
    assert bare_in(folder, analyses, places) == []
    assert panel.blur_box.isChecked()


def test_the_menu_blurs_as_the_panel_does_and_not_while_it_records(qtbot, live):
    action, panel = live.actions_.blur, live.recording
    assert any(action in menu.actions() for menu in live.findChildren(QMenu))
    action.trigger()
    assert live.controller.choice.blur
    qtbot.waitUntil(panel.blur_box.isChecked)
    panel.blur_box.toggle()
    assert not live.controller.choice.blur
    qtbot.waitUntil(lambda: not action.isChecked())
    action.trigger()
    start(qtbot, live)
    qtbot.waitUntil(lambda: not action.isEnabled())
    action.trigger()
    assert live.controller.choice.blur
    stop(qtbot, live)
    qtbot.waitUntil(action.isEnabled)


def test_a_clean_copy_shows_no_box_and_no_bare_face(qtbot, film, show_film, tmp_path):
    analyses, places = scene(film, "walks in")
    window, going = show_film(analyses)
    panel = window.recording
    tick(qtbot, window, panel.blur_box)
    tick(qtbot, window, panel.clean_box)
    assert load_settings(tmp_path / "settings.toml").clean
    start(qtbot, window)
    before = window.controller.view().seen
    going.set()
    qtbot.waitUntil(lambda: window.controller.view().seen > before + 55, timeout=20_000)
    folder = stop(qtbot, window)
    assert bare_in(folder, analyses, places, "clean.mp4") == []
    darkest = {}  # along the bottom, where the strip is drawn, while the camera shows white
    for name in ("video.mp4", "clean.mp4"):
        with open_source(str(folder / name)) as source:
            white = [frame.image for frame in source if frame.image[:60].mean() > 250]
        darkest[name] = min(image[-20:].min() for image in white)
    assert darkest["video.mp4"] < 150
    assert darkest["clean.mp4"] > 240
    panel.refresh()
    qtbot.mouseClick(panel.annotate_box, LEFT, pos=QPoint(8, panel.annotate_box.height() // 2))
    assert not panel.clean_box.isEnabled()  # the video is clean itself


def test_a_recording_that_ends_before_a_face_is_found_does_not_show_it_bare(qtbot, film, show_film):
    analyses, places = film([[200] * 60], [range(30, 60)])
    window, going = show_film(analyses)
    panel = window.recording
    tick(qtbot, window, panel.blur_box)
    qtbot.mouseClick(panel.annotate_box, LEFT, pos=QPoint(8, panel.annotate_box.height() // 2))
    start(qtbot, window)
    seen = window.controller.view
    going.set()
    before = window.controller.view().seen
    qtbot.waitUntil(lambda: seen().seen > before + 20)
    folder = stop(qtbot, window)
    with open_source(str(folder / "video.mp4")) as source:
        frames = [frame.image for frame in source if frame.image[:60].mean() < 250]
    assert 10 < len(frames) < 30
    x0, y0, x1, y1 = places[0][0].astype(int)
    bare = detail(analyses[0].frame.image[y0:y1, x0:x1])
    # The frames of the last second are blurred; those before belong to a face not found for longer.
    assert all(detail(image[y0:y1, x0:x1]) < 0.25 * bare for image in frames[-10:])


def test_a_snapshot_waits_for_the_second_that_shows_its_faces(qtbot, film, show_film, tmp_path):
    analyses, places = film([[200] * 60], [range(20, 60)])
    window, going = show_film(analyses)
    tick(qtbot, window, window.recording.blur_box)
    tick_off = window.recording.annotate_box
    qtbot.mouseClick(tick_off, LEFT, pos=QPoint(8, tick_off.height() // 2))
    qtbot.waitUntil(window.watch.bar.snapshot_button.isEnabled)
    going.set()
    qtbot.waitUntil(
        lambda: (
            window.live.analysis.frame.image[:60].mean() < 250 and not window.live.analysis.tracks
        )
    )
    qtbot.mouseClick(window.watch.bar.snapshot_button, LEFT)
    qtbot.waitUntil(lambda: "saved" in window.watch.notice.text, timeout=10_000)
    (path,) = (tmp_path / "recordings" / "snapshots").glob("*.png")
    x0, y0, x1, y1 = places[0][0].astype(int)
    image = cv2.imread(str(path))
    assert image[:60].mean() < 250
    assert detail(image[y0:y1, x0:x1]) < 0.25 * detail(analyses[0].frame.image[y0:y1, x0:x1])
    assert (image[:, :60] == analyses[0].frame.image[:, :60]).all()  # not the whole of it


def test_the_screen_is_blurred_as_its_chip_says(qtbot, film, show_film):
    analyses, places = film([[200] * 60], [range(60)])
    window, going = show_film(analyses)
    window.view.set_look(window.view.look, mirrored=False)
    going.set()
    box = places[0][0]

    def shown():
        place = window.view.place.box(box).toRect().adjusted(12, 12, -12, -12)
        image = window.view.grab(place).toImage().convertToFormat(QImage.Format.Format_RGB32)
        data = image.bits().asarray(image.sizeInBytes())
        return np.array(data, np.uint8).reshape(image.height(), image.width(), 4)[:, :, :3]

    qtbot.waitUntil(lambda: bool(window.live.analysis.tracks))
    qtbot.wait(100)
    bare = detail(shown())
    tick(qtbot, window, window.recording.blur_box)
    qtbot.waitUntil(lambda: "blur" in window.watch.bar.chips)
    assert detail(shown()) < 0.25 * bare


def dialog_of(window):
    return next(
        w for w in QApplication.topLevelWidgets() if isinstance(w, SettingsDialog) and w.isVisible()
    )


def test_the_settings_and_the_panel_show_the_same_blur_and_folder(
    qtbot, live, monkeypatch, tmp_path
):
    monkeypatch.setattr(
        "app.window.panels.recording.QFileDialog.getExistingDirectory",
        lambda *_: str(tmp_path / "there"),
    )
    tick(qtbot, live, live.recording.blur_box)
    qtbot.mouseClick(live.recording.folder_button, LEFT)
    qtbot.keyClick(live, KEY.Key_Comma, CONTROL)
    dialog = dialog_of(live)
    assert dialog.draft.values["blur"] is True
    assert dialog.draft.values["recording_folder"] == tmp_path / "there"
    dialog.tabs.setCurrentIndex(1)
    box = dialog.pages[1].findChildren(type(live.recording.blur_box))[1]
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    qtbot.mouseClick(dialog.buttons.button(QDialogButtonBox.StandardButton.Apply), LEFT)
    dialog.reject()
    assert live.recording.blur_box.isChecked()
    assert live.controller.choice.root == tmp_path / "there"
    kept = load_settings(tmp_path / "settings.toml")
    assert kept.blur
    assert kept.recording_folder == tmp_path / "there"
    qtbot.keyClick(live, KEY.Key_Comma, CONTROL)
    dialog = dialog_of(live)
    dialog.tabs.setCurrentIndex(2)
    boxes = {b.text(): b for b in dialog.pages[2].findChildren(type(box))}
    assert live.recording.whole_box.text() in boxes
    box = boxes[live.recording.blur_box.text()]  # by one name everywhere
    assert live.actions_.blur.text().replace("&", "") == box.text()
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    qtbot.mouseClick(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok), LEFT)
    assert not live.controller.choice.blur
    qtbot.waitUntil(lambda: not live.recording.blur_box.isChecked())


def test_what_was_chosen_is_there_again_in_the_next_window(qtbot, make_window, tmp_path):
    first = make_window()
    tick(qtbot, first, first.recording.blur_box)
    qtbot.keyClicks(first.recording.key_texts["F5"], "!")
    first.recording.limit_box.setValue(7)
    first.close()
    kept = load_settings(tmp_path / "settings.toml")
    second = make_window(blur=kept.blur, markers=kept.markers, limit_minutes=kept.limit_minutes)
    assert second.recording.blur_box.isChecked()
    assert second.recording.key_texts["F5"].text() == "stimulus on!"
    assert second.recording.limit_box.value() == 7


def test_nothing_of_a_recording_changes_while_it_runs(qtbot, live):
    from dataclasses import replace

    tick(qtbot, live, live.recording.blur_box)
    start(qtbot, live)
    qtbot.waitUntil(lambda: not live.recording.blur_box.isEnabled())
    qtbot.mouseClick(live.recording.blur_box, LEFT, pos=QPoint(8, 8))
    worker = live.runner.worker
    live.use(replace(live.settings, blur=False))
    live.use(replace(live.settings, smooth=1.5))
    assert live.recording.blur_box.isChecked()
    assert live.controller.choice.blur
    assert live.runner.worker is worker
    assert "Stop the recording" in live.watch.notice.text
    folder = stop(qtbot, live)
    about = json.loads((folder / "session.json").read_text())
    assert about["settings"]["analyzer"]["smooth"] == live.settings.smooth


# Seen at a glance


def vermillion(image):
    colour = image.pixelColor(2, 2)
    return colour.red() > 150 and colour.green() < 110 and colour.blue() < 60


def test_a_recording_is_seen_in_the_bar_the_frame_and_the_title(qtbot, qapp, live):
    from app.window.theme import apply_theme

    apply_theme(qapp, "dark")
    assert live.docks.docks["recording"].visibleRegion().isEmpty()  # the layout at first
    assert not vermillion(live.watch.bar.grab().toImage())
    assert live.windowTitle() == "fer-live"
    start(qtbot, live)
    qtbot.waitUntil(lambda: live.windowTitle().startswith("\N{BLACK CIRCLE} 0:00:0"))
    qtbot.waitUntil(lambda: vermillion(live.watch.bar.grab().toImage()))
    assert vermillion(live.view.grab().toImage())
    assert live.watch.bar.record_button.text() == "Stop recording"
    assert live.watch.bar.time_label.isVisible()
    stop(qtbot, live)
    qtbot.waitUntil(lambda: live.windowTitle() == "fer-live")
    assert not vermillion(live.watch.bar.grab().toImage())
    assert not vermillion(live.view.grab().toImage())


def test_what_went_wrong_is_said_where_it_is_seen(qtbot, live, tmp_path):
    (tmp_path / "recordings").write_text("a file")
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.waitUntil(lambda: "cannot be written" in live.watch.notice.text)
    assert live.watch.notice.isVisible()
    qtbot.mouseClick(live.watch.notice.close_button, LEFT)
    assert not live.watch.notice.isVisible()


def test_the_session_menu_has_everything_of_a_recording(live):
    menu = next(a for a in live.menuBar().actions() if a.text() == "S&ession").menu()
    texts = [action.text().replace("&", "") for action in menu.actions() if action.text()]
    assert texts == [
        "Record",
        "Pause recording",
        "Mark: stimulus on",
        "Mark: stimulus off",
        "Mark: question",
        "Mark: note",
        "Other marker…",
        "Begin: stimulus on",
        "Begin: stimulus off",
        "Begin: question",
        "Begin: note",
        "Snapshot",
        "Blur faces",
        "Open recording…",
    ]


def test_the_end_of_a_recording_offers_its_review(qtbot, live):
    start(qtbot, live)
    qtbot.wait(300)
    folder = stop(qtbot, live)
    qtbot.waitUntil(lambda: folder.name in live.watch.notice.text)
    assert live.watch.notice.button.text() == "Review"
    qtbot.mouseClick(live.watch.notice.button, LEFT)
    windows = [
        w
        for w in QApplication.topLevelWidgets()
        if type(w).__name__ == "ReviewWindow" and w.isVisible()
    ]
    qtbot.waitUntil(lambda: not windows[0].busy)
    windows[0].close()


# Keys of the window


@pytest.mark.qt_log_ignore("does not support")  # raise(), offscreen
def test_space_after_the_start_of_a_recording_overwrites_no_text(qtbot, live):
    box = live.recording.blur_box
    tick(qtbot, live, box)
    box.setFocus()
    before = [field.text() for field in live.recording.key_texts.values()]
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(box, KEY.Key_R, CONTROL)
    qtbot.waitUntil(lambda: not box.isEnabled())
    qtbot.keyClick(live.focusWidget() or live, KEY.Key_Space)
    assert [field.text() for field in live.recording.key_texts.values()] == before
    assert recording(live)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.waitUntil(lambda: not recording(live), timeout=20_000)
    qtbot.waitUntil(box.hasFocus)  # where the user was


@pytest.mark.qt_log_ignore("does not support")  # raise(), offscreen
def test_the_field_that_a_key_leads_to_is_seen(qtbot, live):
    live.resize(1024, 640)
    live.docks.docks["circumplex"].raise_()
    field = live.recording.mark_text
    qtbot.waitUntil(lambda: field.visibleRegion().isEmpty())
    qtbot.keyClick(live, KEY.Key_M, CONTROL)
    qtbot.waitUntil(lambda: field.visibleRegion().boundingRect().height() >= field.height())


@pytest.mark.qt_log_ignore("does not support")  # raise(), offscreen
@pytest.mark.parametrize("place", ["docked", "floating"])
def test_a_written_marker_gives_the_focus_back_to_the_picture(qtbot, live, place):
    live.docks.docks["recording"].setFloating(place == "floating")
    start(qtbot, live)
    field = live.recording.mark_text
    qtbot.keyClick(live, KEY.Key_M, CONTROL)
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(field, "went away")
    qtbot.keyClick(field, KEY.Key_Escape)  # without a marker
    qtbot.waitUntil(live.view.hasFocus)
    qtbot.keyClick(live.view, KEY.Key_M, CONTROL)
    qtbot.waitUntil(field.hasFocus)
    field.clear()
    qtbot.keyClicks(field, "came in")
    qtbot.keyClick(field, KEY.Key_Return)
    qtbot.waitUntil(live.view.hasFocus)
    text = live.recording.key_texts["F5"]
    text.setFocus()
    qtbot.keyClicks(text, "start")
    qtbot.keyClick(text, KEY.Key_Return)
    qtbot.waitUntil(live.view.hasFocus)
    marks, _ = read_markers(stop(qtbot, live) / "markers.csv")
    assert [mark.text for mark in marks] == ["came in"]
    live.docks.docks["recording"].setFloating(False)


@pytest.mark.parametrize("how", ["button", "key"])
def test_a_recording_of_a_file_that_stands_says_so(qtbot, playing, how):
    qtbot.keyClick(playing, KEY.Key_Space)
    qtbot.waitUntil(lambda: not playing.playback.player.playing)
    qtbot.waitUntil(playing.actions_.record.isEnabled)
    qtbot.keyClick(playing, KEY.Key_R, CONTROL)
    label = playing.watch.bar.state_label
    qtbot.waitUntil(lambda: label.accessibleDescription().startswith("waiting: the file is paused"))
    notice = playing.watch.notice
    assert notice.text == "The recording waits for the file, which is paused"
    assert notice.button.text() == "Play"
    panel = playing.recording.state_label
    qtbot.waitUntil(lambda: panel.text() == "waiting: the file is paused, markers: 0")
    if how == "button":
        qtbot.mouseClick(notice.button, LEFT)
    else:
        qtbot.keyClick(playing, KEY.Key_Space)
    qtbot.waitUntil(lambda: notice.text != "The recording waits for the file, which is paused")
    qtbot.waitUntil(lambda: not label.accessibleDescription().startswith("waiting"))
    assert not panel.text().startswith("waiting")
    qtbot.waitUntil(lambda: not recording(playing), timeout=20_000)


def test_a_recording_that_a_kill_left_is_named_at_the_next_start(qtbot, window, folder, tmp_path):
    root = tmp_path / "recordings"
    root.mkdir()
    left = root / "2026-05-01_10-00-00"
    folder.rename(left)
    about = json.loads((left / "session.json").read_text())
    (left / "session.json").write_text(json.dumps(about | {"state": "recording"}))
    window.watch.look_back()
    qtbot.wait(300)
    assert not window.watch.notice.text  # it was written to just now, maybe by another window
    for path in left.iterdir():
        os.utime(path, (1, 1))
    window.watch.look_back()
    qtbot.waitUntil(lambda: "was not finished" in window.watch.notice.text)
    assert left.name in window.watch.notice.text
    qtbot.mouseClick(window.watch.notice.button, LEFT)
    qtbot.waitUntil(lambda: window.findChild(ReviewWindow) is not None)
    review = window.findChild(ReviewWindow)
    qtbot.waitUntil(lambda: review.controller.review is not None)
    review.close()


def start_paused_at(qtbot, playing, time_s):
    """Begin to record a file that is paused at a time."""
    player = playing.playback.player
    player.pause()
    player.seek(time_s)
    qtbot.waitUntil(lambda: playing.live.now_s == pytest.approx(time_s, abs=0.01))
    start(qtbot, playing)


def test_a_paused_file_is_recorded_from_the_frame_on_the_screen(qtbot, playing):
    start_paused_at(qtbot, playing, 0.2)
    qtbot.keyClick(playing, KEY.Key_F5)
    qtbot.keyClick(playing, KEY.Key_S, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: playing.controller.view().markers == 1)
    folder = stop(qtbot, playing)
    assert folder is not None
    qtbot.waitUntil(lambda: playing.watch.notice.text.startswith("saved"))
    markers, _ = read_markers(folder / "markers.csv")
    assert [(one.time_s, one.text) for one in markers] == [(0.0, "stimulus on")]
    rows = (folder / "records.csv").read_text().splitlines()[1:]
    assert len(rows) == 2  # of one frame with two faces
    with open_source(str(folder / "video.mp4")) as video:
        assert [round(float(np.median(frame.image)) / 10) for frame in video] == [5]


def test_a_paused_file_that_goes_on_has_each_frame_once(qtbot, playing):
    start_paused_at(qtbot, playing, 0.2)
    qtbot.keyClick(playing, KEY.Key_Space)
    qtbot.waitUntil(lambda: not recording(playing), timeout=20_000)
    rows = (playing.controller.view().folder / "records.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows[::2]] == list(range(15))


@pytest.mark.qt_log_ignore("does not support")  # raise(), offscreen
@pytest.mark.parametrize("how", ["closed", "floating", "tabbed"])
def test_keys_record_mark_and_stop_wherever_the_panel_is(qtbot, live, how, tmp_path):
    dock = live.docks.docks["recording"]
    if how == "closed":
        dock.close()
    elif how == "floating":
        dock.setFloating(True)
    live.activateWindow()
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    assert recording(live)
    qtbot.wait(200)
    qtbot.keyClick(live, KEY.Key_F7)
    qtbot.keyClick(live, KEY.Key_S, CONTROL | SHIFT)
    qtbot.keyClick(live, KEY.Key_M, CONTROL)
    qtbot.keyClicks(live.recording.mark_text, "typed")
    qtbot.keyClick(live.recording.mark_text, KEY.Key_Return)
    assert live.controller.view().markers == 2
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.waitUntil(lambda: not recording(live))
    markers, _ = read_markers(live.controller.view().folder / "markers.csv")
    assert [(m.key, m.text) for m in markers] == [("F7", "question"), ("", "typed")]
    snapshots = tmp_path / "recordings" / "snapshots"
    qtbot.waitUntil(lambda: len(list(snapshots.glob("*.png"))) == 1)
    dock.setFloating(False)


def test_a_marker_lasts_from_one_press_of_its_key_to_the_next(qtbot, live):
    bar, chip = live.watch.bar, live.watch.bar.markers["F7"]
    start(qtbot, live)
    live.activateWindow()
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > 0.2)
    qtbot.keyClick(live, KEY.Key_F7, SHIFT)
    live.watch.refresh()
    assert chip.text().startswith("\N{BLACK CIRCLE} F7")
    assert chip.accessibleName() == "question lasts until its key is pressed again (Shift+F7)"
    assert live.actions_.lasting[2].text() == "End: question"
    began_s = live.controller.view().elapsed_s
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > began_s + 0.3)
    entry = next(a for a in chip.text_menu.actions() if a is live.actions_.lasting[2])
    entry.trigger()
    live.watch.refresh()
    assert chip.text().startswith("F7")
    qtbot.mouseClick(bar.markers["F5"], LEFT)
    folder = stop(qtbot, live)
    question, moment = read_markers(folder / "markers.csv")[0]
    assert (question.text, question.key) == ("question", "F7")
    assert question.end_s - question.time_s > 0.25
    assert (moment.key, moment.end_s) == ("F5", None)


def test_the_recorded_video_has_its_markers_as_chapters(qtbot, live):
    start(qtbot, live)
    live.activateWindow()
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > 0.3)
    qtbot.keyClick(live, KEY.Key_F5)
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > 0.8)
    qtbot.mouseClick(live.watch.bar.markers["F6"], LEFT)
    qtbot.wait(200)
    folder = stop(qtbot, live)
    markers, _ = read_markers(folder / "markers.csv")
    with av.open(str(folder / "video.mp4")) as video:
        chapters = [(c["start"] * c["time_base"], c["metadata"]["title"]) for c in video.chapters()]
    assert chapters == [(pytest.approx(m.time_s, abs=0.002), m.text) for m in markers]
    assert [title for _, title in chapters] == ["stimulus on", "stimulus off"]


def test_keys_of_lasting_markers_are_in_the_list(live):
    assert [a.shortcut().toString() for a in live.actions_.lasting] == [
        f"Shift+F{n}" for n in range(5, 9)
    ]
    dialog = ShortcutsDialog(live.actions_, live)
    said = [label.text() for label in dialog.findChildren(QLabel)]
    assert "Shift+F6" in " ".join(said)
    dialog.close()


def test_a_part_of_the_screen_is_chosen_with_the_pointer(qtbot, window, monkeypatch, chosen):
    monkeypatch.setattr(window.runner, "start", lambda choice, config: chosen.append(choice))
    window.actions_.open_screen.trigger()
    import gc

    gc.collect()
    pickers = [w for w in QApplication.topLevelWidgets() if isinstance(w, RegionPicker)]
    assert [picker.isVisible() for picker in pickers] == [True]
    (picker,) = pickers
    qtbot.mousePress(picker, LEFT, pos=QPoint(50, 60))
    qtbot.mouseMove(picker, QPoint(250, 200))
    qtbot.mouseRelease(picker, LEFT, pos=QPoint(250, 200))
    assert chosen[-1].kind == "screen"
    assert chosen[-1].name.startswith("screen:50,60,")


def test_a_recording_is_paused_and_goes_on_by_key_and_button(qtbot, live):
    start(qtbot, live)
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > 0.3)
    qtbot.waitUntil(live.actions_.pause.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL | SHIFT)
    assert live.controller.view().paused
    held_s = live.controller.view().elapsed_s
    qtbot.wait(500)
    assert live.controller.view().elapsed_s == held_s
    live.watch.refresh()
    assert live.windowTitle().startswith("\N{DOUBLE VERTICAL BAR}")
    assert live.watch.bar.state_label.toolTip() == "paused"
    qtbot.mouseClick(live.watch.bar.pause_button, LEFT)
    assert not live.controller.view().paused
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > held_s + 0.2)
    folder = stop(qtbot, live)
    markers, _ = read_markers(folder / "markers.csv")
    assert [marker.text.partition(" after")[0] for marker in markers] == ["paused", "went on"]
    qtbot.waitUntil(lambda: not live.watch.bar.pause_button.isVisible())
    with open_source(str(folder / "video.mp4")) as source:
        times = [frame.time_s for frame in source]
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.3  # the pause takes no time


def test_nobody_is_bare_before_a_pause_who_is_found_in_it(qtbot, film, show_film):
    analyses, places = film([[200] * 90], [range(30, 90)])
    window, going = show_film(analyses)
    tick(qtbot, window, window.recording.blur_box)
    qtbot.mouseClick(window.recording.annotate_box, LEFT, pos=QPoint(8, 8))
    start(qtbot, window)
    before = window.controller.view().seen
    going.set()
    qtbot.waitUntil(lambda: window.controller.view().seen > before + 20)
    qtbot.keyClick(window, KEY.Key_R, CONTROL | SHIFT)
    qtbot.wait(1300)  # the face is found meanwhile
    qtbot.keyClick(window, KEY.Key_R, CONTROL | SHIFT)
    qtbot.wait(400)
    folder = stop(qtbot, window)
    said = [marker.text for marker in read_markers(folder / "markers.csv")[0]]
    assert float(said[-1].removeprefix("went on after ").removesuffix(" s")) >= 1.2
    with open_source(str(folder / "video.mp4")) as source:
        frames = [frame.image for frame in source if frame.image[:60].mean() < 250]
    x0, y0, x1, y1 = places[0][0].astype(int)
    bare = detail(analyses[0].frame.image[y0:y1, x0:x1])
    assert 12 < len(frames) < 45  # those of the pause are not in it
    assert all(detail(image[y0:y1, x0:x1]) < 0.25 * bare for image in frames[8:])


def sheet_of():
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, ParticipantSheet))


def test_who_is_recorded_is_asked_first_and_kept_in_the_recording(qtbot, live):
    tick(qtbot, live, live.recording.sheet_box)
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    sheet = sheet_of()
    assert not recording(live)
    qtbot.keyClicks(sheet.participant, "P07")
    qtbot.keyClicks(sheet.condition, "=music\tloud")
    qtbot.mouseClick(sheet.consent, LEFT, pos=QPoint(8, sheet.consent.height() // 2))
    qtbot.keyClick(sheet.participant, KEY.Key_Return)
    qtbot.waitUntil(lambda: recording(live))
    qtbot.wait(300)
    folder = stop(qtbot, live)
    about = json.loads((folder / "session.json").read_text())
    assert (about["participant"], about["consent"]) == ("P07", True)
    assert about["condition"].startswith("=music")
    assert "\t" not in about["condition"]
    assert not {"notes", "told", "session"} & about.keys()  # nothing was said


def test_the_sheet_can_be_skipped_and_left(qtbot, live):
    live.controller.choose(sheet=True)
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.keyClick(sheet_of(), KEY.Key_Escape)
    qtbot.wait(100)
    assert not recording(live)
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.mouseClick(sheet_of().skip_button, LEFT)
    qtbot.waitUntil(lambda: recording(live))
    qtbot.wait(300)
    about = json.loads((stop(qtbot, live) / "session.json").read_text())
    assert "participant" not in about


# No work is lost


def test_opening_another_source_asks_before_it_ends_a_recording(qtbot, live, clip, chosen):
    start(qtbot, live)
    before = len(chosen)
    with answering("Go on recording") as asked:
        live.open(Choice(kind="file", name=str(clip)))
    assert "A recording is running" in asked[0]
    assert recording(live)
    assert len(chosen) == before
    with answering("Stop and save"):
        live.open(Choice(kind="file", name=str(clip)))
    qtbot.waitUntil(lambda: not recording(live))
    assert chosen[-1].name == str(clip)


def test_closing_the_window_asks_before_it_ends_a_recording(qtbot, live):
    start(qtbot, live)
    with answering("Go on recording"):
        live.close()
    assert live.isVisible()
    assert recording(live)
    with answering("Stop and save"):
        live.close()
    assert not live.isVisible()
    folder = live.controller.view().folder
    assert json.loads((folder / "session.json").read_text())["state"] == "finished"


def test_closing_the_source_asks_before_it_ends_a_recording(qtbot, live):
    start(qtbot, live)
    with answering("Go on recording"):
        qtbot.keyClick(live, KEY.Key_W, CONTROL)
    assert recording(live)
    assert live.view.frame is not None


def test_record_before_a_frame_came_leaves_nothing_behind(qtbot, window, opened, fake_camera):
    class Slow(fake_camera):
        def __iter__(self):
            self._closing.wait(20)
            return iter(())

    opened.append(Slow())
    window.open(CAMERA)
    qtbot.waitUntil(window.watch.bar.record_button.isEnabled)
    start(qtbot, window)
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: "nothing was recorded" in window.watch.notice.text)
    root = Path(window.controller.choice.root)
    assert list(root.iterdir()) == []


def test_what_was_asked_for_this_time_is_not_kept(qtbot, window, tmp_path):
    from dataclasses import replace

    from app.settings.settings import Settings
    from app.window.main_window import MainWindow

    stored = Settings(recording_folder=tmp_path, seen_privacy=True, theme="light")
    path = tmp_path / "other.toml"
    made = MainWindow(replace(stored, theme="dark"), path, stored=stored)
    qtbot.addWidget(made)
    made.show()
    made.actions_.landmarks.trigger()
    assert load_settings(path) == replace(stored, landmarks=True)
    made.use(replace(made.settings, theme="system"))
    assert load_settings(path).theme == "system"
    made.close()


def test_settings_that_cannot_be_kept_are_told_of_without_a_dialog(qtbot, window, tmp_path):
    (tmp_path / "file").write_text("")
    window.kept.path = tmp_path / "file" / "settings.toml"
    window.docks.docks["recording"].raise_()
    qtbot.keyClicks(window.recording.key_texts["F5"], "!")
    assert "The settings cannot be kept" in window.watch.notice.text
    assert QApplication.activeModalWidget() is None
    assert window.controller.choice.texts[0] == "stimulus on!"
