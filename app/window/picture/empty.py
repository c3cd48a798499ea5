"""What stands where the picture will be: how to begin, and what happens to what is seen."""

from collections.abc import Sequence
from functools import partial

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.sources.choice import Choice
from app.window.flow import Flow
from app.window.language import said
from app.window.panels.panel import label
from app.window.picture.view import VideoView
from app.window.scrolled import Scrolled
from app.window.texts import literal, shortened, tip, without_marks
from app.window.theme import GRID_PX
from app.window.wrapped import Wrapped

_CAMERAS: int = 3  # that have a button; the menu has all
_SHOWN: int = 44  # characters of a source's name


class EmptyPicture(QWidget):
    """Buttons for the cameras, a file, a recording, and the sources that were opened last."""

    chosen = pyqtSignal(object)  # a `Choice`

    def __init__(self, actions: Sequence[QAction], parent: QWidget) -> None:
        """Make it.

        Args:
            actions: What opens something else than a camera.
            parent: What it lies in.
        """
        super().__init__(parent)
        self.setObjectName("empty")
        self.title = _centred_words(self.tr("Choose a source"), "title")
        self._cameras, others = (Flow(Qt.AlignmentFlag.AlignHCenter) for _ in range(2))
        self._recent = QGridLayout()
        self.recent_title = label(self.tr("Opened last"), "muted")
        self.line = _centred_words("", "muted")
        for action in actions:
            others.add(self._button(without_marks(action.text()), action.trigger))
        self.none = _centred_words(self.tr("No camera found; plug one in"), "muted")
        column = QVBoxLayout(self._inner())
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addStretch(1)
        column.addWidget(self.title)
        column.addWidget(self.none)
        for row in (self._cameras, others):
            column.addWidget(row)
        column.addWidget(self.recent_title, 0, Qt.AlignmentFlag.AlignHCenter)
        self._recent.setSpacing(GRID_PX // 2)
        column.addLayout(_centred(self._recent))
        column.addStretch(1)
        column.addWidget(self.line)
        self.show_cameras(())
        self.show_recent(())

    def _inner(self) -> QWidget:
        """Give what scrolls where there is no room: a small window, large text."""
        inner = QWidget()
        area = Scrolled(inner)
        for widget in (inner, area.viewport()):
            if widget is not None:
                widget.setAutoFillBackground(False)  # the picture's ground is seen
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        return inner

    def _button(self, text: str, act: object) -> QPushButton:
        button = QPushButton(literal(text))
        button.clicked.connect(lambda _: act() if callable(act) else None)
        return button

    def offer(
        self, view: VideoView, cameras: Sequence[tuple[str, Choice]], recent: Sequence[Choice]
    ) -> None:
        """Say how to begin, where there is no picture.

        Args:
            view: Shows the picture; takes the focus over from what goes.
            cameras: As in `show_cameras`.
            recent: As in `show_recent`.
        """
        there = view.picture is not None
        window = self.window()
        focused = None if window is None else window.focusWidget()
        had_focus = focused is not None and self.isAncestorOf(focused)
        self.setVisible(not there)
        if there and had_focus:
            view.setFocus()
        if not there:
            self.show_cameras(cameras)
            self.show_recent(recent)

    def show_cameras(self, cameras: Sequence[tuple[str, Choice]]) -> None:
        """Offer these cameras.

        Args:
            cameras: Their names, and what opens each.
        """
        self._cameras.clear()
        for name, choice in cameras[:_CAMERAS]:
            button = self._button(name, partial(self.chosen.emit, choice))
            self._cameras.add(button)
        self.none.setVisible(not cameras)
        self._cameras.setVisible(bool(cameras))

    def show_recent(self, choices: Sequence[Choice]) -> None:
        """Offer what was opened last."""
        _clear(self._recent)
        self.recent_title.setVisible(bool(choices))
        for place, choice in enumerate(choices):
            name = said(choice.title)
            shown = shortened(name, _SHOWN)
            button = self._button(shown, partial(self.chosen.emit, choice))
            button.setToolTip(tip(choice.name))
            button.setFlat(True)
            self._recent.addWidget(button, place, 0)
            button.show()

    def buttons(self) -> list[QPushButton]:
        """Give all buttons, in order of the keyboard's focus."""
        return [b for b in self.findChildren(QPushButton) if not b.isHidden()]


def _centred_words(text: str, role: str) -> Wrapped:
    made = Wrapped(text)
    made.setProperty("role", role)
    made.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return made


def _centred(inner: QGridLayout) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addStretch(1)
    row.addLayout(inner)
    row.addStretch(1)
    return row


def _clear(layout: QGridLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if isinstance(widget, QLabel | QPushButton):
            widget.hide()
            widget.deleteLater()
