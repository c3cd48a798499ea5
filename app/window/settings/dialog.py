"""The dialog that edits the settings; who opened it applies and keeps them."""

from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.settings.draft import Draft
from app.settings.models import listed, named, toggled
from app.settings.settings import Settings
from app.settings.speed import available_devices, measure_speed
from app.window.language import LANGUAGES
from app.window.panels.panel import label
from app.window.scrolled import Scrolled
from app.window.settings.fields import Page
from app.window.settings.keys import KeysPage
from app.window.settings.models import ModelList
from app.window.settings.speed import Measure, SpeedRow
from engine.networks.models import PRECISIONS
from engine.networks.runtime import DEVICES

_Button = QDialogButtonBox.StandardButton


class SettingsDialog(QDialog):
    """Pages of fields with OK, Apply, Cancel and Restore Defaults.

    Attributes:
        applied: Emitted with the new `Settings` on OK and Apply, if anything changed.
    """

    applied = pyqtSignal(object)

    def __init__(
        self,
        settings: Settings,
        parent: QWidget | None = None,
        *,
        recording: bool = False,
        devices: tuple[str, ...] | None = None,
        measure: Measure = measure_speed,
    ) -> None:
        """Make the dialog.

        Args:
            settings: What the fields show at first.
            parent: Owns the dialog.
            recording: A recording runs: what concerns it is shown and cannot be changed.
            devices: What this machine has; looked up if left out.
            measure: Measures the speed.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self._devices = devices if devices is not None else available_devices()
        self.draft = Draft(settings, self._devices)
        self.speed = SpeedRow(self.draft, measure)
        self.models = ModelList()
        self.models.table.ticked.connect(self._tick_model)
        self.keys = KeysPage(self.draft)
        forms = (
            self._analysis(),
            self._view(),
            self._recording(),
            self._outputs(),
            self._inputs(),
        )
        self.pages: tuple[Page | KeysPage, ...] = (*forms, self.keys)
        self.tabs = QTabWidget()
        self.tabs.setAccessibleName(self.tr("Groups of settings"))
        for page in self.pages:
            self.tabs.addTab(Scrolled(page) if page in forms else page, page.title)
            page.edited.connect(self._edited)
        self.buttons = self._make_buttons()
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        if recording:
            analysis, _, recordings, *_ = forms
            for locked in (analysis, recordings):
                locked.setEnabled(False)
            words = self.tr("A recording runs: analysis and recording can be changed after it.")
            layout.addWidget(label(words, "heading"))
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.buttons)
        self.resize(760, 560)
        self._show_state()

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(
            _Button.Ok | _Button.Apply | _Button.Cancel | _Button.RestoreDefaults
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.clicked.connect(self._clicked)
        return buttons

    def _analysis(self) -> Page:
        page = Page(self.tr("Analysis"), self.draft)
        page.file(
            "model",
            self.tr("Model"),
            self.tr("A model of this program, or the path of an .onnx or .fer file"),
            choices=[entry.model for entry in listed(self.draft.values["model"])],
            ask=lambda: self._ask_file(),
        )
        page.across(self.models)
        names = {"auto": self.tr("fastest that is here"), "cpu": self.tr("processor")}
        page.choice(
            "device",
            self.tr("Device"),
            self.tr("What the networks run on"),
            {d: f"{d} \N{EN DASH} {names[d]}" if d in names else d for d in DEVICES},
            missing={d: self.tr("not available here") for d in DEVICES if d not in self._devices},
        )
        page.choice(
            "precision",
            self.tr("Precision"),
            self.tr("int8 is faster on newer processors, at the same accuracy"),
            {p: self.tr("what is faster here") if p == "auto" else p for p in PRECISIONS},
        )
        page.wide(self.speed)
        page.integer(
            "detect_every",
            self.tr("Look for new faces every"),
            self.tr("Frames from one search to the next; faces are followed in between"),
            unit=self.tr(" frames"),
        )
        page.integer("max_faces", self.tr("Most faces"), self.tr("Faces followed at once"))
        page.integer(
            "min_face_px",
            self.tr("Smallest face"),
            self.tr("Shorter side of the box; smaller faces are left out"),
            unit=self.tr(" px"),
        )
        page.number(
            "smooth",
            self.tr("Smoothing"),
            self.tr("Time constant; 0 shows every frame by itself"),
            step=0.05,
            unit=self.tr(" s"),
        )
        page.number(
            "uncertain_below",
            self.tr("Uncertain below"),
            self.tr("Labels with less reliability than this, 0 to 1, are called uncertain"),
            step=0.05,
        )
        return page

    def _view(self) -> Page:
        page = Page(self.tr("View"), self.draft)
        page.choice(
            "language",
            self.tr("Language"),
            self.tr("Of the window; files, columns and logs stay English"),
            {"system": self.tr("as the system"), **LANGUAGES},
        )
        page.note(self.tr("Another language holds once the program is started again."))
        page.choice(
            "theme",
            self.tr("Theme"),
            self.tr("Colours of the window"),
            {
                "system": self.tr("as the desktop"),
                "light": self.tr("light"),
                "dark": self.tr("dark"),
            },
        )
        page.integer(
            "text_size",
            self.tr("Size of text"),
            self.tr("Percent of the desktop's own; larger on screens with many small pixels"),
            unit=self.tr(" %"),
        )
        page.tick("mirror", self.tr("Show cameras as a mirror does"))
        page.tick("landmarks", self.tr("Draw the 68 landmarks"))
        page.tick("head_axes", self.tr("Draw where heads point"))
        return page

    def _recording(self) -> Page:
        page = Page(self.tr("Recording"), self.draft)
        page.file(
            "recording_folder",
            self.tr("Folder"),
            self.tr("Every recording becomes a folder in this one"),
            ask=lambda: QFileDialog.getExistingDirectory(self, self.tr("Folder of recordings")),
            convert=Path,
        )
        page.tick("timeline", self.tr("Draw strip of valence and class bars into videos"))
        page.tick("blur", self.tr("Blur faces"))
        page.tick("blur_whole", self.tr("Whole picture when unsure"))
        page.integer(
            "part_minutes",
            self.tr("Other files after"),
            self.tr("A recording that lasts longer goes on in other files; review joins them"),
            unit=self.tr(" min"),
        )
        page.number(
            "part_gb",
            self.tr("Or once larger than"),
            self.tr("So does one whose video is larger; sticks and cards with FAT32 take 4 GB"),
            step=0.5,
            unit=self.tr(" GB"),
        )
        page.note(
            self.tr(
                "Nothing is recorded until you press Record. Rows of numbers are never blurred: "
                "they hold what was read, not pictures."
            )
        )
        return page

    def _outputs(self) -> Page:
        page = Page(self.tr("Outputs"), self.draft)
        page.note(
            self.tr(
                "Outputs send numbers, never pictures, to other programs. All are off unless you "
                "turn them on; 127.0.0.1 is this machine."
            )
        )
        outputs = {"osc": self.tr("Send OSC messages"), "udp": self.tr("Send JSON in UDP packets")}
        for name, words in outputs.items():
            title = name.upper()
            page.tick(name, words)
            page.text(f"{name}_host", self.tr("{0} host").format(title), needs=name)
            page.integer(
                f"{name}_port", self.tr("{0} port").format(title), "", needs=name, grouped=False
            )
        page.tick("lsl", self.tr("Offer a Lab Streaming Layer stream"))
        page.text("lsl_name", self.tr("LSL stream name"), needs="lsl")
        page.tick("lsl_network", self.tr("Announce it on the local network too"))
        page.note(
            self.tr(
                "Else the stream is announced on this machine only. The first choice counts until "
                "the program is closed."
            )
        )
        return page

    def _inputs(self) -> Page:
        page = Page(self.tr("Markers"), self.draft)
        page.note(
            self.tr(
                "Texts that experiment software sends become markers of the recording that runs. "
                "Off unless you turn it on; 127.0.0.1 hears this machine alone, 0.0.0.0 every "
                "machine that reaches this one."
            )
        )
        page.tick("hear_udp", self.tr("Hear markers by UDP"))
        page.text("hear_udp_host", self.tr("Listen at"), needs="hear_udp")
        page.integer("hear_udp_port", self.tr("Port"), "", needs="hear_udp", grouped=False)
        page.tick("hear_lsl", self.tr("Hear markers of a Lab Streaming Layer stream"))
        page.text("hear_lsl_stream", self.tr("Name of the stream"), needs="hear_lsl")
        page.note(
            self.tr(
                "It is looked for on this machine, and on the local network where that is "
                "ticked for the outputs' own stream."
            )
        )
        return page

    def _tick_model(self, name: str) -> None:
        self.draft.values["model"] = toggled(self.draft.values["model"], name)
        self.pages[0].show_values()
        self._edited()

    def _ask_file(self) -> str:
        kinds = self.tr("Models (*.onnx *.fer)")
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Model"), "", kinds)
        return name

    def take(self, settings: Settings) -> None:
        """Show these settings: what holds, where what was applied was not agreed to."""
        self.draft.take(settings)
        for page in self.pages:
            page.show_values()
        self._edited()

    def _edited(self) -> None:
        self.speed.forget()
        self._show_state()

    def _show_state(self) -> None:
        """Show what is wrong beside its field, and which buttons make sense."""
        found = self.draft.problems() | self.keys.problems()
        model = self.draft.values["model"]
        self.models.table.show_entries(listed(model), named(model))
        for index, page in enumerate(self.pages):
            wrong = page.show_problems(found)
            mark = self.tr("{0} (!)").format(page.title) if wrong else page.title
            self.tabs.setTabText(index, mark)
        for kind, enabled in (
            (_Button.Ok, not found),
            (_Button.Apply, not found and self.draft.changed),
        ):
            if (button := self.buttons.button(kind)) is not None:
                button.setEnabled(enabled)
        self.speed.set_possible(possible=not {"model", "device"} & set(found))

    def _clicked(self, button: QAbstractButton) -> None:
        kind = self.buttons.standardButton(button)
        if kind == _Button.Apply:
            self._apply()
        elif kind == _Button.RestoreDefaults:
            self.draft.restore_defaults()
            for page in self.pages:
                page.show_values()
            self._edited()

    def _apply(self) -> None:
        if self.draft.changed:
            self.applied.emit(self.draft.apply())
        self._show_state()

    def accept(self) -> None:
        """Apply and close."""
        self._apply()
        super().accept()

    def done(self, result: int) -> None:
        """Close, however it happens; a measurement is stopped."""
        self.speed.stop()
        super().done(result)
