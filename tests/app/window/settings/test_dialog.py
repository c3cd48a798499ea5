import threading

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractSpinBox, QDialogButtonBox, QFileDialog

from app.session.palette import contrast
from app.settings.settings import KEYS, Settings
from app.settings.speed import Speed
from app.window.settings.dialog import SettingsDialog
from app.window.theme import DARK, LIGHT, apply_theme

Button = QDialogButtonBox.StandardButton


@pytest.fixture
def make(qtbot):
    def make(settings=None, **options):
        options = {
            "devices": ("auto", "cpu"),
            "measure": lambda *_: Speed("cpu", 20, 4, 6),
        } | options
        dialog = SettingsDialog(settings or Settings(), **options)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return make


def field(dialog, name):
    return next(page.fields[name] for page in dialog.pages if name in page.fields)


def error(dialog, name):
    label = next(page.errors[name] for page in dialog.pages if name in page.errors)
    return label.text() if not label.isHidden() else ""


def press(qtbot, dialog, kind):
    qtbot.mouseClick(dialog.buttons.button(kind), Qt.MouseButton.LeftButton)


def test_no_number_is_cut_off_in_the_largest_text(qapp, make):
    apply_theme(qapp, "dark", 200)
    dialog = make()
    assert dialog.minimumSizeHint().height() <= 640
    for box in dialog.findChildren(QAbstractSpinBox):
        assert box.width() >= box.sizeHint().width() or not box.isVisible(), box.accessibleName()
    apply_theme(qapp, "dark", 100)


def test_every_setting_has_a_field_with_a_name(make):
    dialog = make()
    fields = {name: widget for page in dialog.pages for name, widget in page.fields.items()}
    panel = {"video", "records", "annotate", "clean", "sound", "sheet", "limit_minutes", "markers"}
    elsewhere = panel | {"audible"}  # in the panel and a menu alone
    assert set(fields) == set(KEYS) - elsewhere - {"seen_privacy", "recent", "recent_folder"}
    for name, widget in fields.items():
        assert widget.accessibleName() or widget.text(), name


CHANGES = {
    "detect_every": 3,
    "smooth": 1.5,
    "uncertain_below": 0.55,
    "max_faces": 2,
    "min_face_px": 64,
    "mirror": False,
    "landmarks": True,
    "head_axes": True,
    "blur": True,
    "osc": True,
    "osc_host": "192.0.2.7",
    "osc_port": 7000,
    "udp": True,
    "udp_host": "192.0.2.8",
    "udp_port": 7001,
    "lsl": True,
    "lsl_name": "lab",
    "device": "cpu",
    "precision": "fp32",
    "theme": "dark",
}


def set_value(widget, value):
    for method in ("setValue", "setChecked", "setText"):
        if method == "setText" and hasattr(widget, "setChecked"):
            continue
        if hasattr(widget, method):
            getattr(widget, method)(value)
            return
    widget.setCurrentIndex(widget.findData(value))


@pytest.mark.parametrize("name", list(CHANGES))
def test_a_changed_field_arrives_in_the_settings(make, qtbot, name):
    dialog = make()
    assert not dialog.buttons.button(Button.Apply).isEnabled()
    set_value(field(dialog, name), CHANGES[name])
    with qtbot.waitSignal(dialog.applied) as applied:
        press(qtbot, dialog, Button.Apply)
    assert applied.args == [Settings(**{name: CHANGES[name]})]
    assert dialog.isVisible()
    assert not dialog.buttons.button(Button.Apply).isEnabled()


def test_paths_are_chosen_with_browse(make, qtbot, tmp_path, monkeypatch):
    model = tmp_path / "own.onnx"
    model.touch()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(model), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    dialog = make()
    for page in dialog.pages:
        for button in page.findChildren(type(dialog.speed.button)):
            if button.accessibleName().startswith("Browse"):
                button.click()
    with qtbot.waitSignal(dialog.applied) as applied:
        press(qtbot, dialog, Button.Ok)
    assert applied.args == [Settings(model=str(model), recording_folder=tmp_path)]


