"""What the main window offers in menus and by keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PyQt6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenu

from app.session.options import KEYS
from app.window.actions import action, actions

translate = QCoreApplication.translate

# Literal texts, so that translators' tools find them; the markers' own take their place.
_MARKERS: Final = (
    QT_TRANSLATE_NOOP("Actions", "Marker 1"),
    QT_TRANSLATE_NOOP("Actions", "Marker 2"),
    QT_TRANSLATE_NOOP("Actions", "Marker 3"),
    QT_TRANSLATE_NOOP("Actions", "Marker 4"),
)
_LASTING: Final = (
    QT_TRANSLATE_NOOP("Actions", "Begin or end marker 1"),
    QT_TRANSLATE_NOOP("Actions", "Begin or end marker 2"),
    QT_TRANSLATE_NOOP("Actions", "Begin or end marker 3"),
    QT_TRANSLATE_NOOP("Actions", "Begin or end marker 4"),
)


@dataclass(frozen=True, slots=True)
class MainActions:
    """The main window's actions, by name."""

    open_file: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Open file…"), "Ctrl+O")
    open_folder: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Open folder of &pictures…"), "Ctrl+Shift+P"
    )
    open_stream: QAction = action(QT_TRANSLATE_NOOP("Actions", "Open &network stream…"), "Ctrl+U")
    open_screen: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Capture p&art of the screen…"), "Ctrl+Shift+G"
    )
    open_session: QAction = action(QT_TRANSLATE_NOOP("Actions", "Open recor&ding…"), "Ctrl+Shift+O")
    close_source: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Close source"), "Ctrl+W")
    quit: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Quit"), "Ctrl+Q")
    record: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Record"), "Ctrl+R")
    pause: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Pause recording"), "Ctrl+Shift+R")
    markers: tuple[QAction, ...] = actions(
        {key: (text, key) for key, text in zip(KEYS, _MARKERS, strict=True)}, called="mark"
    )
    lasting: tuple[QAction, ...] = actions(
        {key: (text, f"Shift+{key}") for key, text in zip(KEYS, _LASTING, strict=True)},
        called="lasting_mark",
    )
    other_marker: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Other marker…"), "Ctrl+M")
    snapshot: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Snapshot"), "Ctrl+Shift+S")
    blur: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Blur faces"), "Ctrl+B", checkable=True)
    play_pause: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Play or pause"), "Space")
    step_back: QAction = action(QT_TRANSLATE_NOOP("Actions", "Frame &before"), ",")
    step_on: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Next frame"), ".")
    back: QAction = action(QT_TRANSLATE_NOOP("Actions", "&5 seconds back"), "Left")
    forward: QAction = action(QT_TRANSLATE_NOOP("Actions", "5 seconds &forward"), "Right")
    audible: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "&Sound of the file"), "A", checkable=True
    )
    mirror: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Mirror cameras"), "M", checkable=True)
    landmarks: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Landmarks"), "L", checkable=True)
    head_axes: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Head axes"), "H", checkable=True)
    follow_largest: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "&Follow the largest face"), "Esc"
    )
    name_face: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Name and colour of the face…"), "F2")
    layout_session: QAction = action(QT_TRANSLATE_NOOP("Actions", "Layout: &Session"), "Ctrl+1")
    layout_analysis: QAction = action(QT_TRANSLATE_NOOP("Actions", "Layout: &Analysis"), "Ctrl+2")
    presentation: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "Layout: &Presentation"), "F11", checkable=True
    )
    reset_layout: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Reset layout"))
    settings: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Settings…"), "Ctrl+,")
    shortcuts: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Keyboard shortcuts"), "F1")
    documentation: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Documentation"))
    privacy: QAction = action(
        QT_TRANSLATE_NOOP("Actions", "What the numbers &mean, and privacy"), "Shift+F1"
    )
    notice: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Notice for people in the picture…"))
    report: QAction = action(QT_TRANSLATE_NOOP("Actions", "&Report a problem…"))
    about: QAction = action(QT_TRANSLATE_NOOP("Actions", "&About fer-live"))


def fill_menu_bar(
    window: QMainWindow, source: QMenu, a: MainActions, panels: Sequence[QAction]
) -> None:
    """Put every action into a menu.

    Args:
        window: Whose bar it is.
        source: The menu of sources, filled already.
        a: The window's actions.
        panels: What shows and hides the panels.
    """
    bar = window.menuBar()
    if bar is None:  # Qt makes one where there is none
        return
    bar.addMenu(source)
    playback = (a.play_pause, a.step_back, a.step_on, a.back, a.forward, a.audible)
    layouts = (a.layout_session, a.layout_analysis, a.presentation, a.reset_layout)
    for title, groups in (
        (
            translate("MainWindow", "S&ession"),
            (
                (a.record, a.pause),
                (*a.markers, a.other_marker),
                a.lasting,
                (a.snapshot, a.blur),
                (a.open_session,),
            ),
        ),
        (translate("MainWindow", "&Playback"), (playback,)),
        (
            translate("MainWindow", "&View"),
            (
                (a.mirror, a.landmarks, a.head_axes),
                (a.follow_largest, a.name_face),
                layouts,
                panels,
            ),
        ),
        (
            translate("MainWindow", "&Help"),
            ((a.shortcuts, a.documentation), (a.privacy, a.notice), (a.report, a.about)),
        ),
    ):
        menu = QMenu(title, window)
        for group in groups:
            menu.addSeparator()
            menu.addActions(group)
        bar.addMenu(menu)
