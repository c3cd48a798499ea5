"""What the review window offers in menus and by keys."""

from dataclasses import dataclass
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenu

from app.session.exports.export import FORMS
from app.window.actions import action, actions
from engine.labels import EXPRESSIONS

translate = QCoreApplication.translate

# Literal texts, so that translators' tools find them.
_EXPORTS: Final = {
    ".csv": QT_TRANSLATE_NOOP("Actions", "Table, CSV…"),
    ".parquet": QT_TRANSLATE_NOOP("Actions", "Table, Parquet…"),
    ".json": QT_TRANSLATE_NOOP("Actions", "Everything, JSON…"),
    ".png": QT_TRANSLATE_NOOP("Actions", "Plot, PNG…"),
    ".svg": QT_TRANSLATE_NOOP("Actions", "Plot, SVG…"),
    ".vtt": QT_TRANSLATE_NOOP("Actions", "Subtitles, WebVTT…"),
    ".eaf": QT_TRANSLATE_NOOP("Actions", "ELAN tiers, EAF 3.0…"),
}


@dataclass(frozen=True, slots=True)
class ReviewActions:
    """The review window's actions, by name."""

    open_folder: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Open recor&ding…"), "Ctrl+Shift+O", called="open_session"
    )
    open_records: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "&Open file…"), "Ctrl+O", called="open_file"
    )
    open_video: QAction = action(QT_TRANSLATE_NOOP("Actions", "Choose video…"))
    exports: tuple[QAction, ...] = actions(
        {ending: (_EXPORTS.get(ending, ending), "") for ending in FORMS}, called="export"
    )
    play: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "&Play or pause"), "Space", called="play_pause"
    )
    back: QAction = action(QT_TRANSLATE_NOOP("Actions", "Frame &before"), ",", called="step_back")
    forward: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Next frame"), ".", called="step_on")
    skip_back: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "&5 seconds back"), "Left", called="back"
    )
    skip_on: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "5 seconds &forward"), "Right", called="forward"
    )
    home: QAction = action(QT_TRANSLATE_NOOP("Actions", "To the start"), "Home")
    end: QAction = action(QT_TRANSLATE_NOOP("Actions", "To the end"), "End")
    last_marker: QAction = action(QT_TRANSLATE_NOOP("Actions", "Marker before"), "PgUp")
    next_marker: QAction = action(QT_TRANSLATE_NOOP("Actions", "Next marker"), "PgDown")
    zoom_in: QAction = action(QT_TRANSLATE_NOOP("Actions", "Zoom in"), "Ctrl++ Ctrl+=")
    zoom_out: QAction = action(QT_TRANSLATE_NOOP("Actions", "Zoom out"), "Ctrl+-")
    start_span: QAction = action(QT_TRANSLATE_NOOP("Actions", "Span starts here"), "[")
    end_span: QAction = action(QT_TRANSLATE_NOOP("Actions", "Span ends here"), "]")
    span_here: QAction = action(QT_TRANSLATE_NOOP("Actions", "Choose the span here"), "S")
    labels: tuple[QAction, ...] = actions(
        {label: (label, str(number)) for number, label in enumerate(EXPRESSIONS, 1)},
        "classes",
        "label",
    )
    delete: QAction = action(QT_TRANSLATE_NOOP("Actions", "Delete track"), "Del")
    delete_span: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Delete track in the span"), "Shift+Del"
    )
    split: QAction = action(QT_TRANSLATE_NOOP("Actions", "Split track &here"), "X")
    name_face: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Name and colour of the face…"), "F2")
    one_person: QAction = action(QT_TRANSLATE_NOOP("Actions", "One &person, as suggested"))
    two_people: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Two people: no such suggestion"))
    add_marker: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "&Other marker…"), "Ctrl+M", called="other_marker"
    )
    change_marker: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Text of the marker here…"), "Shift+F2"
    )
    move_marker: QAction = action(QT_TRANSLATE_NOOP("Actions", "Move the nearest marker here"))
    end_marker: QAction = action(QT_TRANSLATE_NOOP("Actions", "The marker before ends here"), "E")
    delete_marker: QAction = action(QT_TRANSLATE_NOOP("Actions", "Delete the marker here"))
    undo: QAction = action(QT_TRANSLATE_NOOP("Actions", "Undo"), "Ctrl+Z")
    redo: QAction = action(QT_TRANSLATE_NOOP("Actions", "Redo"), "Ctrl+Shift+Z")
    close: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Close the &window"), "Ctrl+W", called="close_window"
    )
    shortcuts: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Keyboard shortcuts"), "F1")


def fill_menu_bar(window: QMainWindow, actions: ReviewActions, merge: QMenu) -> None:
    """Put every action into a menu.

    Args:
        window: Whose bar it is.
        actions: The window's.
        merge: The menu of faces that the chosen one may be merged into.
    """
    bar = window.menuBar()
    if bar is None:  # Qt makes one where there is none
        return
    a = actions
    label = QMenu(translate("ReviewWindow", "Label of the span"), window)
    label.addActions(a.labels)
    file, correct, go, export = (
        QMenu(title, window)
        for title in (
            translate("ReviewWindow", "&File"),
            translate("ReviewWindow", "&Correct"),
            translate("ReviewWindow", "&Go"),
            translate("ReviewWindow", "&Export"),
        )
    )
    file.addActions((a.open_folder, a.open_records, a.open_video, a.shortcuts, a.close))
    correct.addActions((a.undo, a.redo))
    correct.addSeparator()
    correct.addActions((a.start_span, a.end_span, a.span_here))
    correct.addMenu(label)
    correct.addSeparator()
    correct.addActions((a.delete, a.delete_span))
    correct.addAction(a.split)
    correct.addMenu(merge)
    correct.addActions((a.one_person, a.two_people, a.name_face))
    correct.addSeparator()
    correct.addActions((a.add_marker, a.change_marker, a.move_marker))
    correct.addActions((a.end_marker, a.delete_marker))
    go.addActions((a.play, a.back, a.forward, a.skip_back, a.skip_on, a.home, a.end))
    go.addActions((a.last_marker, a.next_marker, a.zoom_in, a.zoom_out))
    export.addActions(a.exports)
    for menu in (file, correct, go, export):
        bar.addMenu(menu)
