"""The window as it is arranged: by clicks and keys, looked at in pixels."""

import itertools
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, QSettings, Qt
from PyQt6.QtGui import QFont, QFontMetricsF, QImage, QPainter
from PyQt6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QDockWidget,
    QFormLayout,
    QGridLayout,
    QLayout,
    QMainWindow,
    QTabBar,
    QWidget,
)

from app.sources.cameras import CameraName
from app.sources.choice import Choice
from app.window.help.dialogs import DocumentationDialog, ReportDialog, ShortcutsDialog, keys_of
from app.window.picture.painter import OverlayPainter, words_of
from app.window.review.menus import ReviewActions
from app.window.review.window import ReviewWindow
from app.window.session.bar import Chip
from app.window.theme import answer_pt, apply_theme
from engine.errors import SourceError
from engine.labels import EXPRESSIONS

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def dialog_of(kind):
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())


def seen(window, name):
    return not window.docks.docks[name].visibleRegion().isEmpty()


# Layouts


@pytest.mark.parametrize("size", [(1024, 640), (1280, 800), (1600, 1000), (3840, 2160)])
def test_the_picture_has_65_percent_and_the_curves_the_whole_width(qtbot, window, size):
    window.resize(*size)
    qtbot.waitUntil(lambda: abs(window.centralWidget().width() - 0.65 * size[0]) < 0.02 * size[0])
    assert window.docks.docks["affect"].width() == size[0]
    assert (seen(window, "statistics"), seen(window, "performance")) == (False, False)
    assert seen(window, "probabilities")
    assert window.watch.bar.width() == size[0]


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_plane_is_seen_whole_with_names_in_a_window_of_1280x800(
    qtbot, speak, make_window, opened, fake_camera, language
):
    speak(language)
    window = make_window()
    opened.append(fake_camera())
    window.open(Choice(kind="camera", name="0"))
    plane = window.docks.panels["circumplex"].plane
    qtbot.waitUntil(lambda: window.live.analysis is not None and plane.isVisible())
    qtbot.waitUntil(lambda: plane.visibleRegion().boundingRect() == plane.rect())
    bars = window.docks.probabilities.bars
    assert bars.visibleRegion().boundingRect() == bars.rect()
    assert len(plane.name_places(plane.area())) >= 7


def test_the_analysis_shows_several_rows_of_statistics(qtbot, live):
    live.actions_.layout_analysis.trigger()
    table = live.docks.statistics.table
    row = table.verticalHeader().defaultSectionSize()
    qtbot.waitUntil(lambda: table.viewport().height() >= 4 * row)
    bars = live.docks.probabilities.bars
    qtbot.waitUntil(lambda: bars.visibleRegion().boundingRect() == bars.rect())


def test_no_tabs_lie_about(qtbot, window):
    for size in ((1024, 640), (1280, 800), (1024, 640)):
        window.resize(*size)
        qtbot.wait(50)
        bars = [bar for bar in window.findChildren(QTabBar) if not bar.visibleRegion().isEmpty()]
        assert len(bars) == 1


@pytest.mark.qt_log_ignore("does not support")  # a floating panel, offscreen
def test_layouts_are_chosen_by_key_and_reset(qtbot, window):
    window.resize(1280, 800)
    qtbot.keyClick(window, KEY.Key_2, CONTROL)
    qtbot.waitUntil(lambda: seen(window, "statistics"))
    window.docks.docks["probabilities"].close()
    qtbot.keyClick(window, KEY.Key_1, CONTROL)
    qtbot.waitUntil(lambda: seen(window, "probabilities"))
    assert not seen(window, "statistics")
    window.docks.docks["affect"].setFloating(True)
    window.docks.docks["circumplex"].close()
    window.actions_.reset_layout.trigger()
    qtbot.waitUntil(lambda: seen(window, "circumplex"))
    assert not window.docks.docks["affect"].isFloating()


