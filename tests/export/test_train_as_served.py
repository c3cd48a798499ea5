"""What training feeds a network and what the live engine feeds it are the same, by every recipe."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch

from engine.assets import asset_path
from engine.config import parse
from engine.errors import ModelError
from engine.faces.alignment import align, similarity, warp
from engine.faces.detection import FerDetector
from engine.faces.landmarks import TEMPLATE
from engine.faces.preprocessing import batch_of, crops_for
from engine.networks.manifest import CropInput, load_manifest
from export.framing import framing_of
from export.graph import Normalise, crop_input
from export.system import check_served, colour_of, is_colourless
from training.data.enlarging import enlarge
from training.data.epochs import evaluation_batches
from training.data.registry import dataset
from training.data.samples import DataConfig, load_samples
from training.data.targets import target_of
from training.models.super_resolution import Beforehand, SRLite
from training.systems.neural_resizer import NeuralResizerConfig, NeuralResizerSystem
from training.systems.saved import Card, SavedSystem
from training.tasks.super_resolution import start_as_interpolation
from training.tasks.system import read_settings
from training.trainer.recipe import read_recipe
from training.weights import save_weights

RECIPES = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.toml"))
PLACES = {"data": Path("data"), "cache": Path("cache"), "folder": Path("run")}
SYSTEMS = [path for path in RECIPES if read_recipe(path, **PLACES).task == "system"]
SHIP = [path for path in SYSTEMS if path.stem.startswith(("ferplus-small-", "poster-rt"))]
# Where somebody else aligned a face to, in shares of the picture: not where the engine does.
ALIGNED = (TEMPLATE * 0.85 + (0.06, 0.1)).astype(np.float32)
SMALL = 48  # pixels of pictures that are enlarged eightfold on disk
STD = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
ROUNDING = 1e-5  # of normalised values


class Shown(NamedTuple):
    """Of a data set's first held-out face: normalised values (3, S, S), and how it was cut."""

    training: torch.Tensor
    live: torch.Tensor
    in_colour: torch.Tensor
    form: CropInput
    rim: int  # pixels of a crop at which the picture ends


@pytest.fixture(scope="module")
def portrait():
    """A face and its five points."""
    picture = cv2.imread(str(asset_path("portrait.jpg")))
    detector = FerDetector(load_manifest(asset_path("fer-detector.onnx")), device="cpu")
    (found,) = detector.detect(picture)
    detector.close()
    return picture, found.points


def enlarger():
    """What makes pictures of 384 pixels of those of 48."""
    torch.manual_seed(0)
    lite = SRLite(12, 1, 3)
    start_as_interpolation(lite)
    return Beforehand(lite).eval()


def faced(root, portrait, *, gray, side=0):
    """Put the face, aligned, into every picture of a data set; give it in colour."""
    picture, points = portrait
    rng = np.random.default_rng(0)
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".png", ".jpg", ".tiff")):
        size = side or cv2.imread(str(path)).shape[0]
        face = warp(picture, similarity(points, ALIGNED * size - 0.5), size, cv2.BORDER_REPLICATE)
        there = cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        there = there if gray else face
        there[:2, :2] = rng.integers(0, 256, (2, 2, 1), np.uint8)  # or they were copies
        assert cv2.imwrite(str(path), there)
    return face


def enlarge_all(place, folder):
    """Enlarge a data set as `fer-data enlarge` does, in its place."""
    save_weights(enlarger().network, folder / "lite.safetensors")
    enlarge(place.name, place, folder / "lite.safetensors", SMALL, folder / "large")
    shutil.rmtree(place)
    (folder / "large").replace(place)


@pytest.fixture(scope="module")
def shown(tmp_path_factory, made_up, portrait):
    """Give `shown(data, size, enlarged)`: a face as training and as the engine show it."""
    known = {}

    def show(data, size, enlarged):
        key = (data.dataset, data.align, data.channel_order, size, enlarged)
        if key not in known:
            known[key] = _shown(tmp_path_factory.mktemp("shown"), data, size, enlarged)
        return known[key]

    def _shown(folder, data, size, enlarged):
        root, cache = folder / "data", folder / "cache"
        found = dataset(data.dataset)
        place = root / (found.stored or data.dataset)
        made_up.TREES[data.dataset](place)
        face = faced(place, portrait, gray=found.gray, side=enlarged)
        small = [None]
        if enlarged:
            small = [load_samples(data, "valid", enlarged, root=root, cache=cache / "small")]
            small = [small[0].table.read(0)]
            enlarge_all(place, folder)
        samples = load_samples(data, "valid", size, root=root, cache=cache)
        batches = evaluation_batches(
            samples.crops,
            target_of(samples.table),
            batch=1,
            input_size=size,
            channel_order=data.channel_order,
        )
        training = next(iter(batches))[0][0]
        colourless = is_colourless(data)
        framing = framing_of(saved_of(data), Path("run"), root, cache)
        cut = enlarged or size
        stated = crop_input(cut, colour_of(data), colourless=colourless, framing=framing)
        form = parse(CropInput, stated)
        normalise = Normalise(data.channel_order, colourless=colourless)

        def live(picture):
            height, width = picture.shape[:2]
            if samples.points is None:
                points = np.array(form.template, np.float32) * min(height, width) - 0.5
            else:
                points = samples.points[0]
            batch = batch_of(crops_for([picture], [align(picture, points)], form), form)
            values = normalise(torch.from_numpy(batch))
            if enlarged:
                with torch.no_grad():
                    values = enlarger()(values)
            return values[0]

        picture = samples.table.read(0) if small[0] is None else small[0]
        rim = 2 + size // min(picture.shape[:2])
        in_colour = live(face if found.gray else picture)
        return Shown(
            training, live(picture), in_colour, form, 0 if samples.points is not None else rim
        )

    return show


