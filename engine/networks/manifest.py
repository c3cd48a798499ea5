"""The JSON file that travels with every weight file and says how to feed it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import pydantic.dataclasses
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError

from engine.config import AboveZero, Line, Natural, Positive, Share, Side, Text, explain, parse
from engine.documents import is_file, open_ordinary
from engine.errors import ModelError
from engine.networks.external_data import has_external_data
from engine.wording import shortened

NETWORK_MAX: Final = 2**31 - 1  # bytes; the ONNX format allows no more in one file
MANIFEST_MAX: Final = 2**20  # bytes

T = TypeVar("T")


def _beside(name: str) -> str:
    if Path(name).name != name or "\\" in name:
        raise ValueError(f"must be the name of a file beside it, got {name!r:.80}")
    return name


Batch = Annotated[int, Field(ge=0, le=4096)]
# Outside of these, numbers of float32 end: what a network answers, or is shown, would be nothing.
Mean = Annotated[float, Field(ge=-1e3, le=1e3)]
Spread = Annotated[float, Field(ge=1e-3, le=1e3)]
Triple = tuple[Mean, Mean, Mean]
Colour = Literal["rgb", "gray"]
Point = tuple[Annotated[float, Field(ge=-1, le=2)], Annotated[float, Field(ge=-1, le=2)]]

# Strict, as configs are; what a later version adds is nobody's business here.
_stated = pydantic.dataclasses.dataclass(
    frozen=True,
    slots=True,
    kw_only=True,
    config=ConfigDict(strict=True, extra="ignore", allow_inf_nan=False),
)


@_stated
class CropInput:
    """The aligned crops that a network takes.

    Attributes:
        size: Side, pixels.
        margin: Framing, see `engine.faces.alignment.align`.
        mean: Per channel, RGB, of pixels scaled to 0..1; what is taken off.
        std: As `mean`; what the rest is divided by.
        batch: Crops of a call, which the file calls ``dynamic`` where any number will do; 0 here.
        colour: ``gray`` is one channel, spread where it is dark or flat, see
            `engine.faces.preprocessing.gray_of`.
        align: ``landmarks`` turns faces upright, as training on `align` = "landmarks" does;
            ``upright`` keeps pictures as they stand, only moved and scaled.
        template: Where the five points of a face lie in a crop, on average, shares of its side;
            None where that is `engine.faces.landmarks.TEMPLATE` with the margin.
        dtype: ``uint8`` where the network normalises itself, ``float32`` where it is done before.
    """

    size: Annotated[int, Field(ge=1, le=1024)]
    margin: Annotated[float, Field(gt=-1, le=10)]
    mean: Triple
    std: tuple[Spread, Spread, Spread]
    # Not part of what makes two inputs alike: the same network may be built for one or for any.
    batch: Annotated[Batch, BeforeValidator(lambda said: 0 if said == "dynamic" else said)] = field(
        default=0, compare=False
    )
    colour: Colour = "rgb"
    dtype: Literal["float32", "uint8"] = "float32"
    # Nor are these: they say how pictures come to be crops, not what a crop is.
    align: Literal["landmarks", "upright"] = field(default="landmarks", compare=False)
    template: tuple[Point, Point, Point, Point, Point] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.colour == "gray" and self.dtype == "float32":
            raise ValueError("colour: gray goes with dtype uint8, got float32")


@_stated
class Sized:
    """Whole pictures.

    Attributes:
        multiple: What their height and width are multiples of, pixels.
    """

    multiple: Side = 1


@_stated
class PictureInput(Sized):
    """The whole pictures that a detector takes.

    Attributes:
        pad: Gray that fills them up.
    """

    pad: Annotated[int, Field(ge=0, le=255)]


@_stated
class Pair:
    """The landmark network that an expression network was trained on.

    Attributes:
        file: Beside it.
        sha256: Of that file.
    """

    file: Annotated[Line, AfterValidator(_beside)]
    sha256: Line


@_stated
class Maps:
    """What an expression network reads of the landmark network.

    Attributes:
        maps: Outputs; none for a network that cuts crops of its own.
    """

    maps: tuple[Text, ...]


@_stated
class DetectorFacts:
    """What a detector's manifest states.

    Attributes:
        input: Its pictures.
        strides: Pixels of a cell, by level.
        score_threshold: Below it there is no face.
        nms_iou: Overlap above which two boxes are one face.
    """

    input: PictureInput
    strides: Annotated[tuple[Side, ...], Field(min_length=1, max_length=8)]
    score_threshold: Share
    nms_iou: Share


@_stated
class LandmarkFacts:
    """What a landmark network's manifest states."""

    input: CropInput


