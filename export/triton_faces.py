"""Faces of whole pictures on a Triton Inference Server: the python backend's model.

`fer-export --to triton` copies this file into the repository. Finding faces needs code between
the networks, decoding boxes and cutting crops, which an ensemble cannot express: the engine does
that here, and the networks run where Triton serves them, batched with everybody else's faces.

The container needs fer-live, without any extra, for the Python of its python backend: 3.11 or
newer (the images from 24.12 on bring 3.12). In an image of one's own that is

    RUN pip install fer_live-VERSION-py3-none-any.whl

Pictures are independent of each other: nothing is followed or smoothed from one to the next.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found] # Triton's own
from numpy.typing import NDArray

from engine.errors import FerError, ModelError
from engine.faces.detection import FerDetector
from engine.faces.finder import Finder
from engine.faces.landmarker import Landmarker
from engine.faces.tracker_config import TrackerConfig
from engine.networks.manifest import load_manifest
from engine.networks.runtime import Network
from engine.reading.fusion import Fusion, landmarks_of
from engine.reading.reader import Reader
from engine.types import Analysis, Floats, Frame


class TritonPythonModel:
    """Reads pictures; Triton makes one for each instance."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load what the networks' manifests say; the files lie beside this one.

        Raises:
            FerError: A file is missing or damaged; Triton then reports the model as not ready.
        """
        folder = Path(__file__).resolve().parent
        stated = json.loads(args["model_config"])["parameters"]
        said = {key: str(value["string_value"]) for key, value in stated.items()}
        expression = load_manifest(folder / said["expression"])
        self._detector = FerDetector(load_manifest(folder / said["detector"]), device="cpu")
        self._landmarker = Landmarker(landmarks_of(expression), "cpu")
        self._fusion = Fusion(expression, "cpu")
        self._affect = self._fusion.offer.affect or self._fusion.derived
        flat = json.loads(said["flat"])
        self._detector._session = _RemoteNetwork(self._detector._session, flat)
        self._landmarker._session = _RemoteNetwork(self._landmarker._session, flat)
        self._fusion._session = _RemoteNetwork(self._fusion._session, flat)
        self._tracking = TrackerConfig(max_faces=int(said["max_faces"]))

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request: one picture, (H, W, 3) uint8, BGR."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - Triton's types
        image = pb_utils.get_input_tensor_by_name(request, "image").as_numpy()
        try:
            if image.size == 0:
                raise ModelError(f"image: expected at least one pixel, got {image.shape}")
            outputs = self._read(np.ascontiguousarray(image))
        except FerError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        tensors = [pb_utils.Tensor(name, array) for name, array in outputs.items()]
        return pb_utils.InferenceResponse(output_tensors=tensors)

    def _read(self, image: NDArray[np.uint8]) -> dict[str, Floats]:
        # A new finder: it follows faces, and this picture has nothing to do with the last one.
        found = Finder(self._detector, self._landmarker, self._tracking).find(
            Frame(0, 0.0, image, file="")
        )
        (analysis,) = Reader(self._fusion, 0.0).read([found])
        return outputs_of(analysis, self._fusion.labels, affect=self._affect)


class _RemoteNetwork:
    """A network that this server runs as a model of its own, under its manifest's name."""

    device = "triton"

    def __init__(self, local: Network, flat: Mapping[str, Sequence[str]]) -> None:
        self.manifest, self.outputs = local.manifest, local.outputs
        local.close()  # its answers come from the server
        self._flat = flat[self.manifest.name]

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Run one batch; outputs in the graph's order.

        Raises:
            ModelError: Triton refused or the network failed.
        """
        response = pb_utils.InferenceRequest(
            model_name=self.manifest.name,
            requested_output_names=list(self.outputs),
            inputs=[pb_utils.Tensor(name, array) for name, array in inputs.items()],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
        ).exec()
        if response.has_error():
            raise ModelError(f"{self.manifest.name}: {response.error().message()}")
        return [self._output(response, name) for name in self.outputs]

    def close(self) -> None:
        """Do nothing: the server frees its models."""

    def _output(self, response: Any, name: str) -> NDArray[np.float32]:  # noqa: ANN401 - Triton's
        array: NDArray[np.float32] = pb_utils.get_output_tensor_by_name(response, name).as_numpy()
        # Triton adds an axis to a number for each face: it allows no shape of the batch alone.
        return array[:, 0] if name in self._flat else array


def outputs_of(analysis: Analysis, labels: Sequence[str], *, affect: bool) -> dict[str, Floats]:
    """Give the outputs by name, each float32 with a row for each of F faces.

    boxes (F, 4) and landmarks (F, 68, 2) are pixels of the picture, presence (F,) is 0 to 1,
    probabilities (F, C) are calibrated, valence_arousal (F, 2) is -1 to 1; either is left out
    where the network knows none.
    """
    tracks, predictions = analysis.tracks, analysis.predictions
    rows: dict[str, tuple[list[Any], tuple[int, ...]]] = {
        "boxes": ([track.box for track in tracks], (4,)),
        "landmarks": ([track.landmarks for track in tracks], (68, 2)),
        "presence": ([track.score for track in tracks], ()),
    }
    if labels:
        rows["probabilities"] = ([said.probabilities for said in predictions], (len(labels),))
    if affect:
        rows["valence_arousal"] = ([(said.valence, said.arousal) for said in predictions], (2,))
    return {
        name: np.array(values, np.float32).reshape(len(tracks), *shape)
        for name, (values, shape) in rows.items()
    }
