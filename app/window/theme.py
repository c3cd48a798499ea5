"""Light and dark: the window's colours, one colour per face, and what plots are drawn with."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPalette, QPen
from PyQt6.QtWidgets import (
    QApplication,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QStyleOptionComplex,
    QWidget,
)

from app.session.palette import FACES, ON_LIGHT, RECORDING
from app.settings.settings import ThemeName


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours, each as ``#rrggbb``.

    Attributes:
        name: ``light`` or ``dark``.
        window: Behind everything.
        base: Of lists, fields and plots.
        raised: Of buttons, and of every second row.
        text: Words.
        muted: Words that matter less; still 4.5:1 on all grounds.
        border: Lines between parts.
        edge: Around fields and buttons; 3:1 on `window` and `base`.
        grid: Lines in plots.
        accent: Selection.
        focus: Around what has the keyboard's focus; 3:1 on all grounds.
        on_accent: Words on `accent`.
        bad: Words of an error.
        faces: By face, in turn; told apart with all common kinds of colour blindness.
    """

    name: str
    window: str
    base: str
    raised: str
    text: str
    muted: str
    border: str
    edge: str
    grid: str
    accent: str
    focus: str
    on_accent: str
    bad: str
    faces: tuple[str, ...]

    def face(self, face_id: int) -> str:
        """Give a face's colour: the one that the video's overlay gives it first."""
        return self.faces[(face_id - 1) % len(self.faces)]


DARK: Final = Theme(
    name="dark",
    window="#1e2024",
    base="#16181b",
    raised="#2a2d32",
    text="#e8e9eb",
    muted="#a9adb4",
    border="#3d4148",
    edge="#7d828b",
    grid="#34383e",
    accent="#2f6fb3",
    focus="#62adf6",
    on_accent="#ffffff",
    bad="#ff9d8f",
    faces=FACES,
)
LIGHT: Final = Theme(
    name="light",
    window="#f2f3f5",
    base="#ffffff",
    raised="#e7e9ec",
    text="#1b1d20",
    muted="#555a62",
    border="#c3c7cd",
    edge="#80858d",
    grid="#dcdfe3",
    accent="#1f5f9f",
    focus="#1f5f9f",
    on_accent="#ffffff",
    bad="#a3221a",
    faces=ON_LIGHT,
)
FOCUS_PX: Final = 2  # of the outline around what has the keyboard's focus
GRID_PX: Final = 8  # all gaps and margins are whole or half steps of it
TITLE: Final = 1.3  # size of titles, of the text's
ANSWER_PT: Final = 22.0  # what the followed face shows, at 100 % of the desktop's text
_EDGED: Final = ("QAbstractSpinBox", "QLineEdit", "QComboBox", "QAbstractButton")
_DARKER: Final = 1.4  # than the window's colour, as Fusion has it
_THEMES: Final[Mapping[str, Theme]] = {"light": LIGHT, "dark": DARK}


def current_theme() -> Theme:
    """Tell which theme the application wears; ask again in `changeEvent` on a PaletteChange."""
    ground = QApplication.palette().color(QPalette.ColorRole.Base)
    return DARK if ground.lightness() < 128 else LIGHT


def apply_theme(app: QApplication, name: ThemeName, text_size: int = 100) -> None:
    """Dress the whole application; ``system`` follows the desktop, also when that changes.

    Args:
        app: The application.
        name: Of the theme.
        text_size: Of all text, percent of the desktop's own.
    """
    follower = app.findChild(_Follower) or _Follower(app)
    follower.size_text(text_size)
    follower.choose(name)


def answer_pt(app: QApplication) -> float:
    """Give the size of the largest of the three sizes of type, points."""
    follower = app.findChild(_Follower)
    return ANSWER_PT * (1.0 if follower is None else follower.percent / 100)


def tabular(font: QFont) -> QFont:
    """Give a font whose figures have one width: a number that changes does not shake."""
    made = QFont(font)
    tag = QFont.Tag.fromString("tnum") if hasattr(QFont, "Tag") else None  # Qt 6.7
    if tag is not None:
        made.setFeature(tag, 1)
    return made


