"""A notice for the people in front of the camera: on the whole screen, or on paper."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PyQt6.QtGui import QTextDocument
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.window.theme import GRID_PX

if TYPE_CHECKING:
    from PyQt6.QtPrintSupport import QPrinter


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice in one language; never translated by the window's own language.

    Attributes:
        language: Its name, in itself.
        title: In large type.
        lines: Below it.
    """

    language: str
    title: str
    lines: tuple[str, ...]


NOTICES: Final = (
    Notice(
        "English",
        "Facial expressions are being read here",
        (
            "A program reads from the camera's picture which expression your face shows. It does "
            "not know what you feel, and it often errs.",
            "Whoever runs it has to tell you whether pictures or numbers are recorded, what for, "
            "for how long, and who can see them. Ask.",
            "You can say no. Regulation (EU) 2024/1689, Article 50(3); where data about you are "
            "kept, also Regulation (EU) 2016/679.",
        ),
    ),
    Notice(
        "Deutsch",
        "Hier werden Gesichtsausdrücke gelesen",
        (
            "Ein Programm liest aus dem Bild der Kamera, welchen Ausdruck Ihr Gesicht zeigt. Was "
            "Sie fühlen, weiß es nicht, und es irrt sich oft.",
            "Wer es einsetzt, muss Ihnen sagen, ob Bilder oder Zahlen aufgezeichnet werden, wofür, "
            "wie lange und wer sie sehen kann. Fragen Sie danach.",
            "Sie können Nein sagen. Verordnung (EU) 2024/1689, Artikel 50 Absatz 3; wo Daten über "
            "Sie bleiben, auch Verordnung (EU) 2016/679.",
        ),
    ),
    Notice(
        "Français",
        "Ici, les expressions du visage sont lues",
        (
            "Un programme lit dans l'image de la caméra quelle expression montre votre visage. Il "
            "ne sait pas ce que vous ressentez, et il se trompe souvent.",
            "La personne qui l'utilise doit vous dire si des images ou des chiffres sont "
            "enregistrés, dans quel but, pour combien de temps et qui peut les voir. Demandez-le.",
            "Vous pouvez refuser. Règlement (UE) 2024/1689, article 50, paragraphe 3 ; si des "
            "données vous concernant sont conservées, aussi règlement (UE) 2016/679.",
        ),
    ),
)


def as_html(notice: Notice, *, scale: float = 1.0) -> str:
    """Write a notice for the screen or for paper.

    Args:
        notice: It.
        scale: Of the type; 1 is for a sheet of A4.
    """
    lines = "".join(f'<p style="font-size:{20 * scale:.0f}pt">{line}</p>' for line in notice.lines)
    return f'<h1 style="font-size:{36 * scale:.0f}pt">{notice.title}</h1>{lines}'


class NoticeDialog(QDialog):
    """Shows the notice; Escape leaves the full screen, then the dialog."""

    def __init__(self, parent: QWidget) -> None:
        """Show it in English."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Notice for people in the picture"))
        self.text = QTextBrowser()
        self.text.setAccessibleName(self.tr("The notice"))
        self.languages = QComboBox()
        self.languages.setAccessibleName(self.tr("Language of the notice"))
        self.languages.addItems([notice.language for notice in NOTICES])
        self.languages.currentIndexChanged.connect(lambda _: self._show())
        self.full_button = QPushButton(self.tr("&Full screen"))
        self.full_button.clicked.connect(self.showFullScreen)
        self.print_button = QPushButton(self.tr("&Print…"))
        self.print_button.clicked.connect(self._ask_printer)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.languages)
        row.addStretch(1)
        for button in (self.full_button, self.print_button, close):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * GRID_PX] * 4)
        column.setSpacing(GRID_PX)
        column.addWidget(self.text, 1)
        column.addLayout(row)
        self.resize(min(840, parent.width()), min(640, parent.height()))
        self._show()

    @property
    def notice(self) -> Notice:
        """What is shown."""
        return NOTICES[self.languages.currentIndex()]

    def _show(self) -> None:
        self.text.setHtml(as_html(self.notice))

    def reject(self) -> None:
        """Leave the full screen; else close."""
        if self.isFullScreen():
            self.showNormal()
        else:
            super().reject()

    def _ask_printer(self) -> None:
        from PyQt6.QtPrintSupport import QPrintDialog, QPrinter  # asks the system for printers

        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        if QPrintDialog(printer, self).exec() == QDialog.DialogCode.Accepted:
            self.print_to(printer)

    def print_to(self, printer: "QPrinter") -> None:
        """Print the notice, or write it to the printer's file."""
        document = QTextDocument()
        document.setHtml(as_html(self.notice))
        document.print(printer)
