"""A row of widgets that becomes several where its width is too small: no button is ever cut."""

from PyQt6.QtCore import QEvent, QRect, QSize, Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.window.theme import GRID_PX


class Flow(QWidget):
    """Holds widgets side by side, each as wide as it asks for, and goes on in the next row.

    It is no layout: items of one that is written in Python are freed twice at times.
    """

    def __init__(self, side: Qt.AlignmentFlag, parent: QWidget | None = None) -> None:
        """Make an empty one.

        Args:
            side: Where rows lie that are narrower than it: left, right or in the middle.
            parent: Owns it.
        """
        super().__init__(parent)
        self._side = side
        self._widgets: list[QWidget] = []
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def add(self, widget: QWidget) -> None:
        """Take one more."""
        widget.setParent(self)
        widget.show()
        self._widgets.append(widget)
        self.updateGeometry()

    def clear(self) -> None:
        """Let all go."""
        for widget in self._widgets:
            widget.hide()
            widget.deleteLater()
        self._widgets.clear()
        self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        """Say how high its rows are in a width."""
        return self._rows_in(width)[1]

    def sizeHint(self) -> QSize:
        """Ask for one row."""
        hints = [widget.sizeHint() for widget in self._shown()]
        gaps = GRID_PX * max(0, len(hints) - 1)
        height = max((hint.height() for hint in hints), default=0)
        return QSize(sum(hint.width() for hint in hints) + gaps, height)

    def minimumSizeHint(self) -> QSize:
        """Need the room of the widest."""
        size = QSize(0, 0)
        for widget in self._shown():
            size = size.expandedTo(widget.sizeHint())
        return size

    def event(self, event: QEvent | None) -> bool:
        """Find other places once one asks for other room, comes or goes."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._place()
            self.updateGeometry()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fill the rows anew."""
        super().resizeEvent(event)
        self._place()

    def _shown(self) -> list[QWidget]:
        return [widget for widget in self._widgets if not widget.isHidden()]

    def _place(self) -> None:
        for widget, place in self._rows_in(self.width())[0]:
            widget.setGeometry(place)

    def _rows_in(self, room: int) -> tuple[list[tuple[QWidget, QRect]], int]:
        """Fill rows of a width; give every widget's place, and the height of all."""
        rows: list[list[QWidget]] = []
        left = 0
        for widget in self._shown():
            width = widget.sizeHint().width()
            if not rows or left + width > room:
                rows.append([])
                left = 0
            rows[-1].append(widget)
            left += width + GRID_PX
        places, top = [], 0
        shares = {Qt.AlignmentFlag.AlignLeft: 0.0, Qt.AlignmentFlag.AlignRight: 1.0}
        for row in rows:
            hints = [widget.sizeHint() for widget in row]
            high = max(hint.height() for hint in hints)
            wide = sum(hint.width() for hint in hints) + GRID_PX * (len(row) - 1)
            x = round(max(0, room - wide) * shares.get(self._side, 0.5))
            for widget, hint in zip(row, hints, strict=True):
                y = top + (high - hint.height()) // 2
                places.append((widget, QRect(x, y, min(hint.width(), room), hint.height())))
                x += hint.width() + GRID_PX
            top += high + GRID_PX
        return places, max(0, top - GRID_PX)
