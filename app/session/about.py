"""The head of `session.json`: what was recorded, with what, and by which versions."""

import platform
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from app.session.annotated import VideoConfig
from app.session.folder import CLEAN, FORMAT, MARKERS, RECORDS, VIDEO
from engine.analyze import AnalyzerConfig, models_of, sources_of
from engine.installed import versions_of
from engine.origin import origin_of
from engine.video.opening import SourceInfo

PACKAGES: Final = ("fer-live", "av", "numpy", "onnxruntime", "opencv-python-headless")


def about_session(
    info: SourceInfo,
    analyzer: AnalyzerConfig,
    look: VideoConfig | None,
    *,
    records: bool,
    sound: str = "none",
) -> dict[str, Any]:
    """Describe a recording that starts now, as plain values.

    Args:
        info: The source.
        analyzer: What the analyses come from.
        look: How the video looks; None for no video.
        records: Rows are recorded.
        sound: What is heard: ``file``, ``microphone`` or ``none``.

    Raises:
        ModelError: The model's file is missing or not what its manifest says.
    """
    models = [
        {"name": model.name, "file": model.path.name, "sha256": model.sha256}
        for model in models_of(analyzer)
    ]
    files = {"markers": MARKERS}
    if look is not None:
        files["video"] = VIDEO
        if look.two:
            files["clean"] = CLEAN
    if records:
        files["records"] = RECORDS
    options = {"video": None if look is None else asdict(look), "records": records, "sound": sound}
    sources = sources_of(analyzer)
    return {
        "format": FORMAT,
        "state": "recording",
        "started": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "source": {
            "name": info.name,
            "width": info.width,
            "height": info.height,
            "fps": float(info.fps) if info.fps else None,
            "live": info.live,
        },
        "model": models[0],
        "models": models,
        "sources": sources,
        "settings": {
            "analyzer": asdict(analyzer),
            "video": asdict(look) if look else None,
            "sound": sound,
        },
        "versions": {"python": platform.python_version(), **versions_of(PACKAGES)},
        "files": files,
        "provenance": origin_of(info, analyzer, options, sources),
    }