def test_what_the_user_moved_stays_when_the_window_grows(qtbot, window):
    window.resize(1280, 800)
    qtbot.wait(50)
    across = Qt.Orientation.Horizontal
    edge = QPoint(window.centralWidget().geometry().right() + 3, 300)
    assert window.childAt(edge) is None
    qtbot.mousePress(window, LEFT, pos=edge)
    qtbot.mouseRelease(window, LEFT, pos=edge)
    window.resizeDocks([window.docks.docks["probabilities"]], [300], across)
    window.resize(1400, 800)
    qtbot.wait(50)
    assert window.docks.docks["probabilities"].width() == pytest.approx(300, abs=30)


def test_a_layout_that_was_left_alone_is_one_next_time_too(make_window, tmp_path):
    ini = QSettings.Format.IniFormat
    first = make_window(QSettings(str(tmp_path / "place.ini"), ini))
    first.close()
    second = make_window(QSettings(str(tmp_path / "place.ini"), ini))
    assert second.docks.layout == "session"


def test_what_was_put_behind_in_a_small_window_is_seen_in_a_large_one_next_time(
    qtbot, make_window, tmp_path
):
    ini = str(tmp_path / "low.ini")
    first = make_window(geometry=QSettings(ini, QSettings.Format.IniFormat))
    first.resize(1024, 640)
    qtbot.waitUntil(lambda: first.docks._low)
    first.close()
    kept = QSettings(ini, QSettings.Format.IniFormat)
    kept.remove("geometry")  # as on another screen: it is never low
    second = make_window(geometry=kept)
    second.resize(1600, 1000)
    qtbot.waitUntil(lambda: seen(second, "probabilities") and seen(second, "circumplex"))


def test_a_presentation_shows_one_large_label_and_escape_leaves_it(qtbot, live):
    small = live.view.grab().toImage()
    qtbot.keyClick(live, KEY.Key_F11)
    assert live.isFullScreen()
    assert not any(seen(live, name) for name in live.docks.docks)
    assert live.watch.bar.isVisible()
    assert not live.menuBar().isVisible()
    qtbot.waitUntil(lambda: live.view.grab().toImage() != small)
    image = live.view.grab().toImage()
    row = image.height() - image.height() // 12
    white = sum(image.pixelColor(x, row).lightness() > 230 for x in range(image.width()))
    assert white > 20
    qtbot.keyClick(live, KEY.Key_Escape)
    assert not live.isFullScreen()
    assert live.menuBar().isVisible()


