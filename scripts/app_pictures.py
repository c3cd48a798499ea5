"""Make the pictures of docs/app.md and docs/review.md: python scripts/app_pictures.py [FOLDER].

Runs the real window without a screen (QT_QPA_PLATFORM=offscreen) and uses it as a person would.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QWidget

from app.settings.settings import Settings
from app.sources.choice import Choice
from app.window.main_window import MainWindow
from app.window.theme import apply_theme
from engine.assets import asset_path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 120.0
TWO_FACES_S = 7.2  # of the demo clip

Steps = Iterator[Callable[[], bool]]


class Shoot:
    """Walks through the window and saves what it looks like."""

    def __init__(self, app: QApplication, folder: Path, scratch: Path) -> None:
        self.app, self.folder = app, folder
        settings = Settings(seen_privacy=True, recording_folder=scratch / "recordings")
        self.window = MainWindow(settings, scratch / "settings.toml")
        self.window.resize(1280, 800)
        self.window.show()
        self.began = time.monotonic()
        self.walk = self.steps()
        self.waits_for: Callable[[], bool] = lambda: True
        self.timer = QTimer()
        self.timer.timeout.connect(self.go_on)
        self.timer.start(30)

    def go_on(self) -> None:
        """Take the next step, if what it waits for has come."""
        if time.monotonic() - self.began > LIMIT_S:
            print("app_pictures: gave up", file=sys.stderr)
            self.finish(1)
        elif self.waits_for():
            try:
                self.waits_for = next(self.walk)
            except StopIteration:
                self.finish(0)

    def finish(self, code: int) -> None:
        """Close the window and leave."""
        self.timer.stop()
        self.window.close()
        self.app.exit(code)

    def save(self, name: str, widget: QWidget | None = None) -> None:
        """Save what a widget looks like."""
        path = self.folder / f"{name}.png"
        (widget or self.window).grab().save(str(path))
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)

    def wait(self, seconds: float) -> Callable[[], bool]:
        """Give a condition that comes true after a time."""
        until = time.monotonic() + seconds
        return lambda: time.monotonic() > until

    def dress(self, name: str) -> Callable[[], bool]:
        """Put another theme on."""
        apply_theme(self.app, "light" if name == "light" else "dark")
        return self.wait(0.6)

    def steps(self) -> Steps:
        """Use the window."""
        window = self.window
        apply_theme(self.app, "dark")
        window.open(Choice(kind="file", name=str(asset_path("demo.mp4"))))
        yield lambda: self.playing_until(TWO_FACES_S)
        window.playback.play_pause()
        yield self.wait(1.0)
        self.save("dark")
        yield self.dress("light")
        self.save("light")
        yield self.dress("dark")
        yield from self.drawing()
        yield from self.recording()

    def playing_until(self, time_s: float) -> bool:
        """Tell whether the file was analysed up to a time."""
        analysis = self.window.live.analysis
        return analysis is not None and analysis.frame.time_s >= time_s

    def drawing(self) -> Steps:
        """Show landmarks and axes."""
        window = self.window
        window.actions_.landmarks.trigger()
        window.actions_.head_axes.trigger()
        yield self.wait(0.5)
        self.save("view", window.centralWidget())

    def recording(self) -> Steps:
        """Record with blurred faces: the window, and the panel."""
        window = self.window
        window.actions_.landmarks.trigger()
        window.actions_.head_axes.trigger()
        window.controller.choose(blur=True)
        window.docks.docks["recording"].raise_()
        yield self.wait(0.5)
        window.actions_.record.trigger()
        window.playback.play_pause()
        yield lambda: window.controller.view().elapsed_s > 1.5
        window.recording.mark_by_key("F5")
        window.watch.refresh()
        self.save("recording")
        self.save("../recording", window.recording)
        window.actions_.record.trigger()
        yield lambda: not window.controller.view().recording
        yield from self.reviewing()

    def reviewing(self) -> Steps:
        """Record the whole clip with two markers, and look at it in the review."""
        window = self.window
        window.controller.choose(blur=False)
        player = window.playback.player
        assert player is not None
        player.pause()
        player.seek(0.0)
        yield self.wait(0.5)
        window.actions_.record.trigger()
        player.play()
        yield lambda: window.controller.view().elapsed_s > 2.0
        window.recording.mark_by_key("F5")
        yield lambda: window.controller.view().elapsed_s > 6.0
        window.recording.mark_by_key("F6")
        yield lambda: not window.controller.view().recording
        folder = window.controller.view().folder
        assert folder is not None
        review = window.review(folder)
        review.resize(1100, 720)
        yield lambda: not review.busy
        review.controller.move(8.0)
        review.refresh_cursor()
        yield self.wait(1.5)
        self.save("../review", review)
        review.close()


def main() -> int:
    """Make the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "app"
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(["app_pictures"])
    with tempfile.TemporaryDirectory() as scratch:
        shoot = Shoot(app, folder, Path(scratch))
        code = app.exec()
        del shoot
    return code


if __name__ == "__main__":
    raise SystemExit(main())
