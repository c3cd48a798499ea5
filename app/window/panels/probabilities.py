"""Bars of the classes for the face that is shown."""

from typing import Final

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.live.readout import Readout, Standing, readout
from app.live.state import LiveState
from app.window.language import class_name, filled
from app.window.panels.panel import MARGIN, Panel, chip_font, draw_chip, draw_focus, growing, label
from app.window.texts import tip
from app.window.theme import ANSWER_PT, GRID_PX, Theme, answer_pt, current_theme

_ROW: Final = 1.9  # heights of the text
_MOST_PX: Final = 34  # of a row
_NAME_EM: Final = 6  # of a face's name, heights of the text


class ProbabilitiesPanel(Panel):
    """What the selected or largest face shows, as numbers and bars."""

    every_s = 0.1  # numbers that change faster cannot be read

    def __init__(self, uncertain_below: float = 0.3, parent: QWidget | None = None) -> None:
        """Make the panel.

        Args:
            uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
            parent: Owns the widget.
        """
        super().__init__(parent)
        self.uncertain_below = uncertain_below
        self.setAccessibleName(self.tr("Class probabilities"))
        self.chip = _Chip()
        self.headline = Answer()
        self.word = label("", "chip")
        self.note = label("", "muted")
        self.note.setWordWrap(True)
        self.bars = Bars()
        head = QHBoxLayout()
        head.setSpacing(GRID_PX)
        head.addWidget(self.chip)
        head.addWidget(self.headline, 1)
        below = QHBoxLayout()
        below.setSpacing(GRID_PX)
        below.addWidget(self.word)
        below.addWidget(self.note, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(GRID_PX // 2)
        layout.addLayout(head)
        layout.addLayout(below)
        layout.addWidget(self.bars, 1)
        self._show(Readout(Standing.NONE))

    def show_state(self, live: LiveState) -> None:
        """Show the face that the state is about."""
        self._show(readout(live, self.uncertain_below))

    def _show(self, read: Readout) -> None:
        self.chip.show_face(read, self.theme)
        self.headline.setText(self._headline(read))
        self.note.setText(self._note(read))
        unsure = read.unsure
        words = self.tr("unsure") if unsure else self.tr("sure")
        known = bool(read.label) and read.standing in (Standing.CERTAIN, Standing.UNCERTAIN)
        self.word.setText(words if known else "")
        self.word.setVisible(known)
        if self.word.property("tone") != (tone := "warn" if unsure else "good"):
            self.word.setProperty("tone", tone)
            if (style := self.style()) is not None:
                style.unpolish(self.word)
                style.polish(self.word)
        self.bars.show_readout(read)
        self._read = read

    def restyle(self) -> None:
        """Take over the theme's colours."""
        self.chip.show_face(self._read, self.theme)
        self.bars.update()

    def _headline(self, read: Readout) -> str:
        if read.standing is Standing.NONE:
            return self.tr("No face")
        if read.standing is Standing.AWAY:
            return self.tr("Not in the picture")
        if not read.label:
            return self.tr("No expressions")
        return self.tr("{0} {1} %").format(class_name(read.label).capitalize(), read.top)

    def _note(self, read: Readout) -> str:
        if read.standing is Standing.NONE:
            return self.tr("Bars appear as soon as a face is found.")
        if read.standing is Standing.AWAY:
            return self.tr("It stays selected until it returns.")
        which = self.tr("Selected face") if read.chosen else self.tr("Largest face")
        if not read.label:
            words = self.tr("{0} \N{MIDDLE DOT} the model knows valence and arousal only")
            return words.format(which)
        words = self.tr("{0} \N{MIDDLE DOT} reliability {1:.2f}")
        return filled(words, which, read.reliability)


class Answer(QWidget):
    """The largest words of the window, 22 points where they fit."""

    def __init__(self) -> None:
        """Make it, empty."""
        super().__init__()
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """Give what it says."""
        return self._text

    def setText(self, text: str) -> None:
        """Say something else."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:
        """Ask for one line."""
        metrics = QFontMetrics(self._font(1.0))
        return QSize(metrics.horizontalAdvance(self._text), metrics.height())

    def minimumSizeHint(self) -> QSize:
        """Let it be narrow: the words shrink."""
        return QSize(0, QFontMetrics(self._font(1.0)).height())

    def _font(self, share: float) -> QFont:
        app = QApplication.instance()
        size = answer_pt(app) if isinstance(app, QApplication) else ANSWER_PT
        font = QFont(self.font())
        font.setPointSizeF(share * size)
        font.setBold(True)
        return font

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the words, smaller where they would not fit."""
        painter = QPainter(self)
        wide = max(1, QFontMetrics(self._font(1.0)).horizontalAdvance(self._text))
        painter.setFont(self._font(min(1.0, 0.98 * self.width() / wide)))
        painter.setPen(QColor(current_theme().text))
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect(), middle, self._text)


class _Chip(QWidget):
    """A face's name or number on its colour."""

    def __init__(self) -> None:
        super().__init__()
        self._text, self._colour = "", ""
        self.hide()
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(chip_font(self.font()))
        words = max(metrics.horizontalAdvance(text) for text in ("000", self._text))
        return QSize(words + 6, metrics.height() + 6)

    def show_face(self, read: Readout, theme: Theme) -> None:
        name = read.named.name or ("" if read.face_id is None else str(read.face_id))
        metrics = QFontMetrics(chip_font(self.font()))
        room = _NAME_EM * metrics.height()
        text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
        colour = theme.face(read.hue) if text else ""
        if (text, colour) != (self._text, self._colour):
            self._text, self._colour = text, colour
            self.setVisible(bool(text))
            self.setFixedSize(self.sizeHint())
            self.setAccessibleName(self.tr("Face {0}").format(name))
            self.setToolTip(tip(name) if text != name else "")
            self.update()

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self.setFixedSize(self.sizeHint())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        if self._text:
            draw_chip(QPainter(self), QRectF(self.rect()), self._text, self._colour)


class Bars(QWidget):
    """A row of name, bar and percent for each class; dashed and a word where it is uncertain."""

    def __init__(self) -> None:
        """Make empty bars."""
        super().__init__()
        self._read = Readout(Standing.NONE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Probability of each class"))
        growing(self)

    def show_readout(self, read: Readout) -> None:
        """Show a face's numbers."""
        if read == self._read:
            return
        if read.labels != self._read.labels:
            self.updateGeometry()
        self._read = read
        self.setAccessibleDescription(self.spoken())
        self.update()

    def spoken(self) -> str:
        """Say all numbers in words, the most probable class first."""
        if not self._read.percent:
            return self.tr("no numbers")
        pairs = sorted(zip(self._read.percent, self._read.labels, strict=True), reverse=True)
        return ", ".join(f"{class_name(name)} {percent} %" for percent, name in pairs)

    def minimumSizeHint(self) -> QSize:
        """Keep every row readable."""
        height = self.fontMetrics().height() + 1
        return QSize(190, height * len(self._read.labels) + 4)

    def sizeHint(self) -> QSize:
        """Ask for airy rows."""
        return QSize(280, round(_ROW * self.fontMetrics().height()) * len(self._read.labels) + 4)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the rows."""
        painter, labels = QPainter(self), self._read.labels
        strong = QFont(self.font())
        strong.setBold(True)
        bold = QFontMetrics(strong)
        widths = (bold.horizontalAdvance(class_name(name)) for name in labels)
        names = max(widths, default=0) + 10
        number = bold.horizontalAdvance("100 %") + 8
        row = min(self.height() / max(1, len(labels)), _MOST_PX)
        left = 6.0
        for index, name in enumerate(labels):
            rect = QRectF(left, index * row, self.width() - 2 * left, row)
            self._draw_row(painter, rect, name, names, number)
        draw_focus(self, painter, current_theme())

    def _draw_row(
        self, painter: QPainter, rect: QRectF, name: str, names: int, number: int
    ) -> None:
        theme, read = current_theme(), self._read
        percent = read.percent[read.labels.index(name)] if read.percent else None
        top = name == read.label
        font = painter.font()
        font.setBold(top)
        painter.setFont(font)
        painter.setPen(QColor(theme.text if top else theme.muted))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect, middle | Qt.AlignmentFlag.AlignLeft, class_name(name))
        bar = rect.adjusted(names, 0, -number, 0)
        height = min(12.0, rect.height() - 6)
        bar = QRectF(bar.x(), rect.center().y() - height / 2, bar.width(), height)
        painter.fillRect(bar, QColor(theme.raised))
        if percent is None:
            return
        text = f"{percent} %"
        painter.drawText(rect, middle | Qt.AlignmentFlag.AlignRight, text)
        self._draw_bar(painter, bar, percent, top=top)

    def _draw_bar(self, painter: QPainter, track: QRectF, percent: int, *, top: bool) -> None:
        theme, read = current_theme(), self._read
        bar = QRectF(track)
        bar.setWidth(track.width() * percent / 100)
        colour = QColor(theme.face(read.hue)) if top else QColor(theme.muted)
        if not top or read.standing is not Standing.UNCERTAIN:
            painter.fillRect(bar, colour)
            return
        painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
        painter.drawRect(bar.adjusted(1, 1, -1, -1))