@pytest.mark.parametrize("unsure", [True, False])
def test_picture_panel_and_presentation_are_of_one_mind(
    qtbot, make_window, fake_engine, opened, fake_camera, unsure
):
    make = fake_engine["make_reader"]

    class Reader:
        device = "cpu"

        def close(self):
            pass

        def read(self, several):
            kept = EXPRESSIONS.index("fear" if unsure else "happiness")
            return [
                replace(
                    one,
                    predictions=tuple(replace(face, shown=kept) for face in one.predictions[:1]),
                    tracks=one.tracks[:1],
                )
                for one in make(None).read(several)
            ]

    fake_engine["make_reader"] = lambda _: Reader()
    window = make_window()
    opened.append(fake_camera())
    window.open(Choice(kind="camera", name="0"))
    panel, view = window.docks.probabilities, window.view
    qtbot.waitUntil(lambda: panel.word.text() == ("unsure" if unsure else "sure"))
    assert panel.headline.text() == ("Fear 5 %" if unsure else "Happiness 65 %")
    picture = QImage(view.size(), QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    words = OverlayPainter(painter, view.place, view.look).label_places(view.faces)[1][1]
    painter.end()
    assert words == ("1 fear? 5 %" if unsure else "1 happiness 65 %")
    assert words_of(view.faces[0], view.look.uncertain_below)[2] == unsure


# Empty, lost, failed


def test_the_empty_picture_offers_cameras_and_what_was_opened_last(
    qtbot, make_window, clip, chosen, opened, fake_camera
):
    window = make_window(recent=(str(clip), "0"))
    window.sources.look = lambda: (CameraName(0, "USB Camera"),)
    window.sources.look_for_cameras()
    texts = lambda: [button.text() for button in window.empty.buttons()]  # noqa: E731
    qtbot.waitUntil(lambda: any("USB Camera" in text for text in texts()))
    assert Path(clip).name in texts()
    assert str(window.controller.choice.root) in window.empty.line.text()
    assert "nothing leaves this program" in window.empty.line.text()
    button = next(b for b in window.empty.buttons() if b.text() == Path(clip).name)
    button.setFocus()
    qtbot.keyClick(button, KEY.Key_Space)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert chosen[-1].name == str(clip)
    assert not window.empty.isVisible()
    qtbot.keyClick(window, KEY.Key_W, CONTROL)
    assert window.empty.isVisible()


def test_what_fails_can_be_tried_again_and_another_chosen(qtbot, window, opened, fake_camera):
    opened += [SourceError("stream: no route"), fake_camera()]
    window.open(Choice(kind="file", name="/nowhere.mp4"))
    qtbot.waitUntil(lambda: "no route" in window.trouble.text)
    words = [button.text() for button in window.trouble.buttons]
    assert words == ["Retry", "Choose another"]
    shown = []
    window.sources.aboutToShow.connect(lambda: (shown.append(1), window.sources.close()))
    qtbot.mouseClick(window.trouble.buttons[0], LEFT)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert window.trouble.text == ""
    opened.append(SourceError("stream: no route"))
    window.open(Choice(kind="file", name="/nowhere.mp4"))
    qtbot.waitUntil(lambda: "no route" in window.trouble.text)
    qtbot.mouseClick(window.trouble.close_button, LEFT)
    assert window.trouble.text == ""


def test_panels_without_signal_are_grey_and_say_since_when(qtbot, window, opened, fake_camera):
    first = fake_camera()
    opened += [first, *[SourceError("camera 0: busy")] * 300]
    window.open(Choice(kind="camera", name="0"))
    qtbot.waitUntil(lambda: "%" in window.docks.probabilities.headline.text())
    bright = window.docks.probabilities.grab().toImage()
    first.unplug()
    qtbot.waitUntil(lambda: window.docks.probabilities.veil != "")
    assert re.fullmatch(r"No signal since \d\d:\d\d:\d\d", window.docks.probabilities.veil)
    assert window.docks.panels["affect"].veil == window.docks.probabilities.veil
    assert window.docks.probabilities.grab().toImage() != bright
    qtbot.keyClick(window, KEY.Key_W, CONTROL)
    opened[:] = [fake_camera()]
    window.open(Choice(kind="camera", name="0"))
    qtbot.waitUntil(lambda: window.docks.probabilities.veil == "")


def test_a_source_that_was_closed_shows_no_face_any_more(qtbot, live):
    qtbot.waitUntil(lambda: "%" in live.docks.probabilities.headline.text())
    qtbot.keyClick(live, KEY.Key_W, CONTROL)
    qtbot.waitUntil(lambda: live.docks.probabilities.headline.text() == "No face")
    assert not live.docks.probabilities.veil  # no signal was lost


# The bar


@pytest.mark.qt_log_ignore("does not support")  # a menu, offscreen
def test_markers_are_set_and_worded_in_the_bar(qtbot, live):
    chip = live.watch.bar.markers["F6"]
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: live.controller.view().folder is not None)
    qtbot.mouseClick(chip, LEFT, pos=QPoint(8, chip.height() // 2))
    assert live.controller.view().markers == 1
    chip.text_menu.popup(QPoint(0, 0))
    qtbot.waitUntil(chip.field.isVisible)
    chip.field.selectAll()
    qtbot.keyClicks(chip.field, "applause")
    chip.text_menu.close()
    assert live.controller.choice.texts[1] == "applause"
    live.watch.refresh()
    assert "applause" in chip.accessibleName()
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not live.controller.view().recording)


@pytest.mark.parametrize("text_size", [90, 100, 150, 200])
def test_nothing_in_the_bar_is_cut_off(qtbot, qapp, live, text_size):
    apply_theme(qapp, "dark", text_size)
    live.resize(1024, 640)
    live.watch.refresh()
    qtbot.wait(50)
    bar = live.watch.bar
    for button in (bar.record_button, bar.snapshot_button):
        assert button.width() >= button.fontMetrics().horizontalAdvance(button.text())
    right = max(w.geometry().right() for w in bar.findChildren(QWidget) if w.parent() is bar)
    assert right <= bar.width()
    apply_theme(qapp, "dark", 100)


def test_the_symbol_of_the_pause_is_in_the_ink_of_the_theme(qtbot, qapp, live):
    button = live.watch.bar.pause_button

    def brightest():
        image = button.icon().pixmap(18, 18).toImage()
        pixels = [image.pixelColor(x, y) for x in range(18) for y in range(18)]
        return max((p.lightness() for p in pixels if p.alpha() > 200), default=None)

    apply_theme(qapp, "light", 100)
    qtbot.waitUntil(lambda: brightest() is not None and brightest() < 100)
    apply_theme(qapp, "dark", 100)
    qtbot.waitUntil(lambda: brightest() > 150)


@pytest.mark.parametrize("text_size", [100, 150, 200])
def test_a_recording_with_outputs_and_markers_has_room_in_a_small_window(
    qtbot, qapp, live, text_size
):
    apply_theme(qapp, "dark", text_size)
    live.resize(1024, 640)
    bar = live.watch.bar
    own = live.watch.chips
    sent = [Chip(name, f"{name} → 127.0.0.1:9000", name, tone="good") for name in ("OSC", "UDP")]
    live.watch.chips = lambda: [*own(), *sent]
    qtbot.waitUntil(bar.record_button.isEnabled)
    live.controller.choose(blur=True)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.keyClick(live, KEY.Key_F6, SHIFT)
    qtbot.waitUntil(lambda: {"OSC", "UDP"} <= bar.chips.keys() and bar.time_label.isVisible())
    qtbot.wait(200)
    shown = [bar.record_button, bar.pause_button, bar.snapshot_button, bar.time_label]
    for widget in (*shown, *bar.chips.values(), *bar.markers.values()):
        if widget.isVisible():
            assert widget.width() >= widget.sizeHint().width(), widget.accessibleName()
    assert bar.record_button.isVisible()
    assert bar.record_button.accessibleName() == "Stop recording"
    assert bar.time_label.isVisible()
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    qtbot.waitUntil(lambda: not live.controller.view().recording, timeout=20_000)
    apply_theme(qapp, "dark", 100)
    live.resize(1600, 900)
    qtbot.waitUntil(lambda: bar.record_button.text() == "Record")
    assert bar.snapshot_button.isVisible()


@pytest.mark.parametrize("text_size", [100, 150])
def test_words_of_the_state_end_where_their_room_ends(qtbot, qapp, live, text_size):
    apply_theme(qapp, "dark", text_size)
    bar, state = live.watch.bar, "recording every frame, 74 %, markers: 12, of a long session"
    states = (state, "every frame", "at 74 %")
    said = set()
    for width in range(1000, 2000, 50):
        live.resize(width, 700)
        for extra in ([], [Chip("UDP", "UDP \N{LEFTWARDS ARROW} 127.0.0.1:9002", "UDP")]):
            bar.show_chips([Chip("disk", "59.3 GB free", "59 GB"), *extra])
            qapp.processEvents()
            bar.show_view(live.controller.view(), states)
            label = bar.state_label
            assert label.accessibleDescription() == label.toolTip() == state
            words = label.fontMetrics().horizontalAdvance(label.text())
            assert words <= label.width(), (width, label.text())
            said.add(label.text())
    bar.show_view(live.controller.view(), states)
    assert label.text() == state
    assert state in said
    assert said & {"every frame", "at 74 %"}
    assert said <= {*states, ""}
    apply_theme(qapp, "dark", 100)


# Type and grid


def test_all_gaps_are_steps_of_one_grid(live):
    layouts = [layout for layout in live.findChildren(QLayout) if layout.count()]
    ours = (QBoxLayout, QDockWidget, QFormLayout, QGridLayout)
    own = [layout for layout in layouts if _of(layout) and isinstance(layout, ours)]
    assert len(own) > 10
    for layout in own:
        margins = layout.contentsMargins()
        sides = (margins.left(), margins.top(), margins.right(), margins.bottom())
        between = layout.spacing() if layout.count() > 1 else 0
        gaps = [gap for gap in (between, *sides) if gap > 0]
        assert all(gap % 4 == 0 for gap in gaps), (_of(layout), gaps)


def _of(layout):
    """Name the widget of ours that a layout arranges; empty for Qt's own."""
    widget = layout.parentWidget()
    kind = type(widget)
    own = kind.__module__.startswith("app.") and not isinstance(widget, QMainWindow | QDockWidget)
    return f"{kind.__module__}.{kind.__name__}" if own else ""


def test_there_are_three_sizes_of_type_and_figures_of_one_width(qapp, live):
    apply_theme(qapp, "dark", 100)
    base = qapp.font().pointSizeF()
    sizes = {round(w.font().pointSizeF() / base, 2) for w in live.findChildren(QWidget)}
    assert sizes <= {1.0, 1.3}
    assert answer_pt(qapp) == 22.0
    apply_theme(qapp, "dark", 150)
    assert answer_pt(qapp) == 33.0
    apply_theme(qapp, "dark", 100)
    assert qapp.font().featureTags() == [QFont.Tag.fromString("tnum")]
    label = live.watch.bar.time_label
    metrics = QFontMetricsF(label.font())
    assert metrics.horizontalAdvance("1111") == metrics.horizontalAdvance("8888")


def _title_px(dock):
    """Give the height of the words in a dock's title, as they are painted."""
    image = dock.grab().toImage()
    rows = [
        y
        for y in range(dock.widget().y())
        if any(image.pixelColor(x, y).lightness() > 150 for x in range(8, 100))
    ]
    return rows[-1] - rows[0] + 1


def test_titles_of_panels_follow_another_size_at_once_and_back(qtbot, qapp, window):
    apply_theme(qapp, "dark", 100)
    dock = window.docks.docks["affect"]
    qtbot.wait(50)
    before = _title_px(dock)
    apply_theme(qapp, "dark", 200)
    qtbot.wait(50)
    assert _title_px(dock) == pytest.approx(2 * before, abs=3)
    apply_theme(qapp, "dark", 100)
    qtbot.wait(50)
    assert _title_px(dock) == before


@pytest.mark.parametrize("size", [(1280, 800), (1600, 1000)])
def test_all_classes_are_seen_at_once_where_the_window_is_not_low(qtbot, qapp, live, size):
    apply_theme(qapp, "dark", 100)
    live.resize(*size)
    qtbot.wait(200)
    panel = live.docks.probabilities
    assert panel.word.isVisible()
    qtbot.waitUntil(lambda: panel.bars.height() >= panel.bars.minimumSizeHint().height())
    for name in ("probabilities", "circumplex"):
        assert not live.docks.docks[name].widget().verticalScrollBar().isVisible(), name


@pytest.mark.parametrize("layout", ["session", "analysis"])
def test_twice_the_size_has_room_in_a_small_window(qtbot, qapp, live, layout):
    apply_theme(qapp, "dark", 100)
    live.resize(1024, 640)
    live.docks.arrange(layout)
    apply_theme(qapp, "dark", 200)
    qtbot.wait(200)
    assert (live.width(), live.height()) == (1024, 640)
    docks = [dock for dock in live.docks.docks.values() if not dock.visibleRegion().isEmpty()]
    assert len(docks) >= 2
    for dock in docks:
        place, content = dock.geometry(), dock.widget().geometry()
        assert live.rect().contains(place), dock.objectName()
        assert content.bottom() < place.height(), dock.objectName()
        least = dock.widget().minimumSizeHint()
        assert content.height() >= least.height(), dock.objectName()
        assert content.width() >= least.width(), dock.objectName()
    rows = live.docks.statistics.table.verticalHeader()
    assert rows.defaultSectionSize() > live.docks.statistics.fontMetrics().height()
    for one, other in itertools.combinations(docks, 2):
        assert not one.geometry().intersects(other.geometry())
    apply_theme(qapp, "dark", 100)


def test_labels_in_the_picture_grow_with_the_text(qtbot, qapp, live):
    def wide():
        place = live.view.place
        image = QImage(live.view.size(), QImage.Format.Format_RGB32)
        painter = QPainter(image)
        painter.setFont(live.view.font())
        drawn = OverlayPainter(painter, place, live.view.look).label_places(live.view.faces)
        painter.end()
        return max(rect.height for rect, _ in drawn.values())

    apply_theme(qapp, "dark", 100)
    live.resize(1024, 640)
    qtbot.wait(50)
    before = wide()
    apply_theme(qapp, "dark", 200)
    qtbot.wait(50)
    assert wide() > 1.2 * before
    apply_theme(qapp, "dark", 100)


# Help


def test_f1_lists_every_key(qtbot, window):
    qtbot.keyClick(window, KEY.Key_F1)
    dialog = dialog_of(ShortcutsDialog)
    listed = {keys for keys, _ in dialog.keys}
    for field in fields(window.actions_):
        value = getattr(window.actions_, field.name)
        for action in value if isinstance(value, tuple) else (value,):
            if not action.shortcut().isEmpty():
                assert any(action.shortcut().toString() in keys for keys in listed)
    dialog.reject()


def test_a_report_has_versions_and_log_and_is_copied_not_sent(qtbot, window, tmp_path, caplog):
    caplog.set_level("INFO")
    window.open(Choice(kind="file", name=str(tmp_path / "none.mp4")))
    qtbot.waitUntil(lambda: window.trouble.text != "")
    window.actions_.report.trigger()
    dialog = dialog_of(ReportDialog)
    qtbot.mouseClick(dialog.copy_button, LEFT)
    text = QApplication.clipboard().text()
    assert "onnxruntime" in text
    assert "no such file" in text
    assert str(Path.home()) + "/" not in text
    dialog.reject()
    window.actions_.documentation.trigger()
    assert "fer-app" in dialog_of(DocumentationDialog).browser.toPlainText()
    dialog_of(DocumentationDialog).reject()


def test_a_key_means_the_same_in_both_windows(qtbot, window):
    review = ReviewWindow()
    qtbot.addWidget(review)
    ours, theirs = dict(keys_of(window.actions_)), dict(keys_of(review.actions_))
    assert len(ours.keys() & theirs.keys()) >= 8
    different = {
        key: (ours[key], theirs[key]) for key in ours if key in theirs and ours[key] != theirs[key]
    }
    assert different == {"Ctrl+W": ("Close source", "Close the window")}  # each what it shows
    assert {field.name for field in fields(ReviewActions)} >= {"shortcuts"}


def test_the_words_are_those_of_the_field(window):
    titles = {dock.windowTitle() for dock in window.docks.docks.values()}
    assert {"Statistics", "Valence and arousal over time"} <= titles
    assert window.sources.title() == "&File"
    words = {words for _, words in keys_of(window.actions_)}
    assert {"Capture part of the screen", "Next frame"} <= words


def test_a_panel_that_is_opened_late_shows_what_was_seen(qtbot, playing):
    player = playing.playback.player
    qtbot.waitUntil(lambda: player.ended and playing.runner.worker.settled)
    qtbot.wait(200)
    assert not seen(playing, "statistics")
    qtbot.keyClick(playing, KEY.Key_2, CONTROL)
    qtbot.waitUntil(lambda: playing.docks.statistics.model.rowCount() == 2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_was_opened_last_can_be_read_in_both_themes(qtbot, qapp, make_window, theme):
    apply_theme(qapp, theme)
    window = make_window(recent=("/data/talk.mp4",))
    button = next(b for b in window.empty.buttons() if b.text() == "talk.mp4")
    place = button.mapTo(window.view, QPoint(0, 0))
    image = window.view.grab().toImage().copy(place.x(), place.y(), button.width(), button.height())
    levels = [
        image.pixelColor(x, y).lightness()
        for x in range(image.width())
        for y in range(image.height())
    ]
    assert min(levels) < 40 < 200 < max(levels)
