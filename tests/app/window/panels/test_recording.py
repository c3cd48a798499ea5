"""The recording panel, through its buttons and keys."""

import threading

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from app.session.annotated import AnnotatedVideo
from app.session.controller import RecordingController
from app.session.folder import PartLimits, read_markers
from app.session.options import RecordingOptions
from app.window.panels.recording import RecordingPanel
from engine.analyze import AnalyzerConfig

FACES = {1: ("happiness", 0.5, 0.2)}


@pytest.fixture
def controller(tmp_path):
    made = RecordingController(RecordingOptions(root=tmp_path / "recordings"))
    yield made
    assert made.close(5)


@pytest.fixture
def panel(controller, qtbot):
    made = RecordingPanel(controller)
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    return made


@pytest.fixture
def feed(controller, make_analysis, camera_info):
    """Open a camera and give `feed(count)`, which hands in frames."""
    controller.attach(camera_info, AnalyzerConfig())

    def give(count=5, start=0):
        for index in range(start, start + count):
            controller.add(make_analysis(index, index / 25, FACES))

    return give


def _click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _stopped(panel, controller):
    def check():
        panel.refresh()
        assert not controller.view().recording
        assert panel.record_button.text() == "Record"

    return check


def test_without_a_source_it_cannot_record(panel):
    panel.refresh()
    assert not panel.record_button.isEnabled()
    assert not panel.snapshot_button.isEnabled()
    assert not panel.mark_button.isEnabled()
    assert panel.state_label.text() == "not recording"
    assert panel.time_label.text() == "0:00:00"


def test_record_mark_and_stop_with_the_mouse(panel, controller, feed, qtbot):
    panel.refresh()
    _click(qtbot, panel.record_button)
    assert panel.record_button.text() == "Stop"
    assert not panel.video_box.isEnabled()
    feed(60)
    _click(qtbot, panel.key_buttons["F5"])
    panel.mark_text.setText("free text")
    _click(qtbot, panel.mark_button)
    assert panel.mark_text.text() == ""
    assert panel.state_label.text().startswith("recording, markers: 2")
    assert panel.time_label.text() == "0:00:02"
    with qtbot.waitSignal(panel.saved, timeout=10_000) as saved:
        _click(qtbot, panel.record_button)
    folder = saved.args[0]
    assert [m.text for m in read_markers(folder / "markers.csv")[0]] == ["stimulus on", "free text"]
    qtbot.waitUntil(_is(panel.message_label, f"saved: {folder.name}"))
    assert panel.message_label.isVisible()
    assert not panel.mark_button.isEnabled()


def _is(label, text):
    def check():
        assert label.text() == text

    return check


def test_the_panel_says_which_part_is_written(panel, controller, feed, qtbot):
    controller.choose(part=PartLimits(seconds=0.5))
    panel.refresh()
    _click(qtbot, panel.record_button)
    feed(30)
    _click(qtbot, panel.key_buttons["F5"])

    def second():
        panel.refresh()
        assert panel.state_label.text() == "recording part 3, markers: 1"

    qtbot.waitUntil(second, timeout=10_000)
    with qtbot.waitSignal(panel.saved, timeout=10_000) as saved:
        _click(qtbot, panel.record_button)
    assert (saved.args[0] / "records-003.csv").exists()


def test_what_is_chosen_is_what_the_controller_records(panel, controller, qtbot):
    panel.records_box.click()
    panel.annotate_box.click()
    panel.blur_box.click()
    panel.limit_box.setValue(5)
    panel.key_texts["F6"].setText("pause")
    choice = controller.choice
    assert (choice.video, choice.records, choice.annotate, choice.blur) == (
        True,
        False,
        False,
        True,
    )
    assert choice.limit_s == 300
    assert choice.texts[1] == "pause"
    panel.video_box.click()
    assert panel.state_label.text() == "choose video or records"
    panel.limit_box.setValue(0)
    assert controller.choice.limit_s is None
    assert panel.limit_box.text() == "no limit"


def test_the_folder_is_chosen_by_dialog(panel, controller, qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "there"))
    _click(qtbot, panel.folder_button)
    assert controller.choice.root == tmp_path / "there"
    assert panel.folder_label.toolTip() == str(tmp_path / "there")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    _click(qtbot, panel.folder_button)
    assert controller.choice.root == tmp_path / "there"


def test_snapshots_by_the_button(panel, controller, feed, qtbot, tmp_path):
    feed(1)
    panel.refresh()
    _click(qtbot, panel.snapshot_button)
    qtbot.waitUntil(lambda: panel.message_label.text().startswith("saved: "), timeout=10_000)
    _click(qtbot, panel.snapshot_button)
    folder = tmp_path / "recordings" / "snapshots"
    qtbot.waitUntil(lambda: len(list(folder.glob("2*.png"))) == 2, timeout=10_000)


def test_free_space_and_lateness_are_told_in_words(panel, controller, feed, qtbot, monkeypatch):
    qtbot.waitUntil(lambda: panel.free_label.text().endswith("B free"), timeout=10_000)
    panel.refresh()
    _click(qtbot, panel.record_button)
    gate = threading.Event()
    monkeypatch.setattr(AnnotatedVideo, "write", lambda *_: gate.wait(10))
    feed(30)
    dropped = controller.view().dropped
    assert dropped > 0
    panel.refresh()
    assert panel.message_label.text() == (
        f"Too slow: 0 of 30 frames not analysed, {dropped} not in the video."
    )
    assert panel.message_label.isVisible()
    gate.set()


def test_every_control_has_a_name_for_screen_readers(panel):
    from PyQt6.QtWidgets import QAbstractButton, QLineEdit, QSpinBox

    for kind in (QAbstractButton, QLineEdit, QSpinBox):
        for widget in panel.findChildren(kind):
            if widget.objectName() != "qt_spinbox_lineedit":
                assert widget.accessibleName() or widget.text(), widget
