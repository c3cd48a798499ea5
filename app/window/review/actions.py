"""Everything that the review window can do, with its keys."""

from dataclasses import dataclass

from PyQt6.QtGui import QAction

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
