"""The sheet that gives a face a name and a colour, and the menu of a face in the picture."""

from collections.abc import Sequence
from typing import Final

from PyQt6.QtCore import QCoreApplication, QPoint, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from app.session.naming import COLOURS, LONGEST, NOBODY, NamedFace, NamedFaces
from app.window.language import colour_name
from app.window.panels.panel import label
from app.window.theme import GRID_PX, current_theme

_SWATCH_PX: Final = 16
_WIDTH_PX: Final = 420
_MOST: Final = 3  # faces that are listed beside a colour


class FaceSheet(QDialog):
    """Asks what a face is called and which colour it has; Return keeps it, Escape does not.

    Signals:
        chosen: This `NamedFace` was chosen for the face.
    """

    chosen = pyqtSignal(object)

    def __init__(
        self, face: int, named: NamedFaces, others: Sequence[int], parent: QWidget
    ) -> None:
        """Make the sheet.

        Args:
            face: Its id.
            named: What the faces are called now.
            others: Faces in the picture: which of them and of those with a name have a colour, is
                said beside it.
            parent: Owns the sheet.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Name and colour of face {n}").format(n=face))
        self._face = face
        now = named.of(face)
        self.name = QLineEdit(now.name)
        self.name.setMaxLength(LONGEST)
        self.name.setAccessibleName(self.tr("Name"))
        self.name.setPlaceholderText(self.tr("face {n}").format(n=face))
        self.colours = self._make_colours(named, sorted({*others, *named.faces} - {face}))
        self.colours.setCurrentIndex(self.colours.findData(now.colour))
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID_PX)
        form.setVerticalSpacing(GRID_PX)
        form.addRow(self.tr("&Name"), self.name)
        form.addRow(self.tr("&Colour"), self.colours)
        words = QLabel(
            self.tr(
                "The name is kept in recordings and shown in their videos and exports, over "
                "blurred faces too. Write a code where nobody is to be known by it."
            )
        )
        words.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addWidget(label(self.windowTitle(), "title"))
        column.addLayout(form)
        column.addWidget(words)
        column.addStretch(1)
        column.addWidget(buttons)
        self.name.selectAll()
        self.name.setFocus()
        self.ensurePolished()
        self.resize(_WIDTH_PX, column.totalHeightForWidth(_WIDTH_PX))

    def _make_colours(self, named: NamedFaces, others: Sequence[int]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(self.tr("Colour"))
        theme = current_theme()
        own = named.with_face(self._face, NOBODY).hue(self._face)
        box.addItem(_swatch(theme.face(own)), self.tr("that of its number"), None)
        for number, colour in enumerate(COLOURS, 1):
            words = colour_name(colour)
            having = [named.short(other) for other in others if _same(named.hue(other), number)]
            having[_MOST:] = ["…"] if len(having) > _MOST else []
            if having:
                words = self.tr("{colour} (as {faces})").format(
                    colour=words, faces=", ".join(having)
                )
            box.addItem(_swatch(theme.face(number)), words, colour)
        return box

    def accept(self) -> None:
        """Give what was chosen, and close."""
        named = NamedFace(name=self.name.text(), colour=self.colours.currentData())
        super().accept()
        self.chosen.emit(named)


def _same(one: int, other: int) -> bool:
    """Whether two numbers of faces have one colour."""
    return (one - other) % len(COLOURS) == 0


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(_SWATCH_PX, _SWATCH_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(current_theme().edge))
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(QRectF(pixmap.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    painter.end()
    return QIcon(pixmap)


def show_face_menu(view: QWidget, title: str, actions: Sequence[QAction], at: QPoint) -> None:
    """Show what can be done with a face of the picture.

    Args:
        view: The picture.
        title: Which face it is.
        actions: Of its window.
        at: On the screen.
    """
    menu = QMenu(view)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setAccessibleName(title)
    menu.addSection(title)
    menu.addActions(actions)
    menu.popup(at)


def face_words(named: NamedFaces, face: int) -> str:
    """Give a face's name, or its number in the user's language."""
    words = QCoreApplication.translate("FaceSheet", "face {n}")
    return named.of(face).name or words.format(n=face)
