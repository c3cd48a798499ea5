"""`python -m scripts.benches.review`: how long the review of a long recording blocks its window.

Makes records of faces whose labels change every few seconds, opens them, does what a user does, and
prints a Markdown table: for each action the longest event of the window's thread.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PyQt6.QtCore import QTimer

from app.window.desktop import destroy, settle
from app.window.qt_needs import make_application
from app.window.review.window import ReviewWindow
from app.window.theme import apply_theme
from engine.command import Parser, count, libraries, run_command
from engine.errors import ConfigError, FerError
from engine.labels import EXPRESSIONS
from engine.record import open_records
from engine.types import Analysis, Frame, Prediction, Track
from scripts.benches.window import BLOCKED_MS, TimedApplication

PROGRAM: Final = "scripts.benches.review"
FPS: Final = 30
LABEL_S: Final = 2.0  # how long a label lasts, the mean
PAUSE_MS: Final = 400  # between two actions: what the first one drew is on the screen
PLAYED: Final = 12  # pauses that the recording plays for


@dataclass(frozen=True, slots=True)
class LongestEvent:
    """What one action cost the window's thread.

    Attributes:
        action: Its name.
        wall_ms: Its longest event.
        busy_ms: The processor's part of that.
    """

    action: str
    wall_ms: float
    busy_ms: float


def write_recording(path: Path, minutes: float, faces: int) -> None:
    """Write records of faces that are there all the time, 30 frames a second, same every time."""
    random = np.random.default_rng(5)
    image = np.zeros((1, 1, 3), np.uint8)
    labels = random.integers(len(EXPRESSIONS), size=faces)
    walk = np.zeros((faces, 2))
    points = np.zeros((68, 2), np.float32)
    with closing(open_records(path, landmarks=False, overwrite=False)) as records:
        for index in range(round(60 * FPS * minutes)):
            changes = random.random(faces) < 1 / (FPS * LABEL_S)
            labels = np.where(changes, random.integers(len(EXPRESSIONS), size=faces), labels)
            walk = np.clip(walk + random.normal(0, 0.02, (faces, 2)), -1, 1)
            tracks, predictions = [], []
            for face in range(faces):
                shares = np.full(len(EXPRESSIONS), 0.05, np.float32)
                shares[labels[face]] = 0.65
                box = np.array([300 * face, 200, 300 * face + 200, 440], np.float32)
                valence, arousal = walk[face].tolist()
                tracks.append(Track(face + 1, box, points, 0.9))
                predictions.append(Prediction(face + 1, shares, valence, arousal, 0.7))
            frame = Frame(index, index / FPS, image)
            records.write(Analysis(frame, tuple(tracks), tuple(predictions), {}))


class _Run:
    """The actions, one after the other, and what each cost."""

    def __init__(self, app: TimedApplication, path: Path, pause_ms: int) -> None:
        self.app, self.path, self._pause_ms = app, path, pause_ms
        self.found: list[LongestEvent] = []
        self.failure = ""
        self.window = ReviewWindow()
        self.window.resize(1280, 800)
        self._steps = self._actions()
        self._action = ""
        self._worst = (0.0, 0.0)
        app.told = self._event

    def start(self) -> None:
        self.window.show()
        QTimer.singleShot(self._pause_ms, self._next)

    def _event(self, wall_ms: float, busy_ms: float) -> None:
        self._worst = max(self._worst, (wall_ms, busy_ms))

    def _next(self) -> None:
        """Note the action before, and begin the next one as an event of its own."""
        if self._action:
            self.found.append(LongestEvent(self._action, *self._worst))
        try:
            self._action, act, pauses = next(self._steps)
        except StopIteration:
            self.app.told = None
            self.app.quit()
            return
        self._worst = (0.0, 0.0)
        QTimer.singleShot(0, act)
        QTimer.singleShot(pauses * self._pause_ms, self._next)

    def _actions(self) -> Iterator[tuple[str, Callable[[], object], int]]:
        window, acts, control = self.window, self.window.actions_, self.window.controller
        yield "open", lambda: window.open(self.path), 1
        until_s = time.monotonic() + 60
        while control.review is None and time.monotonic() < until_s:
            yield "open", lambda: None, 1
        if control.review is None:
            self.failure = control.message or "the recording did not open within a minute"
            return
        yield "choose a face", lambda: window.side.face_chosen.emit(1), 1
        middle_s = control.duration_s / 2
        yield "to the middle", lambda: window.timelines.time_chosen.emit(middle_s), 1
        yield "choose the span here", acts.span_here.trigger, 1
        yield "another label", acts.labels[4].trigger, 1
        yield "undo", acts.undo.trigger, 1
        yield "redo", acts.redo.trigger, 1
        yield "delete the span", acts.delete_span.trigger, 1
        yield "undo", acts.undo.trigger, 1
        yield "delete the track", acts.delete.trigger, 1
        yield "undo", acts.undo.trigger, 1
        for _ in range(6):
            yield "zoom in", acts.zoom_in.trigger, 1
        for _ in range(6):
            yield "zoom out", acts.zoom_out.trigger, 1
        yield "play", acts.play.trigger, PLAYED


def measure(minutes: float, faces: int, pause_ms: int = PAUSE_MS) -> list[LongestEvent]:
    """Open the window, do what users do, close it; give the worst of each action.

    Raises:
        FerError: It could not be measured.
    """
    app = make_application(PROGRAM, TimedApplication)
    apply_theme(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.csv"
        write_recording(path, minutes, faces)
        run = _Run(app, path, pause_ms)
        run.start()
        settle()
        app.exec()
        run.window.close()
        destroy(run.window)
    if run.failure:
        raise FerError(run.failure)
    return worst(run.found)


def worst(found: Sequence[LongestEvent]) -> list[LongestEvent]:
    """Keep the longest event of each action, in the order in which they were first done."""
    longest: dict[str, LongestEvent] = {}
    for blocked in found:
        before = longest.get(blocked.action)
        if before is None or blocked.wall_ms > before.wall_ms:
            longest[blocked.action] = blocked
    return list(longest.values())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command(PROGRAM, _measure, argv, extra="app")


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog=f"python -m {PROGRAM}", version=libraries("PyQt6"), description=__doc__)
    add = parse.add_argument
    add("--minutes", type=float, default=30.0, help="length of the recording (30)")
    add("--faces", type=count, default=2, metavar="N", help="in the picture, 1 to 8 (2)")
    add("--pause", type=count, default=PAUSE_MS, metavar="MS", help=f"of actions ({PAUSE_MS})")
    options = parse.parse_args(argv)
    if not (0 < options.minutes <= 240 and options.faces <= 8):
        raise ConfigError("--minutes: above 0, at most 240; --faces: 1 to 8")
    found = measure(options.minutes, options.faces, options.pause)
    lines = [f"| action | longest event, ms (wanted {BLOCKED_MS:g}) | of that, processor |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {b.action} | {b.wall_ms:.1f} | {b.busy_ms:.1f} |" for b in found]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