def saved_of(data, system=None):
    return SavedSystem(system, "dan", data, 0, Card("none", ("a", "b"), 1, 1, 1.0), {})


def levels(one, other, rim):
    """Gray levels between two crops, but for where the picture ends."""
    inside = slice(rim, one.shape[2] - rim)
    return ((one - other).abs() * STD * 255)[:, inside, inside].flatten()


@pytest.mark.slow
@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_network_sees_live_what_it_saw_in_training(path, shown):
    settings = read_settings(read_recipe(path, **PLACES))
    own, data = settings.own, settings.data
    enlarged = SMALL if getattr(own, "upscaler", "") == "disk" else 0
    said = shown(data, own.input_size, enlarged)
    assert said.training.shape == said.live.shape == (3, own.input_size, own.input_size)
    off = levels(said.training, said.live, said.rim)
    if data.align == "landmarks":
        assert off.max() <= ROUNDING * 255
        assert said.form.template is None
    else:  # of places rounded to four digits, and of JPEGs of what was enlarged
        assert said.form.align == "landmarks"
        assert np.abs(np.array(said.form.template) - ALIGNED).max() < 0.08
        assert off.quantile(0.999) <= 3
        assert off.mean() < 0.5
    coloured = levels(said.training, said.in_colour, said.rim)
    assert coloured.quantile(0.99) <= 3
    assert coloured.mean() < 1


def test_aligned_pictures_of_a_set_are_told_from_those_that_nobody_turned(
    tmp_path, made_up, portrait, monkeypatch
):
    """And those in which faces lie anywhere cannot be made live."""
    data, cache = DataConfig(dataset="raf-db", align="none"), tmp_path / "cache"
    picture, points = portrait
    rng = np.random.default_rng(0)

    def framing(name, turn_deg, shift):
        root = tmp_path / name
        made_up.TREES["raf-db"](root / "raf-db")
        for path in sorted((root / "raf-db").rglob("*.jpg")):
            place = ALIGNED * 100 - 0.5
            turn = np.radians(rng.uniform(-turn_deg, turn_deg))
            linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            centre = place.mean(axis=0)
            place = (place - centre) @ linear.T + centre + rng.uniform(-shift, shift, 2)
            face = warp(picture, similarity(points, place.astype(np.float32)), 100)
            cv2.imwrite(str(path), face)
        return framing_of(saved_of(data), Path("run"), root, cache / name)

    assert framing("turned", 0, 1)["align"] == "landmarks"
    assert framing("as they were", 20, 1)["align"] == "upright"
    says = r"run: trained on pictures of raf-db as they are, and a face is found in \d+ of \d+ only"
    with pytest.raises(ModelError, match=says):
        framing("anywhere", 0, 35)
    monkeypatch.setattr("export.framing.FOUND", 0.1)
    monkeypatch.setattr("export.framing.ANYWHERE", 0.1)
    with pytest.raises(ModelError, match=r"in which faces lie anywhere \(0\.1\d of a side"):
        framing("anywhere still", 0, 35)


def test_pictures_that_something_unknown_enlarged_cannot_be_made_live():
    def system(**more):
        sizes = {"input_size": 96, "upscaled_size": 96, "backbone_size": 56, "loss": "ce"}
        return NeuralResizerSystem(NeuralResizerConfig(backbone="swin_micro", **sizes, **more))

    data = DataConfig(align="none")
    says = "net: cannot run live: its pictures were super-resolved beforehand, and the network that"
    with pytest.raises(ModelError, match=says):
        check_served(saved_of(data, system()), "net")
    known = system(enlarged_from=48)
    check_served(saved_of(data, known), "net")
    assert (known.input_size, known.crop_size) == (96, 48)
    assert any(name.startswith("enlarger.") for name in known.state_dict())
    assert not any(p.requires_grad for p in known.enlarger.parameters())
    gray = DataConfig(align="none", channel_order="gray")
    with pytest.raises(ModelError, match=r"its enlarged pictures are gray; train with data\.chan"):
        check_served(saved_of(gray, known), "net")


@pytest.mark.parametrize("path", SHIP, ids=lambda path: path.stem)
def test_networks_that_ship_take_the_crop_of_poster_rt(path):
    """The resizer takes it at its own side; all of them as gray bytes, normalised in the graph."""
    settings = read_settings(read_recipe(path, **PLACES))
    shipped = load_manifest(asset_path("poster-rt.onnx")).read(CropInput, "input")
    side, data = settings.own.input_size, settings.data
    assert not is_colourless(data)
    form = parse(CropInput, crop_input(side, colour_of(data), colourless=is_colourless(data)))
    own = {"ferplus-small-resizer-rt": 64} | {
        f"ferplus-small-{name}": SMALL for name in ("resizer", "resizer-vanilla", "swin")
    }
    assert side == own.get(path.stem, shipped.size)
    assert replace(form, size=shipped.size) == shipped
    assert (form.align, form.template) == ("landmarks", None)
