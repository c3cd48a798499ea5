"""A place for a widget that may be higher than its room: small screens, large text."""

from typing import Final

from PyQt6.QtCore import QEvent, QObject, QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFrame, QScrollArea, QWidget

_LEAST_EM: Final = 6  # lines that can be seen at least


class Scrolled(QScrollArea):
    """Shows a widget in its full width; scrolls where not even its least height has room.

    Qt's own area, where a text may wrap, scrolls as soon as what the widget asks for has none.
    """

    def __init__(self, widget: QWidget) -> None:
        """Take the widget."""
        super().__init__()
        self.setWidget(widget)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask for other room once the widget needs it: Qt's own area looks at it once."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the widget in."""
        self._fit()
        super().resizeEvent(event)

    def _fit(self) -> None:
        """Give the widget all the room, or what it needs at least."""
        widget, bar = self.widget(), self.verticalScrollBar()
        if widget is None or bar is None:
            return
        room = self.maximumViewportSize()
        width, height = room.width(), room.height()
        if _least_height(widget, width) > height:
            width -= bar.sizeHint().width()
        widget.resize(width, max(height, _least_height(widget, width)))

    def sizeHint(self) -> QSize:
        """Ask for what the widget asks for."""
        widget = self.widget()
        return super().sizeHint() if widget is None else widget.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Never be narrower than the widget may be, beside a bar."""
        widget, bar = self.widget(), self.verticalScrollBar()
        if widget is None or bar is None:
            return super().minimumSizeHint()
        least = widget.minimumSizeHint()
        height = min(least.height(), _LEAST_EM * self.fontMetrics().height())
        return QSize(least.width() + bar.sizeHint().width(), height)


def _least_height(widget: QWidget, width: int) -> int:
    layout = widget.layout()
    if layout is not None and layout.hasHeightForWidth():
        return layout.minimumHeightForWidth(width)
    return widget.minimumSizeHint().height()