class _Outlined(QProxyStyle):
    """Draws a line around what the keyboard has led to: Fusion's own is hardly seen in the dark."""

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Outline tick boxes and tool buttons; leave all else to Fusion."""
        if element is QStyle.PrimitiveElement.PE_FrameFocusRect:
            _outline(option, painter)
        else:
            super().drawPrimitive(element, option, painter, widget)

    def drawControl(
        self,
        element: QStyle.ControlElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Outline buttons and tabs."""
        super().drawControl(element, option, painter, widget)
        kinds = QStyle.ControlElement
        if element in (kinds.CE_PushButton, kinds.CE_TabBarTab) and _focused(option):
            _outline(option, painter)

    def drawComplexControl(
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Outline sliders, lists and fields for numbers."""
        super().drawComplexControl(control, option, painter, widget)
        kinds = QStyle.ComplexControl
        outlined = (kinds.CC_Slider, kinds.CC_ComboBox, kinds.CC_SpinBox)
        if control in outlined and _focused(option):
            _outline(option, painter)


def _focused(option: QStyleOption | None) -> bool:
    return option is not None and bool(option.state & QStyle.StateFlag.State_HasFocus)


def _outline(option: QStyleOption | None, painter: QPainter | None) -> None:
    if option is None or painter is None:
        return
    if option.state & QStyle.StateFlag.State_KeyboardFocusChange:
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(current_theme().focus), FOCUS_PX))
        painter.drawRect(option.rect.adjusted(1, 1, -1, -1))
        painter.restore()


class _Follower(QObject):
    """Remembers the choice and answers the desktop's changes; a child of the application."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._font = QFont(app.font())
        self.percent = 100
        self._name: ThemeName = "system"
        app.setStyle(_Outlined("Fusion"))  # the same everywhere; it honours all roles of a palette
        hints = app.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._system_changed)

    def size_text(self, percent: int) -> None:
        font = tabular(self._font)
        font.setPointSizeF(self._font.pointSizeF() * percent / 100)
        self.percent = percent
        if font != self._app.font():
            self._app.setFont(font)

    def choose(self, name: ThemeName) -> None:
        self._name = name
        self._dress()

    def _system_changed(self) -> None:
        if self._name == "system":
            self._dress()

    def _dress(self) -> None:
        name = self._name if self._name != "system" else self._system()
        theme = _THEMES[name]
        with _no_collection():
            palette = palette_for(theme)
            self._app.setPalette(palette)
            edged = _with_edge(palette, theme)
            for kind in _EDGED:
                self._app.setPalette(edged, kind)
            self._app.setStyleSheet(_sheet(theme, self._app.font().pointSizeF()))

    def _system(self) -> str:
        hints = self._app.styleHints()
        dark = hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark
        return "dark" if dark else "light"


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold Python's collector back while Qt goes through a list of all widgets.

    Widgets that nobody uses any more would die in the middle of it, and Qt would go on with them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _with_edge(palette: QPalette, theme: Theme) -> QPalette:
    """Give the palette of widgets with an outline, which Fusion draws darker than the window."""
    edge, made = QColor(theme.edge), QPalette(palette)
    parts = (min(255, round(_DARKER * part)) for part in (edge.red(), edge.green(), edge.blue()))
    made.setColor(QPalette.ColorRole.Window, QColor(*parts))
    return made


def palette_for(theme: Theme) -> QPalette:
    """Give Qt's palette of a theme."""
    role = QPalette.ColorRole
    palette = QPalette()
    for where, colour in (
        (role.Window, theme.window),
        (role.WindowText, theme.text),
        (role.Base, theme.base),
        (role.AlternateBase, theme.window),
        (role.Text, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.bad),
        (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.text),
        (role.Mid, theme.border),
    ):
        palette.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, QColor(theme.muted))
    return palette


def _veiled(colour: str) -> str:
    """Give a colour that lets a sixth of what lies below through."""
    return f"#d8{colour[1:]}"


def _sheet(theme: Theme, text_pt: float) -> str:
    """Give the few rules that a palette cannot say."""
    return f"""
QToolTip {{ color: {theme.text}; background: {theme.raised}; border: 1px solid {theme.border};
    padding: 4px; }}
QDockWidget::title {{ background: {theme.raised}; padding: 4px 8px; }}
QLabel[role="muted"] {{ color: {theme.muted}; }}
QLabel[role="error"] {{ color: {theme.bad}; }}
QLabel[role="heading"] {{ font-weight: 600; }}
QLabel[role="title"] {{ font-weight: 600; font-size: {TITLE * text_pt:.1f}pt; }}
QLabel#veil {{ background: {_veiled(theme.window)}; color: {theme.text}; font-weight: 600; }}
QCheckBox::indicator:unchecked, QTableView::indicator:unchecked {{ width: 12px; height: 12px;
    background: {theme.base}; border: 1px solid {theme.muted}; border-radius: 2px; }}
QHeaderView::section {{ background: {theme.raised}; color: {theme.text}; border: none;
    border-right: 1px solid {theme.border}; padding: 4px 6px; }}
QGraphicsView, QTableView {{ border: 1px solid {theme.edge}; }}
QGraphicsView:focus, QTableView:focus {{ border: 1px solid {theme.focus}; }}
QTableView {{ gridline-color: {theme.grid}; }}
QFrame#session {{ background: {theme.raised}; border: none; }}
QFrame#session[recording="true"] {{ background: {RECORDING}; }}
QFrame#session[recording="true"] QLabel {{ color: #ffffff; }}
QToolBar {{ background: {theme.raised}; border: none; padding: 0px; spacing: 0px; }}
QFrame#banner {{ background: {theme.base}; border: 1px solid {theme.edge};
    border-left: 4px solid {theme.accent}; }}
QFrame#banner[tone="bad"] {{ border-left: 4px solid {theme.bad}; }}
QWidget#empty QLabel {{ color: #e8e9eb; }}
QWidget#empty QPushButton:flat {{ color: #e8e9eb; border: 1px solid transparent;
    padding: 4px 8px; text-decoration: underline; }}
QWidget#empty QPushButton:flat:focus, QWidget#empty QPushButton:flat:hover {{
    border: 1px solid #e8e9eb; }}
QWidget#empty QLabel[role="muted"] {{ color: #b9bdc4; }}
QLabel[role="chip"] {{ padding: 2px 8px; border: 1px solid {theme.muted}; border-radius: 9px; }}
QLabel[role="chip"][tone="warn"] {{ border: 1px solid {theme.bad}; color: {theme.bad};
    font-weight: 600; }}
QFrame#session[recording="true"] QLabel[role="chip"] {{ border-color: #ffffff; color: #ffffff; }}
"""
