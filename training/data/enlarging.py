"""Pictures of a dataset enlarged beforehand, as the Neural Resizer's ``disk`` reads them."""

import re
from pathlib import Path, PurePosixPath
from typing import Final

import cv2
import numpy as np
import torch

from engine.errors import ModelError, SinkError
from engine.faces.alignment import middle
from engine.faces.preprocessing import to_input
from engine.files import written_folder
from engine.types import Image
from training.data.files import Files, open_files
from training.data.progress import tracked
from training.data.registry import dataset
from training.models.super_resolution import Beforehand, SRLite
from training.weights import read_tensors, take

PICTURES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
BEST: Final = (cv2.IMWRITE_JPEG_QUALITY, 100)  # other formats keep every value anyway


def enlarge(name: str, path: Path, weights: Path, side: int, out: Path) -> None:
    """Write a dataset's folder again, its pictures enlarged; other files as they are.

    Args:
        name: Of the dataset.
        path: Its folder or zip.
        weights: Of `SRLite`, such as ``assets/sr-lite-x2.safetensors``.
        side: What pictures are brought to before, pixels; `enlarged_from` of a recipe.
        out: The new folder.

    Raises:
        ConfigError: There is no such dataset.
        SourceError: It is not there, or a picture cannot be read.
        ModelError: These are no weights of `SRLite`.
        SinkError: The folder is there already or cannot be written.
    """
    files = open_files(path, dataset(name).stored or name)
    network = Beforehand(lite_of(weights)).eval()
    if out.exists():
        raise SinkError(f"{out}: exists already; name a new folder")
    with written_folder(out, new=True) as folder:
        names = files.below("")
        for file in tracked(names, f"enlarging {name}", len(names)):
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_content(files, file, network, side))


def _content(files: Files, file: str, network: Beforehand, side: int) -> bytes:
    suffix = PurePosixPath(file).suffix.lower()
    if suffix not in PICTURES:
        return files.read(file)
    written, content = cv2.imencode(suffix, enlarged(files.image(file), network, side), BEST)
    if not written:
        raise SinkError(f"{file}: cannot be written as {suffix}")
    return content.tobytes()


@torch.no_grad()
def enlarged(picture: Image, network: Beforehand, side: int) -> Image:
    """Enlarge the middle of a picture (H, W, 3) uint8, BGR, as the exported graph does live."""
    pixels = network.pixels(torch.from_numpy(to_input([middle(picture, side)])))[0]
    return np.ascontiguousarray(pixels.numpy().transpose(1, 2, 0)[..., ::-1]).astype(np.uint8)


def lite_of(path: Path) -> SRLite:
    """Open an `SRLite`, whose size follows from its weights.

    Raises:
        ModelError: They are another network's.
    """
    tensors, _ = read_tensors(path)

    def count(stage: str) -> int:
        there = (re.match(rf"{stage}\.(\d+)\.", name) for name in tensors)
        return max((int(found[1]) + 1 for found in there if found), default=0)

    if "first.weight" not in tensors or not (count("blocks") and count("enlarge")):
        raise ModelError(f"{path}: not the weights of an SRLite; train sr-lite-x8.toml first")
    # The last of the blocks is a convolution alone.
    network = SRLite(len(tensors["first.weight"]), count("blocks") - 1, count("enlarge"))
    take(network, tensors, {}, str(path))
    return network
