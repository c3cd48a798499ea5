"""What the main window offers in menus and by keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenu

from app.session.options import KEYS
from app.window.actions import action, actions


@dataclass(frozen=True, slots=True)
class MainActions:
    """The main window's actions, by name."""

    open_file: QAction = action("&Open file…", "Ctrl+O")
    open_folder: QAction = action("Open folder of &pictures…", "Ctrl+Shift+P")
    open_stream: QAction = action("Open &network stream…", "Ctrl+U")
    open_screen: QAction = action("&Capture part of the screen…", "Ctrl+Shift+G")
    open_session: QAction = action("Open &recording…", "Ctrl+Shift+O")
    close_source: QAction = action("&Close source", "Ctrl+W")
    quit: QAction = action("&Quit", "Ctrl+Q")
    record: QAction = action("&Record", "Ctrl+R")
    markers: tuple[QAction, ...] = actions({key: (key, key) for key in KEYS})
    other_marker: QAction = action("&Other marker…", "Ctrl+M")
    snapshot: QAction = action("&Snapshot", "Ctrl+Shift+S")
    play_pause: QAction = action("&Play or pause", "Space")
    step_back: QAction = action("Frame &before", ",")
    step_on: QAction = action("&Next frame", ".")
    back: QAction = action("&5 seconds back", "Left")
    forward: QAction = action("5 seconds &forward", "Right")
    mirror: QAction = action("&Mirror cameras", "M", checkable=True)
    landmarks: QAction = action("&Landmarks", "L", checkable=True)
    head_axes: QAction = action("&Head axes", "H", checkable=True)
    follow_largest: QAction = action("&Follow the largest face", "Esc")
    full_screen: QAction = action("F&ull screen", "F11", checkable=True)
    settings: QAction = action("&Settings…", "Ctrl+,")
    privacy: QAction = action("What the numbers &mean, and privacy", "F1")
    about: QAction = action("&About fer-live")


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
    for title, groups in (
        (
            window.tr("S&ession"),
            ((a.record,), (*a.markers, a.other_marker), (a.snapshot,), (a.open_session,)),
        ),
        (window.tr("&Playback"), ((a.play_pause, a.step_back, a.step_on, a.back, a.forward),)),
        (
            window.tr("&View"),
            ((a.mirror, a.landmarks, a.head_axes), (a.follow_largest, a.full_screen), panels),
        ),
        (window.tr("&Help"), ((a.privacy, a.about),)),
    ):
        menu = QMenu(title, window)
        for group in groups:
            menu.addSeparator()
            menu.addActions(group)
        bar.addMenu(menu)
