"""Everything that the review window can do, with its keys."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtGui import QAction, QKeySequence

from app.session.exports.export import FORMS
from engine.labels import EXPRESSIONS

if TYPE_CHECKING:
    from app.window.review.window import ReviewWindow


@dataclass(frozen=True, slots=True)
class Actions:
    """Everything that the window can do, by name."""

    open_folder: QAction
    open_records: QAction
    open_video: QAction
    exports: tuple[QAction, ...]
    play: QAction
    back: QAction
    forward: QAction
    home: QAction
    end: QAction
    last_marker: QAction
    next_marker: QAction
    zoom_in: QAction
    zoom_out: QAction
    start_span: QAction
    end_span: QAction
    span_here: QAction
    labels: tuple[QAction, ...]
    delete: QAction
    delete_span: QAction
    undo: QAction
    redo: QAction


def build_actions(window: "ReviewWindow") -> Actions:
    """Make the actions; they belong to the window."""

    def act(text: str, keys: str, work: Callable[[], None]) -> QAction:
        action = QAction(text, window)
        if keys:
            action.setShortcuts([QKeySequence(key) for key in keys.split(" ")])
        action.triggered.connect(lambda _: work())
        return action

    tr, do, edit = window.tr, window.moving, window.editing
    control, zoom = window.controller, window.timelines.zoom
    return Actions(
        open_folder=act(tr("Open recording…"), "Ctrl+O", window.ask_folder),
        open_records=act(tr("Open records…"), "Ctrl+Shift+O", window.ask_records),
        open_video=act(tr("Choose video…"), "", window.ask_video),
        exports=tuple(
            act(f"{tr(words)}…", "", partial(window.ask_export, ending))
            for ending, (words, _) in FORMS.items()
        ),
        play=act(tr("Play"), "Space", window.play_or_pause),
        back=act(tr("Frame back"), "Left", do(lambda: control.step(-1))),
        forward=act(tr("Frame forward"), "Right", do(lambda: control.step(1))),
        home=act(tr("To the start"), "Home", do(lambda: control.move(0.0))),
        end=act(tr("To the end"), "End", do(lambda: control.move(control.duration_s))),
        last_marker=act(tr("Marker before"), "PgUp", do(lambda: control.step_marker(-1))),
        next_marker=act(tr("Next marker"), "PgDown", do(lambda: control.step_marker(1))),
        zoom_in=act(tr("Zoom in"), "Ctrl++ Ctrl+=", lambda: zoom(0.5, control.time_s)),
        zoom_out=act(tr("Zoom out"), "Ctrl+-", lambda: zoom(2.0, control.time_s)),
        start_span=act(tr("Span starts here"), "[", do(control.start_span)),
        end_span=act(tr("Span ends here"), "]", do(control.end_span)),
        span_here=act(tr("Choose the span here"), "S", do(control.choose_span_here)),
        labels=tuple(
            act(tr(label), str(number), edit(partial(control.label, label)))
            for number, label in enumerate(EXPRESSIONS, 1)
        ),
        delete=act(tr("Delete track"), "Del", edit(control.delete)),
        delete_span=act(tr("Delete track in the span"), "Shift+Del", edit(control.delete_span)),
        undo=act(tr("Undo"), "Ctrl+Z", edit(control.undo)),
        redo=act(tr("Redo"), "Ctrl+Shift+Z", edit(control.redo)),
    )
