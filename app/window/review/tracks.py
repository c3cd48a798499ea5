"""The table of tracks, and what corrects them."""

from collections.abc import Sequence
from typing import Any, Final

from PyQt6.QtCore import (
    QT_TRANSLATE_NOOP,
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import QColor, QPixmap
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.session.naming import NAMELESS, NamedFaces
from app.session.palette import face_colour
from app.session.review import TrackSummary
from app.window.language import class_name, filled, percent, said
from app.window.review.controller import Abilities, Stretch
from app.window.texts import tip
from engine.labels import EXPRESSIONS

COLUMNS: Final = (
    QT_TRANSLATE_NOOP("TrackModel", "face"),
    QT_TRANSLATE_NOOP("TrackModel", "seen"),
    QT_TRANSLATE_NOOP("TrackModel", "most"),
    QT_TRANSLATE_NOOP("TrackModel", "valence"),
    QT_TRANSLATE_NOOP("TrackModel", "arousal"),
    QT_TRANSLATE_NOOP("TrackModel", "corrected"),
)
_SWATCH_PX: Final = 12
_MOST_EM: Final = 12  # of a column, heights of the text: names may be long
_NONE: Final = QModelIndex()


class TrackModel(QAbstractTableModel):
    """One row for each face that is left."""

    def __init__(self, parent: QWidget) -> None:
        """Start empty."""
        super().__init__(parent)
        self.tracks: list[TrackSummary] = []
        self._named = NAMELESS

    def show(self, tracks: list[TrackSummary], named: NamedFaces = NAMELESS) -> None:
        """Show these tracks instead, with what they are called."""
        self.beginResetModel()
        self.tracks, self._named = tracks, named
        self.endResetModel()

    def row_of(self, face: int | None) -> int:
        """Give the row of a face; -1 if it is not there."""
        rows = [row for row, track in enumerate(self.tracks) if track.face.id == face]
        return rows[0] if rows else -1

    def rowCount(self, parent: QModelIndex = _NONE) -> int:
        """Count the tracks."""
        return 0 if parent.isValid() else len(self.tracks)

    def columnCount(self, parent: QModelIndex = _NONE) -> int:
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - a QVariant
        """Give what a cell shows."""
        track = self.tracks[index.row()]
        column = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(track, column)
        if role == Qt.ItemDataRole.DecorationRole and column == "face":
            swatch = QPixmap(_SWATCH_PX, _SWATCH_PX)
            swatch.fill(QColor(face_colour(self._named.hue(track.face.id))))
            return swatch
        if role == Qt.ItemDataRole.TextAlignmentRole and column not in ("face", "most"):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._shares(track)
        return None

    def _text(self, track: TrackSummary, column: str) -> str:
        face = track.face
        label = face.label
        texts = {
            "face": self._named.short(face.id),
            "seen": filled(self.tr("{0:.1f} s"), face.seen_s),
            "most": f"{class_name(label)} {percent(face.shares[label])}" if label else "",
            "valence": "" if face.valence is None else filled("{0:+.2f}", face.valence),
            "arousal": "" if face.arousal is None else filled("{0:+.2f}", face.arousal),
            "corrected": str(track.corrected) if track.corrected else "",
        }
        return texts[column]

    def _shares(self, track: TrackSummary) -> str:
        shares = sorted(track.face.shares.items(), key=lambda pair: -pair[1])
        return "\n".join(
            f"{class_name(label)} {percent(share)}" for label, share in shares if share > 0.005
        )

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:  # noqa: ANN401 - a QVariant
        """Give the columns' names."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self.tr(COLUMNS[section])
        return None


class TracksPanel(QWidget):
    """The table, and buttons that correct the chosen track.

    Signals:
        face_chosen: A row was chosen; its face.
        label_wanted: The chosen span shall have this label.
        delete_wanted: The chosen track shall go.
        undo_wanted: The last correction shall be taken back.
    """

    face_chosen = pyqtSignal(int)
    label_wanted = pyqtSignal(str)
    delete_wanted = pyqtSignal()
    undo_wanted = pyqtSignal()

    def __init__(self, merge_menu: QMenu) -> None:
        """Lay it out; the menu lists what the chosen track may be merged into."""
        super().__init__()
        self.tracks = TrackModel(self)
        self._shown: tuple[int | None, Stretch | None, str] = (None, None, "")
        self.table = self._build_table()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 0, 0)
        column.addWidget(self.table, 1)
        self.span_label = QLabel()
        column.addWidget(self.span_label)
        column.addLayout(self._build_label_row())
        column.addLayout(self._build_track_row(merge_menu))

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.tracks)
        table.setAccessibleName(self.tr("Tracks"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        header, rows = table.horizontalHeader(), table.verticalHeader()
        if header is not None and rows is not None:
            header.setMaximumSectionSize(_MOST_EM * table.fontMetrics().height())
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setStretchLastSection(True)
            rows.hide()
        chosen = table.selectionModel()
        if chosen is not None:
            chosen.currentRowChanged.connect(self._choose_row)
        return table

    def _build_label_row(self) -> QHBoxLayout:
        self.label_box = QComboBox()
        self.show_labels(EXPRESSIONS)
        self.label_box.setAccessibleName(self.tr("New label"))
        self.label_button = QPushButton(self.tr("Set label"))
        self.label_button.clicked.connect(
            lambda _: self.label_wanted.emit(self.label_box.currentData())
        )
        row = QHBoxLayout()
        row.addWidget(self.label_box, 1)
        row.addWidget(self.label_button)
        return row

    def _build_track_row(self, merge_menu: QMenu) -> QHBoxLayout:
        self.delete_button = QPushButton(self.tr("Delete track"))
        self.delete_button.clicked.connect(lambda _: self.delete_wanted.emit())
        self.merge_button = QPushButton(self.tr("Merge into"))
        self.merge_button.setMenu(merge_menu)
        self.undo_button = QPushButton(self.tr("Undo"))
        self.undo_button.clicked.connect(lambda _: self.undo_wanted.emit())
        row = QHBoxLayout()
        for button in (self.delete_button, self.merge_button, self.undo_button):
            row.addWidget(button)
        return row

    def _choose_row(self, index: QModelIndex) -> None:
        if index.isValid():
            self.face_chosen.emit(self.tracks.tracks[index.row()].face.id)

    def show_choice(self, face: int | None, span: Stretch | None, label: str = "") -> None:
        """Show which track and which span are chosen, and the span's label; tells nobody."""
        if (face, span, label) != self._shown:
            self._shown = (face, span, label)
            if (place := self.label_box.findData(label)) >= 0:
                self.label_box.setCurrentIndex(place)
        row, chosen = self.tracks.row_of(face), self.table.selectionModel()
        words = self.tr("none; click a band")
        if span:
            words = filled(self.tr("{0:.2f} s to {1:.2f} s"), *span)
        self.span_label.setText(self.tr("Span: {span}").format(span=words))
        if chosen is None or (row >= 0 and chosen.currentIndex().row() == row):
            return
        flags = QItemSelectionModel.SelectionFlag
        chosen.blockSignals(True)
        chosen.setCurrentIndex(self.tracks.index(row, 0), flags.ClearAndSelect | flags.Rows)
        chosen.blockSignals(False)
        viewport = self.table.viewport()
        if viewport is not None:
            viewport.update()

    def show_labels(self, labels: Sequence[str]) -> None:
        """Offer these labels; the one that is chosen stays so."""
        known = [self.label_box.itemData(at) for at in range(self.label_box.count())]
        if known != list(labels):
            self.label_box.clear()
            for label in labels:
                self.label_box.addItem(class_name(label), label)

    def show_abilities(self, can: Abilities) -> None:
        """Show what can be done now."""
        self.label_button.setEnabled(can.label)
        self.delete_button.setEnabled(can.delete)
        self.merge_button.setEnabled(bool(can.merge))
        self.undo_button.setEnabled(bool(can.undo))
        self.undo_button.setToolTip(tip(said(can.undo)))
