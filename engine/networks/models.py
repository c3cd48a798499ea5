"""Which expression network to open: by name and precision, by file, or out of a bundle."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.assets import asset_path
from engine.errors import ModelError
from engine.networks.bundle import SUFFIX, open_bundle
from engine.networks.manifest import Manifest, load_manifest, read_manifest
from engine.networks.processor import CPUINFO, supports_fast_int8
from engine.networks.runtime import Device, runs_on_cpu
from engine.wording import shortened

log = logging.getLogger(__name__)

Precision = Literal["auto", "fp32", "int8"]
PRECISIONS: Final[tuple[Precision, ...]] = ("auto", "fp32", "int8")
DETECTOR: Final = {"fp32": "fer-detector.onnx", "int8": "fer-detector-int8.onnx"}
DEFAULT: Final = "poster-rt"
# In the order in which they are listed; what else lies in the assets comes behind.
SYSTEMS: Final = (
    *(DEFAULT, "poster", "poster-ada", "poster-pp"),
    *("arbex", "resizer", "dan", "dan-va"),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The networks to open, and where they run.

    Attributes:
        expression: Of the expression network, its landmark network beside it.
        detector: The detector's file, where the model brings one along.
        device: As asked for, but ``cpu`` for int8 that is not of the user's own making.
        why: The precision and its reason, such as ``int8, AVX512-VNNI``.
    """

    expression: Manifest
    detector: Path | None
    device: Device
    why: str


def shipped() -> dict[str, dict[str, str]]:
    """Give the files of the expression networks that came with this installation.

    Returns:
        File by precision, fp32 first, by name of the model, in the order of `SYSTEMS`.

    Raises:
        ModelError: A manifest among them is damaged, or there are none.
    """
    found: dict[str, dict[str, str]] = {}
    folder = asset_path(f"{DEFAULT}.json").parent
    manifests, damaged = networks_in(folder)
    if damaged:
        raise ModelError(f"{damaged[0]}; reinstall fer-live")
    for manifest in manifests:
        precision = manifest.precision
        name = manifest.path.stem.removesuffix(f"-{precision}")
        found.setdefault(name, {})[precision] = manifest.path.name
    return {
        name: dict(sorted(found[name].items(), key=lambda file: (file[0] != "fp32", file[0])))
        for name in sorted(found, key=_place)
    }


def _place(name: str) -> tuple[int, str]:
    return (SYSTEMS.index(name) if name in SYSTEMS else len(SYSTEMS), name)


def networks_in(folder: Path) -> tuple[list[Manifest], list[str]]:
    """Read what is said of the expression networks of a folder; none is opened.

    Returns:
        Their manifests, and a line for each network that has none that can be read.

    Raises:
        ModelError: The folder cannot be read.
    """
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".onnx"]
    except OSError as error:
        raise ModelError(f"{shortened(folder)}: cannot be read: {error.strerror}") from error
    manifests, damaged = [], []
    for path in sorted(paths, key=lambda path: path.stem):
        try:
            manifests.append(read_manifest(path))
        except ModelError as error:
            damaged.append(str(error))
    return [each for each in manifests if each.kind == "expression"], damaged


def choose(
    model: str, precision: Precision = "auto", device: Device = "auto", cpuinfo: Path = CPUINFO
) -> Selection:
    """Find the networks of a model.

    A shipped model runs in int8 where that is faster: on a processor that adds up products of
    bytes in one instruction, and not where a GPU may be used.

    Args:
        model: Name in `shipped`, path of an ONNX file, or path of a bundle.
        precision: What a file has to be in; ``auto`` takes what is best here, or what there is.
        device: Where to run.
        cpuinfo: What Linux says of the processor.

    Raises:
        ModelError: Unknown model, missing or damaged file, or none in this precision.
    """
    path, detector = Path(model), None
    if path.suffix == SUFFIX:
        bundle = open_bundle(path)
        path, detector = bundle.expression, bundle.detector
    elif path.suffix != ".onnx":
        models = shipped()
        if model in models:
            file, where, why = _shipped(model, models[model], precision, device, cpuinfo)
            return Selection(load_manifest(file), None, where, why)
        raise ModelError(
            f"model {shortened(model)}: unknown; choose {', '.join(models)}, or name an .onnx or "
            f"{SUFFIX} file"
        )
    manifest = load_manifest(path)
    found = manifest.precision
    if precision not in ("auto", found):
        raise ModelError(
            f"precision {precision}: {shortened(model)} is in {found}; name another file, or leave "
            "--precision out"
        )
    return Selection(manifest, detector, device, f"{found}, as the file is")


def choose_detector(
    precision: Precision = "auto", device: Device = "auto", cpuinfo: Path = CPUINFO
) -> tuple[Path, Device]:
    """Find the shipped detector's file, and where it runs.

    As with `choose`; on a GPU it is in float32, whatever the precision of the other networks.

    Raises:
        ModelError: It is not there.
    """
    wanted = precision if device in ("auto", "cpu") else "fp32"
    return _shipped("fer-detector", DETECTOR, wanted, device, cpuinfo)[:2]


def names_of(model: str) -> tuple[str, ...]:
    """Split ``dan,dan-va`` into the names of several models; a file may have a comma in its name.

    Raises:
        ModelError: A name is missing, or there twice.
    """
    if "," not in model or Path(model).exists():
        return (model,)
    names = tuple(name.strip() for name in model.split(","))
    if not all(names):
        raise ModelError(f"model {model}: a name is missing beside a comma")
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"model {model}: {name} is there twice; name each once")
    return names


def _shipped(
    model: str, files: Mapping[str, str], precision: Precision, device: Device, cpuinfo: Path
) -> tuple[Path, Device, str]:
    """Give the file, where it runs, and the precision with its reason."""
    if "fp32" not in files:
        return _reduced(model, files, precision, device)
    whole = asset_path(files["fp32"])
    if precision == "auto":
        precision, reason = _best(whole, device, cpuinfo)
        if precision not in files:
            precision, reason = "fp32", "as it ships"
    elif precision == "int8" and device not in ("auto", "cpu"):
        raise ModelError(
            f"precision int8: is made for the CPU, not for {device}; leave --precision out"
        )
    else:
        reason = "as asked for"
    if precision not in files:
        raise _not_shipped(model, files, precision)
    path = whole if precision == "fp32" else asset_path(files["int8"])
    where: Device = "cpu" if precision == "int8" else device
    return path, where, f"{precision}, {reason}"


def _reduced(
    model: str, files: Mapping[str, str], precision: Precision, device: Device
) -> tuple[Path, Device, str]:
    """Choose the file of a model that ships in int8 or half precision alone."""
    found = min(files)  # there is one
    if precision not in ("auto", found):
        raise _not_shipped(model, files, precision)
    if found == "int8" and device not in ("auto", "cpu"):
        raise ModelError(
            f"device {device}: {model} ships in int8, which is made for the CPU; leave --device "
            "out, or make the fp32 file for it: fer-export"
        )
    where: Device = "cpu" if found == "int8" else device
    return asset_path(files[found]), where, f"{found}, as it ships"


def _not_shipped(model: str, files: Mapping[str, str], precision: str) -> ModelError:
    return ModelError(
        f"precision {precision}: {model} ships in {' and '.join(sorted(files))}; leave --precision "
        "out, or make that file: fer-export"
    )


def _best(whole: Path, device: Device, cpuinfo: Path) -> tuple[Precision, str]:
    if not runs_on_cpu(whole, device):
        return "fp32", "a GPU may be there"
    fast, reason = supports_fast_int8(cpuinfo)
    return ("int8" if fast else "fp32"), reason
