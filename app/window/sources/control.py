"""Opens and leaves sources, and says how they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtWidgets import QMainWindow

from app.live.state import LiveState
from app.session.controller import RecordingController
from app.sources.choice import Choice
from app.window.banner import Banner, Offer
from app.window.language import filled, said
from app.window.opening import Opened, meant_by
from app.window.picture.view import VideoView
from app.window.playback import Playback
from app.window.questions import may_end_recording
from app.window.runner import Runner
from app.window.settings.control import SettingsControl
from engine.analyze import AnalyzerConfig

SILENT_S: Final = 2.0  # a picture that is older is not of now,
SILENT_FRAMES: Final = 3  # if so many more should have come


@dataclass(frozen=True, slots=True)
class Stage:
    """What a source is shown on.

    Attributes:
        window: Owns the questions.
        view: The picture.
        trouble: The message over it.
        playback: The bar below it.
        live: What panels show.
    """

    window: QMainWindow
    view: VideoView
    trouble: Banner
    playback: Playback
    live: LiveState


class SourceControl(QObject):
    """Between the runner of sources and the window.

    Attributes:
        named: What is looked at: name, size and rate; empty for nothing.
        told: How the networks are; empty for nothing.
        changed: What panels show is to be drawn anew.
        choose_other: Lets the user choose another source.
    """

    named = pyqtSignal(str)
    told = pyqtSignal(str)
    changed = pyqtSignal()

    def __init__(
        self,
        stage: Stage,
        runner: Runner,
        controller: RecordingController,
        settings: SettingsControl,
    ) -> None:
        """Listen to the runner."""
        super().__init__(stage.window)
        self._stage, self._runner = stage, runner
        self._controller, self._settings = controller, settings
        self.choose_other: Callable[[], object] = bool
        self._silent = False
        runner.started.connect(self._started)
        runner.opened.connect(self._opened)
        runner.ready.connect(self._ready)
        runner.failed.connect(self._failed)
        runner.ended.connect(lambda: self.told.emit(self.tr("ended")))
        settings.anew.connect(self._begin_anew)

    @property
    def mirrored(self) -> bool:
        """True where left and right are swapped: a camera's picture is, if the user likes."""
        choice = self._runner.choice
        return self._settings.now.mirror and choice is not None and choice.kind == "camera"

    def open(self, choice: Choice) -> None:
        """Leave the source that runs, and show another; a recording is asked about first."""
        doing = self.tr("open {name}").format(name=said(choice.title))
        if not may_end_recording(self._stage.window, self._controller, doing):
            return
        self._controller.detach()
        self._clear()
        self._settings.remember(choice)
        self._stage.live.reset()
        self.changed.emit()
        self._runner.start(choice, self._analyzer(choice))

    def open_files(self, names: Sequence[str]) -> Opened:
        """Open the source that was dropped; give what else was meant."""
        meant = meant_by(names)
        if meant.choice is not None:
            self.open(meant.choice)
        return meant

    def close(self) -> None:
        """Leave the source; a recording is asked about first."""
        doing = self.tr("close the source")
        if not may_end_recording(self._stage.window, self._controller, doing):
            return
        self._runner.stop()
        self._controller.detach()
        self._stage.live.leave()
        self.changed.emit()
        self._clear()
        self.named.emit("")

    def ask_camera(self, wanted: Choice) -> None:
        """Run the camera anew, in another size or at another rate."""
        choice = self._runner.choice
        if choice is not None and choice.kind == "camera":
            self.open(replace(wanted, name=choice.name))

    def whole_from(self) -> int:
        """Leave out no frame of a file from now on.

        Returns:
            Index of the first of them; where a file is paused, that is the one on the screen.
        """
        worker, player = self._runner.worker, self._stage.playback.player
        first = 0 if worker is None else worker.keep_every(on=True)
        if player is not None and not player.playing and not player.ended:
            first = max(0, first - 1)
        return first

    def begin_anew_at_end(self) -> None:
        """Play a file that is at its end from its beginning; a recording of it runs already."""
        player = self._stage.playback.player
        if player is not None and player.ended:
            player.play()

    def keep_every(self, on: bool) -> None:
        """Leave out no frame of a file, or keep its pace again."""
        if (worker := self._runner.worker) is not None:
            worker.keep_every(on=on)

    def end_with_the_file(self) -> None:
        """End the recording of a file that has ended."""
        worker, player = self._runner.worker, self._stage.playback.player
        if worker is not None and player is not None and player.ended and worker.settled:
            self._controller.stop_at_end()

    def watch_signal(self) -> None:
        """Grey the picture of a live source that gives none, long before it counts as lost."""
        worker = self._runner.worker
        fps = None if worker is None or worker.info is None else worker.info.fps
        limit_s = max(SILENT_S, float(SILENT_FRAMES / fps) if fps else 0.0)
        silent = worker is not None and (worker.silent_s or 0.0) > limit_s
        if silent == self._silent:
            return
        self._silent = silent
        self._stage.view.set_stale(stale=silent)
        if silent:
            self._lose()

    def _analyzer(self, choice: Choice) -> AnalyzerConfig:
        """Give what analyses a source; one that can be moved in knows people by their looks."""
        moved = choice.kind == "file" and not choice.as_camera
        return replace(self._settings.now.analyzer(), relink=moved)

    def _begin_anew(self) -> None:
        """Run the source with other networks: other identities."""
        choice = self._stage.playback.as_it_is()
        self._stage.live.reset()
        if choice is not None:
            self._runner.start(choice, self._analyzer(choice))

    def _clear(self) -> None:
        self._stage.view.set_picture(None)
        self._found_again()
        self._stage.playback.hide()
        self.told.emit("")

    def _found_again(self) -> None:
        self._stage.view.set_stale(stale=False)
        self._stage.trouble.clear()

    def _lose(self) -> None:
        self._stage.live.lose_signal(datetime.now().astimezone())
        self.changed.emit()

    def _started(self) -> None:
        choice = self._runner.choice
        if choice is not None:
            self.named.emit(self.tr("Opening {name} …").format(name=said(choice.title)))

    def _opened(self) -> None:
        worker, choice = self._runner.worker, self._runner.choice
        if worker is None or worker.info is None or choice is None:
            return
        info = worker.info
        self._found_again()
        self._stage.view.set_look(self._settings.look(), mirrored=self.mirrored)
        words = self.tr("{name}: {width}x{height}")
        if info.fps is not None:
            words = self.tr("{name}: {width}x{height}, {rate:.4g} fps")
        rate = float(info.fps or 0)
        size = {"width": info.width, "height": info.height}
        self.named.emit(filled(words, name=said(choice.title), rate=rate, **size))
        if worker.device:  # it was lost and is back
            self._ready()
        else:
            self.told.emit(self.tr("loading the networks …"))
        self._stage.playback.show()
        self._controller.attach(info, self._analyzer(choice))

    def _ready(self) -> None:
        worker, live = self._runner.worker, self._stage.live
        if worker is not None:
            live.device, live.model = worker.device, self._settings.now.model
            self.told.emit(f"{live.model} · {worker.device}")

    def _failed(self, message: str, again: bool) -> None:
        other: Offer = (self.tr("Choose another"), self.choose_other)
        choice = self._runner.choice
        self._lose()
        if again:  # a recording goes on: the gap is part of it
            self._stage.view.set_stale(stale=True)
            waits = self.tr("Waiting for it to come back …")
            stop: Offer = (self.tr("Stop waiting"), self.close)
            self._stage.trouble.say(
                f"{message}\n{waits}", offers=(stop, other), tone="bad", closes=False
            )
            if choice is not None:
                self.named.emit(self.tr("Waiting for {name}").format(name=said(choice.title)))
            return
        self._clear()
        self.named.emit("")
        self._controller.detach(message)
        retry: tuple[Offer, ...] = ()
        if choice is not None:
            retry = ((self.tr("Retry"), lambda: self.open(choice)),)
        self._stage.trouble.say(message, offers=(*retry, other), tone="bad")
