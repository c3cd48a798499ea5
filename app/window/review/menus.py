"""What the review window offers in menus and by keys."""

from dataclasses import dataclass

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenu

from app.session.exports.export import FORMS
from app.window.actions import action, actions
from engine.labels import EXPRESSIONS


@dataclass(frozen=True, slots=True)
class ReviewActions:
    """The review window's actions, by name."""

    open_folder: QAction = action("Open recording…", "Ctrl+O")
    open_records: QAction = action("Open records…", "Ctrl+Shift+O")
    open_video: QAction = action("Choose video…")
    exports: tuple[QAction, ...] = actions(
        {ending: (f"{words}…", "") for ending, (words, _) in FORMS.items()}
    )
    play: QAction = action("Play", "Space")
    back: QAction = action("Frame back", "Left")
    forward: QAction = action("Frame forward", "Right")
    home: QAction = action("To the start", "Home")
    end: QAction = action("To the end", "End")
    last_marker: QAction = action("Marker before", "PgUp")
    next_marker: QAction = action("Next marker", "PgDown")
    zoom_in: QAction = action("Zoom in", "Ctrl++ Ctrl+=")
    zoom_out: QAction = action("Zoom out", "Ctrl+-")
    start_span: QAction = action("Span starts here", "[")
    end_span: QAction = action("Span ends here", "]")
    span_here: QAction = action("Choose the span here", "S")
    labels: tuple[QAction, ...] = actions(
        {label: (label, str(number)) for number, label in enumerate(EXPRESSIONS, 1)}
    )
    delete: QAction = action("Delete track", "Del")
    delete_span: QAction = action("Delete track in the span", "Shift+Del")
    undo: QAction = action("Undo", "Ctrl+Z")
    redo: QAction = action("Redo", "Ctrl+Shift+Z")


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
    label = QMenu(window.tr("Label of the span"), window)
    label.addActions(a.labels)
    file, correct, go, export = (
        QMenu(title, window)
        for title in (
            window.tr("&File"),
            window.tr("&Correct"),
            window.tr("&Go"),
            window.tr("&Export"),
        )
    )
    file.addActions((a.open_folder, a.open_records, a.open_video))
    correct.addActions((a.undo, a.redo))
    correct.addSeparator()
    correct.addActions((a.start_span, a.end_span, a.span_here))
    correct.addMenu(label)
    correct.addSeparator()
    correct.addActions((a.delete, a.delete_span))
    correct.addMenu(merge)
    go.addActions((a.play, a.back, a.forward, a.home, a.end))
    go.addActions((a.last_marker, a.next_marker, a.zoom_in, a.zoom_out))
    export.addActions(a.exports)
    for menu in (file, correct, go, export):
        bar.addMenu(menu)
