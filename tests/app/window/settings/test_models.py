"""The window's list of networks: what is said of each, and ticks that change what runs."""

import shutil

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QDialogButtonBox, QStyle, QStyleOptionViewItem

import app.settings.models
import engine.networks.models
from app.settings.models import listed, model_problem, named, toggled
from app.settings.settings import Settings, load_settings
from app.sources.choice import Choice
from app.window.main_window import MainWindow
from app.window.settings.dialog import SettingsDialog
from engine.assets import asset_path
from engine.labels import EXPRESSIONS

ABAW = (*EXPRESSIONS[:7], "other")
METRICS = {"data": "FER+ label.csv", "test": {"images": 3137, "accuracy": 0.8, "ece": 0.03}}


@pytest.fixture
def installed(tiny_network, monkeypatch):
    """What ships is poster-rt in fp32, `dan` with other classes, and `dan-va`."""
    dan = tiny_network("dan", ABAW, always="other", metrics=METRICS, parameters=1_230_000, gmac=0.5)
    tiny_network("dan-va", affect=True)
    for name in ("poster-rt.onnx", "poster-rt.json"):
        shutil.copy(asset_path(name), dan.parent / name)

    def there(name):
        return asset_path(name) if name.startswith("fer-detector") else dan.parent / name

    for module in (engine.networks.models, app.settings.models):
        monkeypatch.setattr(module, "asset_path", there)
    return dan.parent


@pytest.fixture
def make(qtbot, installed):
    def make(**settings):
        dialog = SettingsDialog(Settings(**settings), devices=("auto", "cpu"))
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return make


def tick(qtbot, dialog, row):
    """Click on a row's box, where the style draws it."""
    view = dialog.models
    index = view.model().index(row, 0)
    option = QStyleOptionViewItem()
    option.rect = view.visualRect(index)
    option.features |= QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    box = view.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, view)
    where = box.center() if box.isValid() else option.rect.topLeft() + QPoint(10, 10)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)


def shown(dialog):
    """What the list says, row by row; the first word is x where the row is ticked."""
    table = dialog.models.table
    rows = []
    for row in range(table.rowCount()):
        cells = [table.data(table.index(row, at)) for at in range(table.columnCount())]
        state = table.data(table.index(row, 0), Qt.ItemDataRole.CheckStateRole)
        rows.append(["x" if state == Qt.CheckState.Checked else "", *cells])
    return rows


def test_the_list_says_what_the_manifests_say(make):
    rows = shown(make())
    assert [row[:2] for row in rows] == [["x", "poster-rt"], ["", "dan"], ["", "dan-va"]]
    assert rows[1][2:] == [
        *("80.0 %", "0.030", "1.23", "0.50"),
        "8 (with other, no contempt)",
        "expression, valence-arousal (derived)",
    ]
    assert rows[2][2:4] == ["\N{EN DASH}"] * 2
    assert rows[2][-1] == "valence-arousal"


def test_ticks_choose_one_or_two(qtbot, make):
    dialog = make()
    tick(qtbot, dialog, 1)
    assert dialog.draft.values["model"] == "poster-rt,dan"
    tick(qtbot, dialog, 0)
    assert dialog.draft.values["model"] == "dan"
    tick(qtbot, dialog, 2)
    assert dialog.draft.values["model"] == "dan,dan-va"
    assert [row[0] for row in shown(dialog)] == ["", "x", "x"]
    assert dialog.pages[0].fields["model"].currentText() == "dan,dan-va"
    assert not dialog.draft.problems()
    for row in (1, 2, 2):  # the last one stays
        tick(qtbot, dialog, row)
    assert dialog.draft.values["model"] == "dan-va"


def test_networks_that_do_not_go_together_are_named_beside_the_field(qtbot, make):
    dialog = make(model="poster-rt")
    tick(qtbot, dialog, 1)  # both know expressions and no more
    said = dialog.pages[0].errors["model"]
    assert said.isVisible()
    assert said.text() == "Model dan: has nothing that poster-rt lacks; leave it out"
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()


def test_what_is_typed_is_ticked(make):
    dialog = make()
    dialog.pages[0].fields["model"].setEditText("dan,dan-va")
    assert [row[0] for row in shown(dialog)] == ["", "x", "x"]
    dialog.pages[0].fields["model"].setEditText("nobody")
    assert [row[0] for row in shown(dialog)] == ["", "", ""]
    assert dialog.pages[0].errors["model"].text().startswith("Unknown; choose poster-rt, dan")


def test_networks_beside_a_chosen_file_are_listed(installed, tiny_network, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(installed, other)
    path = str(other / "dan.onnx")
    names = [entry.model for entry in listed(path)]
    assert names[:3] == ["poster-rt", "dan", "dan-va"]
    assert path in names[3:]
    assert str(other / "dan-va.onnx") in names[3:]
    assert toggled(path, str(other / "dan-va.onnx")) == f"{path},{other / 'dan-va.onnx'}"


def test_wrong_names_choose_nothing(installed):
    assert (named("dan,"), toggled("dan,", "dan")) == ((), "dan")
    assert toggled("nobody", "dan") == "dan"
    assert model_problem("dan,") == "model dan,: a name is missing beside a comma"


def test_damaged_installation_is_said_beside_the_field(make, installed):
    (installed / "dan-va.json").write_text("{")
    dialog = make()
    assert shown(dialog) == []
    said = dialog.pages[0].errors["model"].text()
    assert "dan-va.json: the model's manifest cannot be read" in said
    assert said.endswith("reinstall fer-live")


def test_ticks_switch_what_runs_while_it_runs(qtbot, installed, tmp_path):
    """By clicks in the real window, over the real engine."""
    path = tmp_path / "settings.toml"
    settings = Settings(seen_privacy=True, recording_folder=tmp_path / "r", precision="fp32")
    window = MainWindow(settings, path)
    qtbot.addWidget(window, before_close_func=lambda w: w.setProperty("unasked", True))
    window.show()
    window.open(Choice(kind="file", name=str(asset_path("demo.mp4"))))

    def reads(label, valence):
        def there():
            analysis = window.live.analysis
            return analysis is not None and any(
                label in face.labels and valence in (None, face.valence)
                for face in analysis.predictions
            )

        return there

    qtbot.waitUntil(reads("contempt", None), timeout=60_000)
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    (dialog,) = window.findChildren(SettingsDialog)
    for row in (1, 0, 2):
        tick(qtbot, dialog, row)
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(reads("other", 0.5), timeout=60_000)
    assert load_settings(path).model == "dan,dan-va"
    window.close()
