"""From a recording to its exports through the widgets: record, mark, stop, review, export."""

import csv
import json
from functools import partial

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from app.session.controller import RecordingController
from app.session.options import RecordingOptions
from app.window.panels.recording import RecordingPanel
from app.window.review.window import ReviewWindow
from engine.analyze import AnalyzerConfig, open_analyzer
from engine.assets import asset_path
from engine.video.opening import SourceConfig, open_source


@pytest.mark.slow
def test_record_stop_review_export(qtbot, tmp_path, monkeypatch):
    config = AnalyzerConfig(threads=1)
    controller = RecordingController(RecordingOptions(root=tmp_path))
    panel = RecordingPanel(controller)
    qtbot.addWidget(panel)
    panel.show()
    clip = str(asset_path("demo.mp4"))
    with open_analyzer(config) as analyzer, open_source(clip, SourceConfig(duration_s=2)) as source:
        controller.attach(source.info, config)
        panel.refresh()
        qtbot.mouseClick(panel.record_button, Qt.MouseButton.LeftButton)
        for frame in source:
            controller.add(analyzer.analyze(frame))
            if frame.index == 25:
                qtbot.mouseClick(panel.key_buttons["F5"], Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.saved, timeout=20_000) as saved:
        qtbot.mouseClick(panel.record_button, Qt.MouseButton.LeftButton)
    assert controller.close(5)
    folder = saved.args[0]

    window = ReviewWindow()
    qtbot.addWidget(window)
    window.show()
    window.open(folder)
    qtbot.waitUntil(lambda: window.video.frame is not None, timeout=20_000)
    assert [marker.time_s for marker in window.controller.review.markers] == [
        pytest.approx(1.0, abs=0.05)
    ]
    assert window.readout.text().startswith("face 1: happiness")
    for time_s, key in ((0.5, Qt.Key.Key_BracketLeft), (1.0, Qt.Key.Key_BracketRight)):
        window.controller.move(time_s)
        qtbot.keyClick(window, key)
    qtbot.keyClick(window, Qt.Key.Key_3)
    for ending in (".csv", ".json", ".eaf"):
        name = f"out{ending}"
        path = str(tmp_path / name)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, path=path: (path, ""))
        window.files.ask_export(ending)
        qtbot.waitUntil(partial(_says, window, f"saved: {name}"), timeout=20_000)
    window.close()
    with (tmp_path / "out.csv").open(newline="") as text:
        rows = [row for row in csv.DictReader(text) if row["corrected"] == "1"]
    assert {row["expression"] for row in rows} == {"surprise"}
    assert all(0.5 <= float(row["timestamp"]) <= 1.0 for row in rows)
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["session"]["source"]["name"] == "demo.mp4"
    assert "surprise" in (tmp_path / "out.eaf").read_text()


def _says(window, words):
    assert window.message.text() == words