def test_a_cancelled_file_dialog_changes_nothing(make, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    dialog = make()
    for button in dialog.pages[0].findChildren(type(dialog.speed.button)):
        if button.accessibleName().startswith("Browse"):
            button.click()
    assert not dialog.draft.changed


def test_ok_applies_and_closes(make, qtbot):
    dialog = make()
    field(dialog, "max_faces").setValue(3)
    with qtbot.waitSignal(dialog.applied):
        press(qtbot, dialog, Button.Ok)
    assert not dialog.isVisible()


def test_ok_without_a_change_says_nothing(make, qtbot):
    dialog = make()
    with qtbot.assertNotEmitted(dialog.applied):
        press(qtbot, dialog, Button.Ok)


@pytest.mark.parametrize("way", ["button", "escape"])
def test_cancel_says_nothing(make, qtbot, way):
    dialog = make()
    field(dialog, "max_faces").setValue(3)
    with qtbot.assertNotEmitted(dialog.applied):
        if way == "button":
            press(qtbot, dialog, Button.Cancel)
        else:
            qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_defaults_are_restored_in_the_fields(make, qtbot):
    dialog = make(Settings(max_faces=3, mirror=False, theme="dark", seen_privacy=True))
    press(qtbot, dialog, Button.RestoreDefaults)
    assert field(dialog, "max_faces").value() == Settings().max_faces
    assert field(dialog, "mirror").isChecked()
    assert field(dialog, "theme").currentData() == "system"
    with qtbot.waitSignal(dialog.applied) as applied:
        press(qtbot, dialog, Button.Ok)
    assert applied.args == [Settings(seen_privacy=True)]


def test_an_error_stands_beside_its_field_and_on_its_tab(make):
    dialog = make()
    field(dialog, "model").setEditText("nope")
    assert error(dialog, "model").startswith("Unknown; choose poster-rt")
    assert field(dialog, "model").accessibleDescription().startswith("unknown")
    assert dialog.tabs.tabText(0) == "Analysis (!)"
    assert not dialog.buttons.button(Button.Ok).isEnabled()
    assert not dialog.speed.button.isEnabled()
    field(dialog, "model").setEditText("poster-rt")
    assert error(dialog, "model") == ""
    assert dialog.tabs.tabText(0) == "Analysis"
    assert dialog.buttons.button(Button.Ok).isEnabled()


def test_a_device_that_is_not_here_cannot_be_chosen(make):
    dialog = make(Settings(device="cuda"))
    devices = field(dialog, "device")
    item = devices.model().item(devices.findData("cuda"))
    assert not item.isEnabled()
    assert "not available here" in item.text()
    assert error(dialog, "device").startswith("Not available here")


def test_fields_of_an_output_that_is_off_are_off(make):
    dialog = make()
    assert not field(dialog, "osc_port").isEnabled()
    field(dialog, "osc").setChecked(True)
    assert field(dialog, "osc_port").isEnabled()
    assert not field(dialog, "udp_port").isEnabled()


def test_speed_is_measured_with_the_fields_values(make, qtbot):
    asked = []

    def measure(config, _):
        asked.append(config)
        return Speed("cpu", 20, 4, 6)

    dialog = make(measure=measure)
    field(dialog, "device").setCurrentIndex(field(dialog, "device").findData("cpu"))
    qtbot.mouseClick(dialog.speed.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "83 frames a second" in dialog.speed.result.text())
    assert [config.device for config in asked] == ["cpu"]
    assert dialog.speed.button.text() == "Measure speed"


def test_a_failed_measurement_says_why(make, qtbot):
    def fail(*_):
        raise RuntimeError("no luck")

    dialog = make(measure=fail)
    qtbot.mouseClick(dialog.speed.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "no luck" in dialog.speed.result.text())


@pytest.mark.parametrize("way", ["button", "close", "edit"])
def test_a_measurement_can_be_stopped(make, qtbot, way):
    ended = threading.Event()

    def measure(_, stopped):
        wait = threading.Event()
        while not stopped():
            wait.wait(0.01)
        ended.set()

    dialog = make(measure=measure)
    qtbot.mouseClick(dialog.speed.button, Qt.MouseButton.LeftButton)
    assert dialog.speed.button.text() == "Stop"
    if way == "button":
        qtbot.mouseClick(dialog.speed.button, Qt.MouseButton.LeftButton)
        assert dialog.speed.result.text() == "Stopped."
    elif way == "close":
        dialog.reject()
    else:
        field(dialog, "max_faces").setValue(3)
    assert ended.wait(2)
    assert dialog.speed.button.text() == "Measure speed"


def test_the_dialog_fits_a_small_screen(make):
    hint = make().minimumSizeHint()
    assert hint.width() <= 1000
    assert hint.height() <= 600


@pytest.mark.parametrize(("name", "look"), [("dark", DARK), ("light", LIGHT)])
def test_words_have_contrast_on_the_pages(make, qapp, name, look):
    apply_theme(qapp, name)
    image = make().grab().toImage()
    ground = image.pixelColor(image.width() - 40, image.height() - 80).name()
    for words in (look.text, look.muted, look.bad):
        assert contrast(words, ground) >= 4.5
