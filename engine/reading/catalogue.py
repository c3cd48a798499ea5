"""Lists of networks: what their manifests say of them, at once, before any is opened."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine.assets import asset_path
from engine.errors import ModelError
from engine.labels import EXPRESSIONS
from engine.networks.manifest import (
    ExpressionFacts,
    Judged,
    Manifest,
    Metrics,
    Pair,
    Size,
    read_manifest,
)
from engine.networks.models import networks_in, shipped
from engine.reading.offers import offer_of
from engine.wording import shortened

DERIVED: Final = "derived"
_NOTHING: Final = Judged()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One expression network; what its manifest does not say is None.

    Attributes:
        model: What `--model` takes.
        precision: Of its file.
        file: The ONNX file.
        megabytes: Of that, with the landmark network whose maps it reads.
        parameters: Of it, likewise.
        gmac: Of a face, likewise.
        labels: Its classes; none without expressions.
        outputs: ``expression``, ``valence_arousal`` and its own numbers, those that it has.
        affect_source: ``network``, ``derived`` or nothing.
        data: What it was judged on, such as ``FER+ label.csv, majority labels, 8 classes``.
        split: Of that: ``test``, or ``valid`` where nothing is said of the test.
        images: Pictures of the split.
        accuracy: 0 to 1.
        ece: Expected calibration error, 0 to 1.
        ccc_valence: Concordance, -1 to 1.
        ccc_arousal: As `ccc_valence`.
    """

    model: str
    precision: str
    file: Path
    megabytes: float
    parameters: int | None
    gmac: float | None
    labels: tuple[str, ...]
    outputs: tuple[str, ...]
    affect_source: str
    data: str
    split: str
    images: int | None
    accuracy: float | None
    ece: float | None
    ccc_valence: float | None
    ccc_arousal: float | None

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values; of the file, the name."""
        return {**asdict(self), "file": self.file.name}

    @property
    def classes(self) -> str:
        """Say how many of which: ``8``, ``7 (no contempt)``, ``8 (with other, no contempt)``."""
        if not self.labels:
            return ""
        own = [label for label in self.labels if label not in EXPRESSIONS]
        lacking = [label for label in EXPRESSIONS if label not in self.labels]
        if len(own) + len(lacking) > len(EXPRESSIONS):  # other words altogether
            return f"{len(self.labels)} of its own"
        said = [f"with {', '.join(own)}"] if own else []
        said += [f"no {', '.join(lacking)}"] if lacking else []
        return str(len(self.labels)) + (f" ({', '.join(said)})" if said else "")

    @property
    def said(self) -> str:
        """List what it gives, in words."""
        words = [name.replace("_", "-") for name in self.outputs]
        at = "valence-arousal"
        if self.affect_source == DERIVED:
            words[words.index(at)] = f"{at} ({DERIVED})"
        return ", ".join(words)

    @property
    def judged_on(self) -> str:
        """Say where accuracy and error come from, in a few words; empty where nothing was."""
        if self.images is None:
            return ""
        return f"{self.data.partition(',')[0]} {self.split}, {self.images}"


def shipped_entries(names: Iterable[str] = ()) -> list[Entry]:
    """List the networks of this installation, each precision by itself.

    Args:
        names: Those to list; none is all.

    Raises:
        ModelError: There is none of a name, or a manifest is damaged.
    """
    models = shipped()
    for name in names:
        if name not in models:
            raise ModelError(f"model {shortened(name)}: unknown; choose {', '.join(models)}")
    chosen = [name for name in models if name in names] if names else models
    return [
        entry_of(read_manifest(asset_path(file)), name)
        for name in chosen
        for file in models[name].values()
    ]


def entries_in(folder: Path) -> tuple[list[Entry], list[str]]:
    """List the networks of a folder; what cannot be is left out.

    Returns:
        The networks, by name, and a line for each that is damaged.

    Raises:
        ModelError: The folder cannot be read, or there is none in it.
    """
    manifests, problems = networks_in(folder)
    entries = []
    for manifest in manifests:
        try:
            entries.append(entry_of(manifest, str(manifest.path)))
        except ModelError as error:
            problems.append(str(error))
    if not entries and not problems:
        raise ModelError(f"{shortened(folder)}: no expression network with its manifest in it")
    return entries, problems


def entry_of(manifest: Manifest, model: str) -> Entry:
    """Say what a manifest says.

    Args:
        manifest: Of an expression network.
        model: What users call it.

    Raises:
        ModelError: It says what cannot be.
    """
    offer, facts = offer_of(manifest), manifest.read(ExpressionFacts)
    size, metrics = manifest.read(Size), manifest.read(Metrics, "metrics")
    split = "test" if metrics.test is not None else "valid"
    judged = metrics.test or metrics.valid or _NOTHING
    derived = facts.derived_affect or (not offer.affect and offer.derivable)
    affect = offer.affect or derived
    named = (("expression", bool(offer.labels)), ("valence_arousal", affect))
    return Entry(
        model=model,
        precision=manifest.precision,
        file=manifest.path,
        megabytes=round(_bytes(manifest, facts) / 1e6, 2),
        parameters=size.parameters,
        gmac=size.gmac,
        labels=offer.labels,
        outputs=(*(name for name, there in named if there), *offer.measures),
        affect_source="" if not affect else DERIVED if derived else "network",
        data=metrics.data,
        split=split if judged is not _NOTHING else "",
        images=judged.affect_images if judged.images is None else judged.images,
        accuracy=judged.accuracy,
        ece=judged.ece,
        ccc_valence=judged.ccc_valence,
        ccc_arousal=judged.ccc_arousal,
    )


def _bytes(manifest: Manifest, facts: ExpressionFacts) -> int:
    files = [manifest.path]
    if facts.landmarks.maps:
        files.append(manifest.path.parent / manifest.read(Pair, "landmarks").file)
    return sum(path.stat().st_size for path in files if path.is_file())
