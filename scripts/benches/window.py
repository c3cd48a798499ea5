"""`python -m scripts.benches.window`: how quick the window is, on a camera that is made up.

With `--clip FILE`, on that film in an endless loop; an hour of it (`--seconds 3600`) shows whether
memory stays level: the seven figures are those of the minutes 0, 10, 20 to 60.

Prints a Markdown table: latency from capture to drawn faces, rates, what blocks the window's
thread, memory, the time to the first picture and to close.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Final

import cv2
import numpy as np
import psutil
from PyQt6.QtCore import QEvent, QObject, QTimer
from PyQt6.QtWidgets import QApplication

from app.settings.settings import Settings
from app.sources.choice import Choice
from app.sources.looped import LoopedFile
from app.window.desktop import destroy, settle
from app.window.main_window import MainWindow
from app.window.qt_needs import make_application
from app.window.runner import Runner
from app.window.theme import apply_theme
from app.window.worker import Worker
from engine.analyze import AnalyzerConfig
from engine.assets import asset_path
from engine.command import Parser, count, libraries, run_command
from engine.errors import ConfigError, FerError
from engine.types import Analysis, Frame, Image
from engine.video.opening import Frames, Source, SourceInfo

PROGRAM: Final = "scripts.benches.window"
BLOCKED_MS: Final = 16.0  # a frame of a 60 Hz screen
SETTLING_MS: Final = 2000  # after which an opened window has nothing left to do
_FACE: Final = 0.42  # height of a portrait, of the frame's


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure.

    Attributes:
        seconds: How long, after the networks are loaded.
        warm_s: Left out at the beginning of that.
        faces: In the picture.
        width: Of the camera, pixels.
        height: Of the camera, pixels.
        fps: Of the camera.
        window: Width and height of the window.
        clip: A film to play in a loop instead of a camera.
    """

    seconds: float = 30.0
    warm_s: float = 3.0
    faces: int = 1
    width: int = 1280
    height: int = 720
    fps: int = 30
    window: tuple[int, int] = (1280, 800)
    clip: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.faces <= 4:
            raise ConfigError(f"--faces: must be from 1 to 4, got {self.faces}")
        if not self.seconds > self.warm_s:
            raise ConfigError(f"--seconds: must be above {self.warm_s:g}, got {self.seconds:g}")
        if self.fps < 1 or min(self.width, self.height) < 240:
            raise ConfigError(
                "--size and --fps: at least 240 pixels on each side, 1 frame a second"
            )