Agreement = Annotated[float, Field(ge=-1, le=1)]
Fitted = tuple[Annotated[float, Field(ge=-1e4, le=1e4)], ...]


@_stated
class PictureQuality:
    """How the temperature follows the quality of a face's picture.

    Attributes:
        centre: Mean of each measurement, see `engine.reading.quality.quality_of`.
        spread: Deviation of each.
        weights: Of `engine.reading.reliability.terms_of` in the temperature's logarithm.
        shift: Added to it.
        lowest: Least temperature.
        highest: Greatest.
    """

    centre: Annotated[Fitted, Field(max_length=4096)]
    spread: Annotated[tuple[Spread, ...], Field(max_length=4096)]
    weights: Annotated[Fitted, Field(max_length=8192)]
    shift: Annotated[float, Field(ge=-10, le=10)]
    lowest: Spread
    highest: Spread


@_stated
class ExpressionFacts:
    """What an expression network's manifest states.

    Attributes:
        input: Its crops.
        labels: Its classes, in the order of its logits.
        landmarks: What it reads of the landmark network.
        temperature: Of the calibrated softmax; None where there are no labels.
        outputs: Of its graph; none where the manifest does not say.
        picture_quality: How that follows the picture; None where it does not.
        derived_affect: It was taught the valence and arousal that its classes have in general.
        apart: The export proved that its answer for a face does not depend on the others.
    """

    input: CropInput
    labels: tuple[Line, ...]
    landmarks: Maps
    temperature: Spread | None
    outputs: tuple[Line, ...] = ()
    picture_quality: PictureQuality | None = None
    derived_affect: bool = False
    apart: bool = False


@_stated
class Judged:
    """What came of one split of a dataset; what was not judged is None.

    Attributes:
        images: Pictures with a class.
        accuracy: Of the most probable class.
        ece: Expected calibration error of the calibrated probabilities.
        affect_images: Pictures with valence and arousal, where they are counted apart.
        ccc_valence: Concordance with what the dataset says.
        ccc_arousal: As `ccc_valence`.
    """

    images: Natural | None = None
    accuracy: Share | None = None
    ece: Share | None = None
    affect_images: Natural | None = None
    ccc_valence: Agreement | None = None
    ccc_arousal: Agreement | None = None


@_stated
class Metrics:
    """What an expression network was judged on, as `fer-export` writes it.

    Attributes:
        data: Name of the dataset and of what was taken for true.
        valid: Of its validation split, which the temperature was fitted on.
        test: Of its test split.
    """

    data: str = ""
    valid: Judged | None = None
    test: Judged | None = None


@_stated
class Size:
    """How big a network is; None where its manifest does not say.

    Attributes:
        parameters: Of the network, with those of the landmark network whose maps it reads.
        gmac: Thousand million multiply-accumulates of a face, likewise.
    """

    parameters: Positive | None = None
    gmac: AboveZero | None = None


@_stated
class _Facts:
    """What every manifest states."""

    name: Line
    kind: Line
    architecture: str
    sha256: Line
    opset: Positive
    commit: str
    licence: str
    metrics: dict[str, Any]
    precision: Line = "fp32"
    parameters: Positive = 1
    outputs: tuple[Line, ...] = ()
    labels: tuple[Line, ...] = ()
    temperature: Spread | None = None  # null of what knows no expressions
    gmac: AboveZero = 1.0
    input: dict[str, Any] = field(default_factory=dict)


