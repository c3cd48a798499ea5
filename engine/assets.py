"""Where bundled files lie: inside the wheel, else in the checkout."""

from pathlib import Path

from engine.errors import ModelError


def asset_path(name: str) -> Path:
    """Find a bundled file.

    Args:
        name: File name, such as ``poster-rt.onnx``.

    Raises:
        ModelError: No such file was bundled; the files users miss are models.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "_assets", here.parent / "assets"):
        if (folder / name).exists():
            return folder / name
    raise ModelError(f"asset {name}: not in this installation; reinstall fer-live")
