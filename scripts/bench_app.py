"""Measure the desktop application on a synthetic camera; prints Markdown.

A camera of 1280x720 at 30 frames a second shows the bundled portrait moving about, once or
several times. Latency is from the moment a frame leaves the camera to the end of the paint event
that shows it with its faces. The window's thread is asked every 2 ms whether it is there.
"""

import argparse
import os
import resource
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np
from PyQt6.QtCore import QEvent, QObject, QTimer
from PyQt6.QtWidgets import QApplication

from app.runner import Runner
from app.settings import Settings
from app.sources.choice import Choice
from app.theme import apply_theme
from app.window import MainWindow
from app.worker import Worker
from engine.assets import asset_path
from engine.source import SourceInfo
from engine.types import Frame

SIZE: Final = (1280, 720)
FPS: Final = 30
BEAT_MS: Final = 2
BLOCKED_MS: Final = 16


class Camera:
    """Shows portraits that move, at a fixed rate, whoever looks."""

    def __init__(self, faces: int) -> None:
        portrait = cv2.imread(str(asset_path("portrait.jpg")))
        side = 300 if faces == 1 else 240
        self._portrait = cv2.resize(portrait, (side, side))
        self._faces, self._closed = faces, threading.Event()
        self.warnings: list[str] = []
        self.info = SourceInfo(
            name="synthetic camera",
            path=None,
            width=SIZE[0],
            height=SIZE[1],
            fps=Fraction(FPS),
            time_base=Fraction(1, 90_000),
            frame_count=None,
            duration_s=None,
            live=True,
            has_audio=False,
        )

    def __iter__(self) -> Iterator[Frame]:
        started, count = time.monotonic(), 0
        while not self._closed.wait(max(0.0, started + count / FPS - time.monotonic())):
            yield Frame(count, count / FPS, self._picture(count))
            count += 1

    def _picture(self, count: int) -> np.ndarray:
        image = np.full((SIZE[1], SIZE[0], 3), 70, np.uint8)
        side = self._portrait.shape[0]
        for face in range(self._faces):
            left = 20 + face * (SIZE[0] - side - 40) // max(self._faces - 1, 1)
            if self._faces == 1:
                left = (SIZE[0] - side) // 2
            left += round(15 * np.sin(count / 9 + face))
            top = 200 + round(40 * np.sin(count / 13 + 2 * face))
            image[top : top + side, max(left, 0) : max(left, 0) + side] = self._portrait
        return image

    def close(self) -> None:
        """Show nothing more."""
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Painted(QObject):
    """Hears the view's paint events and notes how old the drawn analysis was."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._last = window, -1
        self.latencies_ms: list[float] = []
        self.pictures = 0

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let the view paint, then look at the clock."""
        if event is not None and event.type() == QEvent.Type.Paint:
            view, worker = self._window.view, self._window.runner.worker
            view.removeEventFilter(self)
            view.event(event)
            view.installEventFilter(self)
            self.pictures += 1
            analysis = self._window.live.analysis
            if worker is not None and analysis is not None and analysis.frame.index != self._last:
                self._last = analysis.frame.index
                self.latencies_ms.append(worker.newest.latency_ms(self._last))
            return True
        return False


def main() -> int:
    """Measure and print."""
    parse = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parse.add_argument("--faces", type=int, default=1)
    parse.add_argument("--seconds", type=float, default=20.0)
    options = parse.parse_args()
    app = QApplication(["bench_app"])
    apply_theme(app, "dark")
    with TemporaryDirectory() as folder:
        rows = measured(app, options.faces, options.seconds, Path(folder))
    sys.stdout.write("| what | measured | wanted |\n| --- | --- | --- |\n")
    sys.stdout.write("".join(f"| {' | '.join(row)} |\n" for row in rows))
    return 0


def measured(
    app: QApplication, faces: int, seconds: float, folder: Path
) -> list[tuple[str, str, str]]:
    """Run the window for a while; give name, figure and goal of each."""
    started = time.monotonic()
    runner = Runner(
        lambda _: None, lambda _, config, keep: Worker(lambda: Camera(faces), config, keep=keep)
    )
    window = MainWindow(Settings(recording_folder=folder), folder / "s.toml", runner=runner)
    painted, beats = Painted(window), []
    window.view.installEventFilter(painted)
    first: list[float] = []
    runner.frame_shown.connect(lambda: first or first.append(time.monotonic() - started))
    heart = QTimer(window)
    heart.timeout.connect(lambda: beats.append(time.monotonic()))
    heart.start(BEAT_MS)
    window.show()
    window.open(Choice(kind="camera", name="0"))
    marks: dict[str, float] = {}

    def begin() -> None:  # networks are loaded: from here on it counts
        painted.latencies_ms.clear()
        painted.pictures = 0
        beats.clear()
        marks.update(
            began=time.monotonic(), frames=window.live.performance.frames, kib=memory_kib()
        )

    def end() -> None:
        marks.update(
            ended=time.monotonic(), analysed=window.live.performance.frames, kib_end=memory_kib()
        )
        closing = time.monotonic()
        window.close()
        marks["closing"] = time.monotonic() - closing
        app.quit()

    QTimer.singleShot(3000, begin)
    QTimer.singleShot(round(3000 + 1000 * seconds), end)
    app.exec()
    length = marks["ended"] - marks["began"]
    gaps = 1000 * np.diff(beats)
    late = gaps[gaps > BLOCKED_MS]
    latencies = painted.latencies_ms or [float("nan")]
    rate = (marks["analysed"] - marks["frames"]) / length
    return [
        (
            f"capture to drawn, {faces} face(s), p50",
            f"{statistics.median(latencies):.1f} ms",
            "35 ms",
        ),
        ("the same, p95", f"{np.quantile(latencies, 0.95):.1f} ms", "60 ms"),
        ("analysed", f"{rate:.1f} a second", "15 with four faces"),
        ("pictures drawn", f"{painted.pictures / length:.1f} a second", "30"),
        (
            "window's thread away for over 16 ms",
            f"{len(late)} times in {length:.0f} s, at most {gaps.max():.0f} ms",
            "never",
        ),
        ("first picture", f"{first[0] if first else float('nan'):.2f} s", "2 s"),
        ("closing", f"{marks['closing']:.2f} s", "1 s"),
        ("memory", f"{(marks['kib_end'] - marks['kib']) / 1024:+.1f} MiB", "flat"),
    ]


def memory_kib() -> float:
    """Give the memory in use, KiB; elsewhere than on Linux, the most that ever was."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
        return float(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    raise SystemExit(main())
