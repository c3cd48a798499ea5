"""A place for a widget that may be higher than its room: small screens, large text."""

from typing import Final

from PyQt6.QtCore import QEvent, QObject, QSize, Qt
from PyQt6.QtWidgets import QFrame, QScrollArea, QWidget

_LEAST_EM: Final = 6  # lines that can be seen at least


class Scrolled(QScrollArea):
    """Shows a widget in its full width; scrolls where the height is short."""

    def __init__(self, widget: QWidget) -> None:
        """Take the widget."""
        super().__init__()
        self.setWidget(widget)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask for other room once the widget needs it: Qt's own area looks at it once."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

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
