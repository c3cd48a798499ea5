"""`python -m app.review.measure`: how long the review of a long recording blocks its window.

Makes records of faces whose labels change every few seconds, opens them, does what a user does, and
prints a Markdown table: for each action the longest event of the window's thread.
"""

import argparse
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

from app.desktop import destroy, settle
from app.measure import BLOCKED_MS, TimedApplication
from app.review.window import ReviewWindow
from app.theme import apply_theme
from engine.errors import ConfigError, FerError
from engine.labels import EXPRESSIONS
from engine.record import open_records
from engine.types import Analysis, Frame, Prediction, Track

PROGRAM: Final = "app.review.measure"
FPS: Final = 30
LABEL_S: Final = 2.0  # how long a label lasts, the mean
STEP_MS: Final = 400  # between two actions: what the first one drew is on the screen
PLAY_MS: Final = 5000


@dataclass(frozen=True, slots=True)
class Blocked:
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

    def __init__(self, app: TimedApplication, path: Path) -> None:
        self.app, self.path = app, path
        self.found: list[Blocked] = []
        self.failure = ""
        self.window = ReviewWindow()
        self.window.resize(1280, 800)
        self._steps = self._actions()
        self._action = ""
        self._worst = (0.0, 0.0)
        app.told = self._event

    def start(self) -> None:
        self.window.show()
        QTimer.singleShot(STEP_MS, self._next)

    def _event(self, wall_ms: float, busy_ms: float) -> None:
        self._worst = max(self._worst, (wall_ms, busy_ms))

    def _next(self) -> None:
        """Note the action before, and begin the next one as an event of its own."""
        if self._action:
            self.found.append(Blocked(self._action, *self._worst))
        try:
            self._action, act, wait_ms = next(self._steps)
        except StopIteration:
            self.app.told = None
            self.app.quit()
            return
        self._worst = (0.0, 0.0)
        QTimer.singleShot(0, act)
        QTimer.singleShot(wait_ms, self._next)

    def _actions(self) -> Iterator[tuple[str, Callable[[], object], int]]:
        window, acts, control = self.window, self.window.actions_, self.window.controller
        yield "open", lambda: window.open(self.path), STEP_MS
        until_s = time.monotonic() + 60
        while control.review is None and time.monotonic() < until_s:
            yield "open", lambda: None, STEP_MS
        if control.review is None:
            self.failure = control.message or "the recording did not open within a minute"
            return
        yield "choose a face", lambda: window._choose_face(1), STEP_MS
        middle_s = control.duration_s / 2
        yield "to the middle", lambda: window._move(middle_s), STEP_MS
        yield "choose the span here", acts.span_here.trigger, STEP_MS
        yield "another label", acts.labels[4].trigger, STEP_MS
        yield "undo", acts.undo.trigger, STEP_MS
        yield "redo", acts.redo.trigger, STEP_MS
        yield "delete the span", acts.delete_span.trigger, STEP_MS
        yield "undo", acts.undo.trigger, STEP_MS
        yield "delete the track", acts.delete.trigger, STEP_MS
        yield "undo", acts.undo.trigger, STEP_MS
        for _ in range(6):
            yield "zoom in", acts.zoom_in.trigger, STEP_MS
        for _ in range(6):
            yield "zoom out", acts.zoom_out.trigger, STEP_MS
        yield "play", acts.play.trigger, PLAY_MS


def measure(minutes: float, faces: int) -> list[Blocked]:
    """Open the window, do what users do, close it; give the worst of each action.

    Raises:
        FerError: It could not be measured.
    """
    app = TimedApplication([PROGRAM])
    apply_theme(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.csv"
        write_recording(path, minutes, faces)
        run = _Run(app, path)
        run.start()
        settle()
        app.exec()
        run.window.close()
        destroy(run.window)
    if run.failure:
        raise FerError(run.failure)
    return worst(run.found)


def worst(found: Sequence[Blocked]) -> list[Blocked]:
    """Keep the longest event of each action, in the order in which they were first done."""
    longest: dict[str, Blocked] = {}
    for blocked in found:
        before = longest.get(blocked.action)
        if before is None or blocked.wall_ms > before.wall_ms:
            longest[blocked.action] = blocked
    return list(longest.values())


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parse = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=__doc__)
    parse.add_argument("--minutes", type=float, default=30.0, help="length of the recording (30)")
    parse.add_argument("--faces", type=int, default=2, help="in the picture, 1 to 8 (2)")
    options = parse.parse_args(argv)
    try:
        if not (0 < options.minutes <= 240 and 1 <= options.faces <= 8):
            raise ConfigError("--minutes: above 0, at most 240; --faces: from 1 to 8")
        found = measure(options.minutes, options.faces)
    except FerError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_code
    lines = [f"| action | longest event, ms (wanted {BLOCKED_MS:g}) | of that, processor |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {b.action} | {b.wall_ms:.1f} | {b.busy_ms:.1f} |" for b in found]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
