"""Read the faces of a picture on a Triton Inference Server that `fer-export --to triton` filled.

    tritonserver --model-repository=/absolute/path/of/FOLDER
    pip install 'tritonclient[grpc]'
    python examples/triton_client.py PICTURE --server localhost:8001

Faces are found and cut here, and the server reads the crops. With --frames it gets the whole
picture and does all of it; that needs fer-live in the server's container.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engine.analyze import AnalyzerConfig, open_finder
from engine.config import parse
from engine.errors import FerError, ModelError, SourceError
from engine.faces.alignment import align
from engine.faces.landmarks import five_points
from engine.faces.preprocessing import batch_of
from engine.networks.manifest import CropInput
from engine.reading.reliability import probabilities_of
from engine.types import Frame, Image

CROPS, FRAMES = "fer-crops", "fer-frames"
TIMEOUT_S = 30.0


class Server:
    """A connection to a Triton server.

    Args:
        address: ``HOST:PORT`` of its gRPC service.

    Raises:
        FerError: The client is not installed, or no server answers there.
    """

    def __init__(self, address: str) -> None:
        try:
            from tritonclient import grpc, utils
        except (ImportError, RuntimeError) as error:  # the second without the extra
            raise FerError(
                "tritonclient: missing; run: pip install 'tritonclient[grpc]'"
            ) from error
        self._grpc, self._error, self._address = grpc, utils.InferenceServerException, address
        try:
            self._client = grpc.InferenceServerClient(address)
            self._client.is_server_live(client_timeout=TIMEOUT_S)
        except self._error as error:
            raise FerError(
                f"server {address}: does not answer ({error.message()}); is it running, and is "
                "this its gRPC port? See --server"
            ) from error

    def config(self, model: str) -> Any:  # noqa: ANN401 - a protobuf message
        """Give a model's ``ModelConfig``.

        Raises:
            ModelError: The server has no such model.
        """
        try:
            return self._client.get_model_config(model, client_timeout=TIMEOUT_S).config
        except self._error as error:
            raise ModelError(f"server {self._address}: {model}: {error.message()}") from error

    def infer(self, model: str, name: str, array: np.ndarray, kind: str) -> dict[str, np.ndarray]:
        """Run a model with one input; give all outputs by name.

        Raises:
            ModelError: The server refused or failed.
        """
        sent = self._grpc.InferInput(name, array.shape, kind)
        sent.set_data_from_numpy(array)
        try:
            said = self._client.infer(model, [sent], client_timeout=TIMEOUT_S)
        except self._error as error:
            raise ModelError(f"server {self._address}: {model}: {error.message()}") from error
        return {out.name: said.as_numpy(out.name) for out in said.get_response().outputs}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Read a picture from the command line; return the exit code."""
    options = argparse.ArgumentParser(description="Read the faces of a picture on a Triton server.")
    options.add_argument("picture", type=Path)
    options.add_argument("--server", default="localhost:8001", metavar="HOST:PORT")
    options.add_argument("--frames", action="store_true", help="let the server find the faces too")
    args = options.parse_args(argv)
    try:
        image = read_picture(args.picture)
        server = Server(args.server)
        try:
            lines = list((read_frame if args.frames else read_crops)(server, image))
        finally:
            server.close()
    except FerError as error:
        sys.stderr.write(f"triton_client: {error}\n")
        return error.exit_code
    sys.stdout.write("\n".join(lines or ["no face found"]) + "\n")
    return 0


def read_picture(path: Path) -> Image:
    """Read a picture, (H, W, 3) uint8, BGR.

    Raises:
        SourceError: Missing or no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        raise SourceError(f"{path}: no picture that can be read")
    return np.asarray(image, np.uint8)


def read_crops(server: Server, image: Image) -> Iterator[str]:
    """Find and cut faces here, have them read there; give a line for each."""
    config = server.config(CROPS)
    manifest = json.loads(config.parameters["manifest"].string_value)
    form = parse(CropInput, manifest["input"])
    kind = {"uint8": "UINT8", "float32": "FP32"}[form.dtype]
    with closing(open_finder(AnalyzerConfig(device="cpu"))) as finder:
        faces = finder.find(Frame(0, 0.0, image, file="picture")).tracks
    for start in range(0, len(faces), config.max_batch_size):
        some = faces[start : start + config.max_batch_size]
        fives = [five_points(face.landmarks) for face in some]
        crops = [align(image, five, form.size, form.margin).crop for five in fives]
        said = server.infer(CROPS, "crops", batch_of(crops, form), kind)
        for row, face in enumerate(some):
            yield line_of(face.box, {name: array[row] for name, array in said.items()}, manifest)


def read_frame(server: Server, image: Image) -> Iterator[str]:
    """Send the whole picture; give a line for each face."""
    labels = json.loads(server.config(FRAMES).parameters["labels"].string_value)
    said = server.infer(FRAMES, "image", image, "UINT8")
    for row, box in enumerate(said["boxes"]):
        shown = {name: array[row] for name, array in said.items()}
        yield line_of(box, shown, {"labels": labels})


def line_of(box: np.ndarray, said: Mapping[str, np.ndarray], manifest: Mapping[str, Any]) -> str:
    """Say where a face is and what it shows: calibrated probabilities, most probable first."""
    parts = ["face at {:.0f},{:.0f} to {:.0f},{:.0f}:".format(*box)]
    probabilities = said.get("probabilities")
    if probabilities is None and "logits" in said:
        probabilities = probabilities_of(said["logits"], manifest["temperature"])
    if probabilities is not None:
        order = np.argsort(-probabilities)
        parts += [f"{manifest['labels'][k]} {probabilities[k]:.1%}" for k in order[:3]]
    if "valence_arousal" in said:
        valence, arousal = said["valence_arousal"]
        parts.append(f"valence {valence:+.2f} arousal {arousal:+.2f}")
    return " ".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