REQUIRED: Final = tuple(
    each.name
    for each in fields(cast(Any, _Facts))
    if each.default is MISSING and each.default_factory is MISSING
)


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """What is known of one ONNX file.

    Attributes:
        path: The ONNX file; `load_manifest` checks its bytes against `sha256`.
        name: Name users see.
        kind: ``detector``, ``landmarks`` or ``expression``.
        sha256: Of the ONNX file.
        data: Every key of the JSON file.
    """

    path: Path
    name: str
    kind: str
    sha256: str
    data: Mapping[str, Any]

    def value(self, dotted: str) -> Any:  # noqa: ANN401 - JSON
        """Look a key up, such as ``input.size``.

        Raises:
            ModelError: The manifest does not state it.
        """
        node: Any = self.data
        for key in dotted.split("."):
            if not isinstance(node, Mapping) or key not in node:
                raise ModelError(f"{self.path.with_suffix('.json').name}: {dotted}: missing")
            node = node[key]
        return node

    def read(self, kind: type[T], table: str = "") -> T:
        """Give what the manifest states as one of the types above, such as `ExpressionFacts`.

        Args:
            kind: The type.
            table: Where it lies, such as ``input``; the whole manifest by default.

        Raises:
            ModelError: Something is missing, of another type or out of range.
        """
        stated = self.value(table) if table else self.data
        return _parsed(kind, stated, self.path.with_suffix(".json").name, table)

    @property
    def precision(self) -> str:
        """What the network calculates in: ``fp32``, ``fp16`` or ``int8``."""
        return str(self.data.get("precision", "fp32"))

    def expect(self, kind: str) -> None:
        """Raise ModelError unless the network is of this kind."""
        if self.kind != kind:
            raise ModelError(f"{self.path.name}: is a network of kind {self.kind}, not {kind}")


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest of an ONNX file.

    Args:
        path: The ``.onnx`` file; the manifest lies beside it as ``.json``.

    Raises:
        ModelError: Either file is missing or too large, the JSON is malformed or incomplete, or
            the bytes of the ONNX file are not those that the manifest describes, or not all.
    """
    manifest = read_manifest(path)
    check_network(_read(path, NETWORK_MAX), manifest.data, str(path))
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Read what is said of an ONNX file, at once: its own bytes are not looked at.

    Args:
        path: As `load_manifest`, which is what opens networks.

    Raises:
        ModelError: Either file is missing, or the JSON is too large, malformed or incomplete.
    """
    beside = path.with_suffix(".json")
    if not is_file(path):
        raise ModelError(f"{shortened(path)}: no such model file")
    data = parse_manifest(_read(beside, MANIFEST_MAX), str(beside))
    return Manifest(path, str(data["name"]), str(data["kind"]), str(data["sha256"]), data)


def parse_manifest(content: bytes, where: str) -> Mapping[str, Any]:
    """Read the JSON of a manifest.

    Args:
        content: Of the file.
        where: What messages call it.

    Raises:
        ModelError: It is malformed or incomplete.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: the model's manifest cannot be read: {error}") from error
    missing = [key for key in REQUIRED if not isinstance(data, dict) or key not in data]
    if missing:
        raise ModelError(f"{where}: {', '.join(missing)}: missing")
    check_values(data, where)
    return dict(data)


def check_values(data: Mapping[str, Any], where: str) -> None:
    """Check what every manifest states.

    Args:
        data: Of the manifest.
        where: What messages call it.

    Raises:
        ModelError: A value is of another type or out of range.
    """
    _parsed(_Facts, data, where)


def _parsed(kind: type[T], stated: Any, where: str, table: str = "") -> T:  # noqa: ANN401 - JSON
    try:
        return parse(kind, stated)
    except RecursionError as error:
        raise ModelError(f"{where}: cannot be read: {error}") from error
    except ValidationError as error:
        raise ModelError(f"{where}: {explain(kind, error, table)}") from error


def check_network(content: bytes, data: Mapping[str, Any], where: str) -> None:
    """Check that a network is the one that its manifest describes, and all of it.

    Args:
        content: Of the ONNX file.
        data: Of the manifest.
        where: What messages call the ONNX file.

    Raises:
        ModelError: It is another, or keeps weights in files that no manifest vouches for.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != data["sha256"]:
        raise ModelError(
            f"{where}: sha256 is {digest[:12]}…, its manifest says {str(data['sha256'])[:12]}…; "
            "the file is damaged or was changed: get it again"
        )
    try:
        external = has_external_data(content)
    except ValueError as error:
        raise ModelError(f"{where}: is no ONNX file: {error}") from error
    if external:
        raise ModelError(
            f"{where}: keeps weights in other files, which its manifest does not vouch for; "
            "export it again as one file"
        )


def _read(path: Path, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise ModelError(f"{path}: has {size} bytes, expected at most {most}")
        with open_ordinary(path) as file:
            return file.read()
    except OSError as error:
        what = "the model's manifest" if path.suffix == ".json" else "the model"
        raise ModelError(f"{path}: {what} cannot be read: {error}") from error
