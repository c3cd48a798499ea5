"""Time the window's panels and take their pictures: `python scripts/panels.py docs/app`.

Runs the engine on assets/demo.mp4 (or --clip) without a screen. Refresh and painting are timed by
the thread's own time, so that other programs do not count; prints milliseconds, p50/p95.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtGui import QColor, QImage, QPainter
from PyQt6.QtWidgets import QApplication, QWidget

from app.live.state import LiveState
from app.settings.settings import Settings
from app.window.panels.affect_plot import AffectPlot
from app.window.panels.circumplex import CircumplexPanel
from app.window.panels.panel import Panel
from app.window.panels.performance import PerformancePanel
from app.window.panels.probabilities import ProbabilitiesPanel
from app.window.panels.statistics import StatisticsPanel
from app.window.privacy import PrivacyDialog
from app.window.settings.dialog import SettingsDialog
from app.window.theme import apply_theme
from engine.analyze import AnalyzerConfig, open_analyzer
from engine.types import Analysis, Frame, Prediction, Track
from engine.video.opening import SourceConfig, open_source

GAP_PX = 6
PANELS: dict[str, tuple[Callable[[], Panel], tuple[int, int]]] = {
    "performance": (PerformancePanel, (270, 160)),  # first: its figures are of the last seconds
    "probabilities": (ProbabilitiesPanel, (300, 270)),
    "affect": (lambda: AffectPlot(10), (640, 230)),
    "plane": (CircumplexPanel, (300, 320)),
    "statistics": (StatisticsPanel, (640, 170)),
}


def session(clip: Path) -> LiveState:
    """Analyse a clip; the latency of a frame is the time that its analysis took."""
    live = LiveState()
    config = AnalyzerConfig()
    live.model = config.model
    with open_source(str(clip), SourceConfig()) as source, open_analyzer(config) as analyzer:
        live.device = analyzer.device
        for frame in source:
            start = time.perf_counter()
            analysis = analyzer.analyze(frame)
            live.add(analysis, 1000 * (time.perf_counter() - start), 0)
    return live


def walk(faces: int, frames: int = 3000) -> LiveState:
    """Make up a session of 30 frames a second in which values wander, longer than a history."""
    live, generator = LiveState(), np.random.default_rng(0)
    picture, box = np.zeros((4, 4, 3), np.uint8), np.array([0, 0, 10, 10], np.float32)
    tracks = tuple(
        Track(face, box, np.zeros((68, 2), np.float32), 0.9) for face in range(1, faces + 1)
    )
    places = np.zeros((faces, 2))
    for index in range(frames):
        places = np.clip(0.995 * places + generator.normal(0, 0.06, places.shape), -1, 1)
        shares = generator.dirichlet(np.ones(8), faces).astype(np.float32)
        predictions = tuple(
            Prediction(track.id, share, float(valence), float(arousal), 0.6)
            for track, share, (valence, arousal) in zip(tracks, shares, places, strict=True)
        )
        frame = Frame(index, index / 30, picture)
        live.add(Analysis(frame, tracks, predictions, {}), 25, 0)
    return live


def time_full_histories(app: QApplication, times: int) -> None:
    """Print what panels cost in a long session with four and with eight faces."""
    for faces in (4, 8):
        live = walk(faces)
        for name, (make, size) in PANELS.items():
            panel = make()
            panel.refresh(live)
            shown(app, panel, size)
            refresh, paint = timed(panel.refresh_now, times), timed(panel.grab, times)
            print(f"{faces} faces {name:14} refresh {refresh}   paint {paint}")
            panel.close()


def timed(act: Callable[[], object], times: int) -> str:
    """Give p50 and p95 of an act, milliseconds."""
    spent = []
    for _ in range(times):
        start = time.thread_time()
        act()
        spent.append(1000 * (time.thread_time() - start))
    return " / ".join(f"{value:5.2f}" for value in np.quantile(spent, [0.5, 0.95]))


def shown(app: QApplication, widget: QWidget, size: tuple[int, int]) -> QWidget:
    """Show a widget in a size, laid out."""
    widget.resize(*size)
    widget.show()
    app.processEvents()
    return widget


def pictures(app: QApplication, live: LiveState, times: int) -> Iterator[tuple[str, QImage]]:
    """Show every panel and dialog in both themes."""
    for theme in ("dark", "light"):
        apply_theme(app, theme)
        for name, (make, size) in PANELS.items():
            panel = make()
            panel.refresh(live)
            shown(app, panel, size)
            panel.setFocus()
            refresh, paint = timed(panel.refresh_now, times), timed(panel.grab, times)
            print(f"{theme:5} {name:14} refresh {refresh}   paint {paint}")
            yield name, panel.grab().toImage()
            panel.close()
        for name, dialog, size in dialogs():
            yield name, shown(app, dialog, size).grab().toImage()
            dialog.close()


def dialogs() -> Iterator[tuple[str, QWidget, tuple[int, int]]]:
    """Make what is opened from the menus."""
    for index, name in ((0, "analysis"), (3, "outputs"), (4, "markers"), (5, "keys")):
        dialog = SettingsDialog(Settings(osc=True, hear_udp=True), devices=("auto", "cpu"))
        dialog.tabs.setCurrentIndex(index)
        yield f"settings-{name}", dialog, (520, 470)
    yield "privacy", PrivacyDialog(first_run=True), (600, 520)


def joined(one: QImage, other: QImage) -> QImage:
    """Put two pictures side by side, wide ones one above the other."""
    wide = one.width() > 2 * one.height()
    width = one.width() if wide else 2 * one.width() + GAP_PX
    height = 2 * one.height() + GAP_PX if wide else one.height()
    whole = QImage(width, height, QImage.Format.Format_RGB888)
    whole.fill(QColor("#808080"))
    painter = QPainter(whole)
    painter.drawImage(0, 0, one)
    painter.drawImage(
        0 if wide else one.width() + GAP_PX, one.height() + GAP_PX if wide else 0, other
    )
    painter.end()
    return whole


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--clip", type=Path, default=Path("assets/demo.mp4"))
    parser.add_argument("--times", type=int, default=60, help="how often each panel is timed")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    apply_theme(app, "dark")
    time_full_histories(app, arguments.times)
    live = session(arguments.clip)
    faces = len(live.history.faces)
    print(f"{arguments.clip.name}: {live.performance.frames} frames, {faces} faces; ms p50 / p95")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    found: dict[str, list[QImage]] = {}
    for name, image in pictures(app, live, arguments.times):
        found.setdefault(name, []).append(image)
    for name, (dark, light) in found.items():
        joined(dark, light).save(str(arguments.out / f"{name}.png"))


if __name__ == "__main__":
    main()