class SyntheticCamera(Frames):
    """Portraits that sway over a textured ground, at a camera's rate and in its time.

    Attributes:
        made_s: Seconds of the processor that making pictures took, of all such cameras.
    """

    made_s: ClassVar[float] = 0.0

    def __init__(self, plan: Plan) -> None:
        """Prepare the pictures' parts."""
        self._plan = plan
        self._closing = threading.Event()
        self.warnings: list[str] = []
        self.info = SourceInfo(
            name="synthetic camera",
            path=None,
            width=plan.width,
            height=plan.height,
            fps=Fraction(plan.fps),
            time_base=Fraction(1, 90_000),
            frame_count=None,
            duration_s=None,
            live=True,
            has_audio=False,
        )
        grain = np.random.default_rng(1).integers(40, 120, (18, 32, 3), dtype=np.uint8)
        size = (plan.width, plan.height)
        self._ground = np.asarray(cv2.resize(grain, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        self._faces = [_portrait(plan, face) for face in range(plan.faces)]
        self._count = 0
        self._start: float | None = None

    def read(self) -> Frame | None:
        """Wait for the next frame's time; None after `close`."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
        due = self._start + self._count / self._plan.fps
        if now - due > 1:  # a machine that was away: a camera would have dropped these too
            self._count = int((now - self._start) * self._plan.fps)
        if self._closing.wait(max(0.0, due - now)):
            return None
        began_s = time.thread_time()
        frame = Frame(self._count, self._count / self._plan.fps, self._draw(due - self._start))
        SyntheticCamera.made_s += time.thread_time() - began_s
        self._count += 1
        return frame

    def _draw(self, time_s: float) -> Image:
        image = self._ground.copy()
        for index, face in enumerate(self._faces):
            height, width = face.shape[:2]
            room = self._plan.width // len(self._faces)
            middle = room * (index + 0.5) + 0.12 * room * np.sin(time_s * (0.9 + 0.2 * index))
            left = int(np.clip(middle - width / 2, 0, self._plan.width - width))
            top = int((self._plan.height - height) / 2 + 12 * np.sin(1.7 * time_s + index))
            image[top : top + height, left : left + width] = face
        return image

    def close(self) -> None:
        """End."""
        self._closing.set()


def _portrait(plan: Plan, face: int) -> Image:
    image = cv2.imread(str(asset_path("portrait.jpg")))
    if image is None:
        raise ConfigError("portrait.jpg: cannot be decoded; reinstall fer-live")
    scale = _FACE * plan.height / image.shape[0] * (1 - 0.06 * face)
    scale = min(scale, 0.9 * plan.width / plan.faces / image.shape[1])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)


@dataclass(slots=True)
class Measurements:
    """What was measured so far; milliseconds and seconds."""

    latencies_ms: "array[float]" = field(default_factory=lambda: array("f"))
    pictures: int = 0
    blocked_ms: list[float] = field(default_factory=list)  # of the wall clock
    busy_ms: list[float] = field(default_factory=list)  # of the processor, by us
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MiB
    first_picture_s: float | None = None
    loaded_at: float | None = None
    from_s: float = 0.0
    until_s: float = 0.0
    cpu_s: float = 0.0  # of the processor, without the making of pictures
    dropped: int = 0

    def event(self, wall_ms: float, busy_ms: float) -> None:
        """Keep an event that blocked the window."""
        if wall_ms > BLOCKED_MS:
            self.blocked_ms.append(wall_ms)
            self.busy_ms.append(busy_ms)


class TimedApplication(QApplication):
    """Says how long each event of the event loop took.

    Attributes:
        told: Called with an event's milliseconds of the wall clock and of the processor; None
            while nothing is measured.
    """

    def __init__(self, argv: list[str]) -> None:
        """Measure nothing yet."""
        super().__init__(argv)
        self.told: Callable[[float, float], object] | None = None
        self._depth = 0

    def notify(self, receiver: QObject | None, event: QEvent | None) -> bool:
        """Handle an event, and time it unless it is a part of another."""
        if self.told is None or self._depth or threading.current_thread() is not _MAIN:
            return super().notify(receiver, event)
        self._depth += 1
        wall, busy = time.monotonic(), time.thread_time()
        try:
            return super().notify(receiver, event)
        finally:
            self._depth -= 1
            took = 1000 * (time.monotonic() - wall), 1000 * (time.thread_time() - busy)
            if self.told is not None:
                self.told(*took)


_MAIN: Final = threading.main_thread()


class _Run:
    """One measurement in one window."""

    def __init__(self, app: TimedApplication, plan: Plan, folder: Path) -> None:
        self.app, self.plan, self.taken = app, plan, Measurements()
        self.process = psutil.Process()
        self.failure = ""
        runner = Runner(lambda analysis: self.window.keep(analysis), make=self._worker)
        settings = Settings(recording_folder=folder, seen_privacy=True, theme="dark")
        self.window = MainWindow(settings, folder / "settings.toml", runner=runner)
        self.window.resize(*plan.window)
        runner.frame_shown.connect(self._picture)
        runner.ready.connect(self._loaded)
        runner.failed.connect(self._failed)
        self.window.view.drawn = self._drawn
        self._last_index = -1
        self._minder = QTimer()
        self._minder.timeout.connect(self._mind)

    def _worker(
        self, _: Choice, config: AnalyzerConfig, keep: Callable[[Analysis], object]
    ) -> Worker:
        def open_camera() -> Source:
            clip = self.plan.clip
            return SyntheticCamera(self.plan) if clip is None else LoopedFile(clip)

        return Worker(open_camera, config, keep=keep)

    def start(self) -> None:
        self.window.show()
        self.window.open(Choice(kind="camera", name="0"))
        self._minder.start(250)

    def _failed(self, message: str) -> None:
        self.failure = message
        self.app.quit()

    def _loaded(self) -> None:
        self.taken.loaded_at = time.monotonic()

    def _picture(self) -> None:
        if self.taken.first_picture_s is None:
            self.taken.first_picture_s = time.time() - self.process.create_time()
        self.taken.pictures += 1

    def _drawn(self, index: int) -> None:
        worker = self.window.runner.worker
        if worker is None or index == self._last_index:
            return
        self._last_index = index
        age_ms = worker.captured.age_ms(index)
        if age_ms is not None:
            self.taken.latencies_ms.append(age_ms)

    def _mind(self) -> None:
        now, taken = time.monotonic(), self.taken
        if taken.loaded_at is None:
            return
        running_s = now - taken.loaded_at
        if running_s > self.plan.seconds:
            self._minder.stop()
            taken.until_s, self.app.told = now, None
            taken.cpu_s = _cpu_s() - taken.cpu_s
            worker = self.window.runner.worker
            taken.dropped = 0 if worker is None else worker.dropped - taken.dropped
            self.app.quit()
        elif running_s > self.plan.warm_s:
            if taken.from_s == 0:
                self._begin(now)
            self._weigh(now - taken.from_s)

    def _weigh(self, at_s: float) -> None:
        """Note the memory, at most a thousand times: the notes are in it."""
        memory = self.taken.memory
        if not memory or at_s - memory[-1][0] >= self.plan.seconds / 1000:
            memory.append((at_s, self.process.memory_info().rss / 2**20))

    def _begin(self, now: float) -> None:
        worker = self.window.runner.worker
        self.taken.from_s, self.taken.cpu_s = now, _cpu_s()
        self.taken.latencies_ms = array("f")
        self.taken.pictures = 0
        self.taken.dropped = 0 if worker is None else worker.dropped
        self.app.told = self.taken.event

    def close(self) -> float:
        """Close the window; give the seconds that took."""
        begun = time.monotonic()
        self.window.close()
        return time.monotonic() - begun


def _cpu_s() -> float:
    return time.process_time() - SyntheticCamera.made_s


def figures(
    plan: Plan, taken: Measurements, close_s: float, threads: Sequence[str]
) -> dict[str, object]:
    """Turn what was taken into the table's figures."""
    lasted = max(taken.until_s - taken.from_s, 1e-9)
    latency = np.array(taken.latencies_ms or [np.nan])
    half = len(latency) // 2
    early, late = (float(np.median(part)) for part in (latency[: half or None], latency[half:]))
    memory = [mib for _, mib in taken.memory] or [0.0]
    return {
        "camera": plan.clip.name
        if plan.clip is not None
        else f"{plan.width}x{plan.height}, {plan.fps} fps, {plan.faces} face(s)",
        "measured_s": round(lasted, 1),
        "latency_p50_ms": round(float(np.quantile(latency, 0.5)), 1),
        "latency_p95_ms": round(float(np.quantile(latency, 0.95)), 1),
        "latency_growth_ms": round(late - early, 1),
        "cpu_percent_of_a_core": round(100 * taken.cpu_s / lasted, 1),
        "picture_fps": round(taken.pictures / lasted, 1),
        "analysis_fps": round(len(taken.latencies_ms) / lasted, 1),
        "not_analysed": taken.dropped,
        "blocked_over_16_ms": len(taken.blocked_ms),
        "blocked_worst_ms": round(max(taken.blocked_ms, default=0.0), 1),
        "busy_over_16_ms": sum(ms > BLOCKED_MS for ms in taken.busy_ms),
        "busy_worst_ms": round(max(taken.busy_ms, default=0.0), 1),
        "memory_mib": ", ".join(
            f"{memory[round(at * (len(memory) - 1) / 6)]:.0f}" for at in range(7)
        ),
        "first_picture_s": None
        if taken.first_picture_s is None
        else round(taken.first_picture_s, 2),
        "close_s": round(close_s, 2),
        "threads_left": ", ".join(threads) or "none",
    }


def measure(plan: Plan) -> dict[str, object]:
    """Open the window, measure, close it.

    Raises:
        FerError: It could not be measured.
    """
    app = make_application(PROGRAM, TimedApplication)
    apply_theme(app, "dark")
    before = set(threading.enumerate())
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(app, plan, Path(folder))
        run.start()
        settle()
        app.exec()
        close_s = run.close()
        destroy(run.window)
    if run.failure:
        raise FerError(run.failure)
    late = [t.name for t in threading.enumerate() if t not in before and t.name.startswith("fer-")]
    return figures(plan, run.taken, close_s, late)


def measure_idle(seconds: float, size: tuple[int, int]) -> dict[str, object]:
    """Open the window without a source, and leave it alone.

    Args:
        seconds: How long, once it is on the screen.
        size: Of the window, pixels.
    """
    app = make_application(PROGRAM, TimedApplication)
    apply_theme(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(recording_folder=Path(folder), seen_privacy=True, theme="dark")
        window = MainWindow(settings, Path(folder, "settings.toml"))
        window.resize(*size)
        window.show()
        settle()
        QTimer.singleShot(SETTLING_MS, app.quit)
        app.exec()
        began_s = time.process_time()
        QTimer.singleShot(round(1000 * seconds), app.quit)
        app.exec()
        spent_s = time.process_time() - began_s
        window.close()
        destroy(window)
    return {"idle_s": seconds, "cpu_percent_of_a_core": round(100 * spent_s / seconds, 2)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    return run_command(PROGRAM, _measure, argv, extra="app")


def _measure(argv: Sequence[str]) -> None:
    parse = Parser(prog=f"python -m {PROGRAM}", version=libraries("PyQt6"), description=__doc__)
    add = parse.add_argument
    add("--seconds", type=float, default=30.0, help="how long (30)")
    add("--faces", type=int, default=1, metavar="N", help="in the picture, 1 to 4 (1)")
    add("--size", type=_size, default=(1280, 720), metavar="WxH", help="(1280x720)")
    add("--fps", type=int, default=30, help="of the camera (30)")
    add("--window", type=_size, default=(1280, 800), metavar="WxH", help="(1280x800)")
    add("--clip", type=Path, metavar="FILE", help="a film in a loop, instead of a camera")
    add("--idle", action="store_true", help="no source: what the window takes when left alone")
    add("--json", action="store_true", help="print one JSON object")
    options = parse.parse_args(argv)
    plan = Plan(
        seconds=options.seconds,
        faces=options.faces,
        width=options.size[0],
        height=options.size[1],
        fps=options.fps,
        window=options.window,
        clip=options.clip,
    )
    found = measure_idle(plan.seconds, plan.window) if options.idle else measure(plan)
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        rows = [f"| {name.replace('_', ' ')} | {value} |" for name, value in found.items()]
        sys.stdout.write("\n".join(["| what | measured |", "| --- | --- |", *rows]) + "\n")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        return count(width), count(height)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT, got {text!r}") from error


if __name__ == "__main__":
    raise SystemExit(main())
