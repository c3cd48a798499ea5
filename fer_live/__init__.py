"""Facial expressions from Python: a picture, a video or a camera in, faces that answer by name out.

    >>> import fer_live
    >>> for face in fer_live.analyze("face.jpg"):
    ...     print(face.expression, face.probabilities["happiness"], face.valence)

Every name is imported when it is first used; docs/python.md has the reference. The types of what
comes out, for annotations, are in `fer_live.types`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from engine.errors import ConfigError, FerError, ModelError, SinkError, SourceError
    from fer_live._about import about
    from fer_live._model import Model, analyze
    from fer_live._tables import read, table
    from fer_live._video import annotate, stream

__all__ = [
    "ConfigError",
    "FerError",
    "Model",
    "ModelError",
    "SinkError",
    "SourceError",
    "about",
    "analyze",
    "annotate",
    "read",
    "stream",
    "table",
]

_HOMES: Final = {
    "ConfigError": "engine.errors",
    "FerError": "engine.errors",
    "ModelError": "engine.errors",
    "SinkError": "engine.errors",
    "SourceError": "engine.errors",
    "about": "fer_live._about",
    "Model": "fer_live._model",
    "analyze": "fer_live._model",
    "read": "fer_live._tables",
    "table": "fer_live._tables",
    "annotate": "fer_live._video",
    "stream": "fer_live._video",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name == "__version__":
        return import_module("importlib.metadata").version("fer-live")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
