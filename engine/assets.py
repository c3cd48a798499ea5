"""Where bundled files lie: inside the wheel, else in the checkout."""

from pathlib import Path

from engine.errors import FerError


def asset_path(name: str) -> Path:
    """Find a bundled file.

    Args:
        name: File name, such as ``poster-rt.onnx``.

    Raises:
        FerError: No such file was bundled.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "_assets", here.parent / "assets"):
        if (folder / name).exists():
            return folder / name
    raise FerError(f"asset {name}: not in this installation; reinstall fer-live")
