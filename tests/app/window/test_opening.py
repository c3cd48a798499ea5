"""What is opened, how, and what is said when it cannot be; no work is lost on the way."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QMessageBox

from app.settings.settings import load_settings
from app.sources.choice import Choice
from app.window.opening import meant_by
from app.window.privacy import PrivacyDialog
from app.window.review.window import ReviewWindow
from app.window.settings.dialog import SettingsDialog
from app.window.sources.menu import FILES
from engine.errors import SourceError
from engine.video.stills import ENDINGS

CAMERA = Choice(kind="camera", name="0")
KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def drop(window, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    none = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, LEFT, none)
    window.dropEvent(event)


@pytest.fixture
def reviews(qtbot):
    """Give the review windows that are open, and close them in the end."""

    def shown():
        windows = QApplication.topLevelWidgets()
        return [w for w in windows if isinstance(w, ReviewWindow) and w.isVisible()]

    yield shown
    for window in shown():
        qtbot.waitUntil(lambda window=window: not window.busy)
        window.close()


@pytest.mark.parametrize("what", ["folder", "records", "about"])
def test_a_recording_that_is_dropped_is_reviewed(qtbot, window, folder, chosen, reviews, what):
    drop(
        window,
        {"folder": folder, "records": folder / "records.csv", "about": folder / "session.json"}[
            what
        ],
    )
    qtbot.waitUntil(lambda: bool(reviews()))
    (review,) = reviews()
    qtbot.waitUntil(lambda: review.controller.review is not None)
    assert len(review.controller.tracks()) == 3
    assert review.controller.review.video is not None
    assert chosen == []


def test_a_table_and_its_video_are_reviewed_together(qtbot, window, tmp_path, folder, reviews):
    table = (folder / "records.csv").rename(tmp_path / "rows.csv")
    drop(window, folder / "video.mp4", table)
    qtbot.waitUntil(lambda: bool(reviews()))
    (review,) = reviews()
    qtbot.waitUntil(lambda: review.controller.review is not None)
    assert review.controller.review.video == folder / "video.mp4"


def test_of_two_files_the_second_is_not_dropped_in_silence(qtbot, window, clip, tmp_path, chosen):
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.read_bytes())
    drop(window, clip, other)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert [choice.name for choice in chosen] == [str(clip)]
    assert "not opened: other.mp4" in window.watch.notice.text


def test_a_folder_of_pictures_is_opened_by_key(qtbot, window, tmp_path, monkeypatch):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(4):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((48, 64, 3), 40 * number, np.uint8))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(pictures))
    qtbot.keyClick(window, KEY.Key_P, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert window.watch.bar.source.startswith("pictures: 64x48")


def test_the_filter_has_what_the_engine_reads():
    assert all(f"*{ending}" in FILES.split() for ending in ENDINGS)
    assert {"*.3gp", "*.flv", "*.mts", "*.ogv", "*.gif"} <= set(FILES.split())


def test_what_is_meant_by_files(tmp_path):
    video, rows = str(tmp_path / "a.mp4"), str(tmp_path / "a.csv")
    assert meant_by([video]).choice == Choice(kind="file", name=video)
    assert meant_by([rows]).review == tmp_path / "a.csv"
    both = meant_by([video, rows, video + "2"])
    assert (both.review, both.video, both.left) == (
        tmp_path / "a.csv",
        tmp_path / "a.mp4",
        ("a.mp42",),
    )


def test_the_last_folder_and_sources_are_remembered(
    qtbot, make_window, clip, tmp_path, monkeypatch, opened, fake_camera
):
    window = make_window()
    window.open(Choice(kind="file", name=str(clip)))
    window.open(Choice(kind="stream", name="rtsp://user:secret@host/cam"))
    opened.append(fake_camera())
    window.open(CAMERA)
    kept = load_settings(tmp_path / "settings.toml")
    assert kept.recent == ("0", str(clip))
    assert "secret" not in (tmp_path / "settings.toml").read_text()
    window.close()
    again = make_window(recent=kept.recent, recent_folder=kept.recent_folder)
    asked = []
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *words: (asked.append(words[2]), ("", ""))[1]
    )
    again.activateWindow()
    qtbot.waitUntil(again.isActiveWindow)
    qtbot.keyClick(again, KEY.Key_O, CONTROL)
    assert asked == [str(tmp_path)]
    again.sources.aboutToShow.emit()
    menu = next(a.menu() for a in again.sources.actions() if a.menu() and "ecent" in a.text())
    assert [action.text() for action in menu.actions()] == ["Camera 0", "clip.mp4"]
    menu.actions()[1].trigger()
    qtbot.waitUntil(lambda: again.view.frame is not None)


# What is said


def test_a_file_that_fails_is_no_longer_being_opened(qtbot, window, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no video")
    window.open(Choice(kind="file", name=str(readme)))
    qtbot.waitUntil(lambda: window.trouble.text != "")
    assert window.watch.bar.source == ""


def test_what_is_said_of_a_picture_names_no_option_of_a_command(qtbot, window, tmp_path):
    header = b"P6\n30000 20000\n255\n"  # 600 megapixels, of which none are there
    (tmp_path / "huge.ppm").write_bytes(header)
    window.open(Choice(kind="file", name=str(tmp_path / "huge.ppm")))
    qtbot.waitUntil(lambda: "huge.ppm" in window.trouble.text)
    assert "--" not in window.trouble.text
    assert "megapixels" in window.trouble.text


def test_a_lost_camera_shows_no_face_and_can_be_given_up(qtbot, window, opened, fake_camera):
    first = fake_camera()
    opened += [first, *[SourceError("camera 0: busy")] * 500]
    window.open(CAMERA)
    qtbot.waitUntil(lambda: "%" in window.docks.probabilities.headline.text())
    first.unplug()
    qtbot.waitUntil(lambda: "Waiting for it to come back" in window.trouble.text)
    qtbot.waitUntil(lambda: "%" not in window.docks.probabilities.headline.text())
    assert window.view.faces == ()
    assert window.trouble.button.text() == "Stop waiting"
    qtbot.mouseClick(window.trouble.button, LEFT)
    assert window.trouble.text == ""
    assert window.runner.worker is None
    assert not window.trouble.isVisible()


def corner(view):
    """Give how light the picture is in its corner, as it is painted."""
    at = view.place.area.topLeft().toPoint() + QPoint(4, 4)
    return view.grab().toImage().pixelColor(at).green()


def test_a_camera_that_gives_nothing_is_grey_until_it_does_again(
    qtbot, window, opened, fake_camera, monkeypatch
):
    monkeypatch.setattr("app.window.sources.control.SILENT_S", 0.2)
    camera = fake_camera()
    opened.append(camera)
    window.open(CAMERA)
    headline = window.docks.probabilities.headline
    qtbot.waitUntil(lambda: "%" in headline.text())
    assert corner(window.view) == 60
    camera.silent.set()
    qtbot.waitUntil(lambda: "%" not in headline.text())
    assert window.view.faces == ()
    assert 40 <= corner(window.view) <= 46
    assert window.trouble.text == ""  # it is not lost
    camera.silent.clear()
    qtbot.waitUntil(lambda: "%" in headline.text())
    qtbot.waitUntil(lambda: len(window.view.faces) == 2)
    assert corner(window.view) == 60


def test_waiting_for_a_camera_shows_nothing_of_the_source_before(
    qtbot, playing, opened, fake_camera
):
    opened += [SourceError("camera 0: busy")] * 500
    playing.open(CAMERA)
    qtbot.waitUntil(lambda: "Waiting for it to come back" in playing.trouble.text)
    assert playing.view.frame is None
    assert playing.view.faces == ()
    assert playing.watch.bar.source == "Waiting for Camera 0"


def test_a_still_picture_has_no_shares_of_time(qtbot, window, tmp_path):
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))
    window.open(Choice(kind="file", name=str(path)))
    window.docks.docks["statistics"].show()
    model = window.docks.statistics.model
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    cells = [model.data(model.index(0, column)) for column in range(4, model.columnCount())]
    assert set(cells) == {"\N{EN DASH}"}


# Before you begin


def page():
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, PrivacyDialog))


@pytest.mark.parametrize("how", ["escape", "quit"])
def test_leaving_the_first_page_closes_the_program(qtbot, make_window, how):
    window = make_window(seen_privacy=False)
    opened = []
    window.first_run(lambda: opened.append(1))
    if how == "escape":
        qtbot.keyClick(page(), KEY.Key_Escape)
    else:
        buttons = page().findChild(QDialogButtonBox).buttons()
        qtbot.mouseClick(next(b for b in buttons if b.text() == "Quit"), LEFT)
    assert not window.isVisible()
    assert opened == []
    assert not window.settings.seen_privacy


# Work that would be lost


def settings_dialog():
    return next(
        w for w in QApplication.topLevelWidgets() if isinstance(w, SettingsDialog) and w.isVisible()
    )


def test_statistics_of_a_while_are_not_thrown_away_without_a_question(qtbot, live, monkeypatch):
    monkeypatch.setattr("app.window.questions.WORTH_S", 0.2)
    qtbot.waitUntil(lambda: any(f.seen_s > 0.3 for f in live.live.statistics.faces()))
    asked = []

    def answer(box):
        asked.append(box.text())
        box.done(0)

    monkeypatch.setattr(QMessageBox, "exec", answer)
    worker, statistics = live.runner.worker, live.live.statistics
    live.use(replace(live.settings, smooth=1.0))
    assert "begins the analysis anew" in asked[0]
    assert live.runner.worker is worker
    assert live.live.statistics is statistics
    live.use(replace(live.settings, landmarks=True))  # loses nothing
    assert len(asked) == 1


def test_what_concerns_a_recording_is_locked_in_the_settings_while_it_runs(qtbot, live):
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.keyClick(live, KEY.Key_Comma, CONTROL)
    dialog = settings_dialog()
    assert [page.isEnabled() for page in dialog.pages] == [False, True, False, True, True, True]
    dialog.reject()
