"""The stages of `scripts/gpu`; each prints JSON, line by line, and is a process of its own.

python -m scripts.gpu_work STAGE OUT FACES SECONDS [tiny], or pack FILE DATA CACHE. What a stage
lacks is imported inside it: exit code 77 then, with the reason.
"""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.installed import commit, versions_of
from scripts.gpu_stages import SKIPPED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.networks.manifest import Manifest
    from engine.networks.runtime import Network

    Feed = Mapping[str, NDArray[np.generic]]

BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PACK_BYTES: Final = 25_000_000
PACK_SIDE: Final = 56  # FER+ has 48; a crop of 56 is its face, not shrunk
PACKAGES: Final = (
    "torch",
    "onnxruntime",
    "onnxruntime-gpu",
    "tensorrt",
    "cuda-python",
    "numpy",
    "opencv-python-headless",
)
# Largest difference to the CPU, over the larger of 1 and the answer, that a device may show. What
# CUDA and TensorRT's provider round products to (TF32) is coarser than what engines are held to.
BOUNDS: Final[Mapping[str, float]] = {
    "cpu": 1e-4,
    "cuda": 2e-2,
    "tensorrt": 2e-2,
    "engine": 1e-3,
    "torch": 1e-3,
}
INT8_BOUND: Final = 0.5  # of int8: a rounding that falls the other way moves an answer
AGREEMENT: Final = 0.99  # least share of faces with the same label


class LackingError(Exception):
    """A stage cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a stage is asked for.

    Attributes:
        out: Folder of results.
        faces: The pack; None for noise.
        seconds: That it may take.
        tiny: Try it out.
    """

    out: Path
    faces: Path | None
    seconds: float
    tiny: bool


def say(**figures: object) -> None:
    """Hand figures to whoever started this."""
    print(json.dumps(figures), flush=True)


def main(argv: Sequence[str]) -> int:
    """Run one stage."""
    stage, *rest = argv
    try:
        if stage == "pack":
            make_pack(Path(rest[0]), Path(rest[1]), Path(rest[2]))
        else:
            out, faces, seconds = rest[:3]
            STAGES[stage](
                Task(
                    Path(out), Path(faces) if faces else None, float(seconds), rest[3:] == ["tiny"]
                )
            )
    except (LackingError, ImportError) as error:
        missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
        say(reason=f"the package {missing} is missing" if missing else str(error))
        return SKIPPED
    return 0


def about(_: Task) -> None:
    """Say what is here."""
    versions = versions_of(PACKAGES)
    say(python=platform.python_version(), system=platform.platform(), commit=commit())
    say(packages=", ".join(f"{name} {version}" for name, version in versions.items()) or "none")
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True)
        say(gpu=said.stdout.strip())
    except (OSError, subprocess.SubprocessError):
        say(gpu="none that nvidia-smi knows")


def cpu(task: Task) -> None:
    """See that ONNX Runtime's CPU answers a batch as it answers each face alone."""
    _compare(task, "cpu", lambda manifest: _provider(manifest, "cpu"), alone=True)


def cuda(task: Task) -> None:
    """Compare ONNX Runtime's CUDA provider with its CPU provider."""
    _need_provider("cuda")
    _compare(task, "cuda", lambda manifest: _provider(manifest, "cuda"))


def tensorrt(task: Task) -> None:
    """Compare ONNX Runtime's TensorRT provider with its CPU provider."""
    _need_provider("tensorrt")
    _compare(task, "tensorrt", lambda manifest: _provider(manifest, "tensorrt"))


def engine(task: Task) -> None:
    """Build engines of the fp32 networks and compare our own runtime with the CPU provider."""
    from engine.errors import ModelError
    from engine.networks.tensorrt.build import load_tensorrt
    from engine.networks.tensorrt.cuda import Cuda

    try:
        load_tensorrt()
        Cuda()
    except ModelError as error:
        raise LackingError(str(error)) from error
    folder = task.out / "engines"
    folder.mkdir(exist_ok=True)
    _compare(task, "engine", lambda manifest: _engine(manifest, folder), precisions=("fp32",))


def _engine(manifest: "Manifest", folder: Path) -> "Network":
    """Build an engine, unless it is there, and open it."""
    import shutil

    from engine.networks.manifest import load_manifest
    from engine.networks.runtime import open_session
    from engine.networks.tensorrt.build import BuildConfig
    from engine.networks.tensorrt.cuda import Cuda
    from engine.networks.tensorrt.engine_file import write_engine

    graph = folder / manifest.path.name
    for suffix in (".onnx", ".json"):
        shutil.copyfile(manifest.path.with_suffix(suffix), graph.with_suffix(suffix))
    made = graph.with_suffix(".engine")
    if not made.exists():
        sizes = BuildConfig(max_batch=BATCHES[-1], usual_batch=16)
        write_engine(load_manifest(graph), made, Cuda(), sizes)
    return open_session(load_manifest(graph), "tensorrt")


def _need_provider(name: str) -> None:
    from engine.networks.ort import onnxruntime
    from engine.networks.runtime import PROVIDERS

    there = onnxruntime.get_available_providers()
    if PROVIDERS[name] not in there:
        raise LackingError(f"this onnxruntime has no {PROVIDERS[name]}, but {', '.join(there)}")


def _provider(manifest: "Manifest", name: str) -> "Network":
    from engine.networks.runtime import Session

    return Session(manifest, name)


def networks(precisions: Sequence[str] = ()) -> list["Manifest"]:
    """List what ships, landmark networks first: their maps are what others read."""
    from engine.assets import asset_path
    from engine.networks.manifest import load_manifest

    folder = asset_path("poster-rt.onnx").parent
    found = [load_manifest(path) for path in sorted(folder.glob("*.onnx"))]
    kept = [one for one in found if not precisions or one.precision in precisions]
    return sorted(kept, key=lambda one: one.kind == "expression")


def _compare(
    task: Task,
    bound: str,
    opens: "Callable[[Manifest], Network]",
    *,
    precisions: Sequence[str] = (),
    alone: bool = False,
) -> None:
    """Compare every shipped network with the CPU provider on the same pictures; say the errors.

    Args:
        task: Says which faces.
        bound: Of `BOUNDS`.
        opens: Gives the network to judge.
        precisions: Of the networks that are judged; none is all.
        alone: Judge a batch by the answers to each face alone.
    """
    import numpy as np

    rows, differs, count = [], [], 8 if task.tiny else 64
    crops = faces_of(task, count)
    for manifest in networks(precisions):
        with closing(_provider(manifest, "cpu")) as truth, closing(opens(manifest)) as other:
            feed = feed_of(manifest, crops)
            if alone:
                parts = [truth.run(one) for one in _one_by_one(feed)]
                wanted = [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
            else:
                wanted = truth.run(feed)
            said = dict(zip(other.outputs, other.run(feed), strict=True))
        limit = INT8_BOUND if manifest.precision == "int8" and not alone else BOUNDS[bound]
        for name, want in zip(truth.outputs, wanted, strict=True):
            error = float((np.abs(said[name] - want) / np.maximum(1, np.abs(want))).max())
            row: dict[str, Any] = {"network": manifest.name, "output": name, "error": error}
            if name == "logits":
                row["same"] = float((said[name].argmax(1) == want.argmax(1)).mean())
            rows.append(row)
            if not error <= limit or row.get("same", 1.0) < AGREEMENT:
                differs.append(f"{manifest.name} {name}")
        say(parity=rows, differs=differs, device=other.device, faces=count)


def _one_by_one(feed: "Feed") -> "Iterator[Feed]":
    for row in range(len(next(iter(feed.values())))):
        yield {name: values[row : row + 1] for name, values in feed.items()}


def faces_of(task: Task, count: int) -> "NDArray[np.uint8]":
    """Give (N, 112, 112) uint8 gray validation faces, or noise where no pack is given."""
    import cv2
    import numpy as np

    if task.faces is None:
        return np.random.default_rng(0).integers(0, 256, (count, 112, 112), np.uint8)
    with np.load(task.faces) as pack:
        crops = pack["valid"][:count]
    crops = crops[np.arange(count) % len(crops)]
    return np.stack(
        [cv2.resize(crop, (112, 112), interpolation=cv2.INTER_LINEAR) for crop in crops]
    )


def feed_of(manifest: "Manifest", crops: "NDArray[np.uint8]") -> "Feed":
    """Make the inputs of a network for so many faces."""
    import cv2
    import numpy as np

    from engine.faces.preprocessing import batch_of
    from engine.networks.manifest import ExpressionFacts, LandmarkFacts
    from engine.reading.fusion import landmarks_of

    if manifest.kind == "detector":  # which takes one picture: of two faces, whatever is asked for
        picture = cv2.resize(np.hstack(list(crops[[0, -1]])), (448, 224))
        return {str(manifest.value("input.name")): picture[None, None]}
    kind = ExpressionFacts if manifest.kind == "expression" else LandmarkFacts
    form = manifest.read(kind).input
    resized = [cv2.resize(crop, (form.size, form.size)) for crop in crops]
    feed = {"crops": batch_of([cv2.cvtColor(c, cv2.COLOR_GRAY2BGR) for c in resized], form)}
    facts = manifest.read(ExpressionFacts) if manifest.kind == "expression" else None
    if facts is not None and facts.landmarks.maps:
        marks = landmarks_of(manifest)
        with closing(_provider(marks, "cpu")) as network:
            seen = dict(zip(network.outputs, network.run(feed_of(marks, crops)), strict=True))
        feed |= {name: seen[name] for name in facts.landmarks.maps}
    return feed


def torch_stage(task: Task) -> None:
    """Compare poster-rt in torch on the GPU with torch on the CPU."""
    import numpy as np
    import torch

    device = _device(task, torch)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    model = _poster_rt(torch)
    crops = torch.from_numpy(faces_of(task, 8 if task.tiny else 64))
    images = _images(torch, crops)
    rows, differs = [], []
    with torch.no_grad():
        wanted = model.eval()(images)
        said = model.to(device)(images.to(device))
    for name in ("logits", "affect"):
        want, got = (getattr(each, name).float().cpu().numpy() for each in (wanted, said))
        error = float((np.abs(got - want) / np.maximum(1, np.abs(want))).max())
        row: dict[str, Any] = {"network": "poster-rt", "output": name, "error": error}
        if name == "logits":
            row["same"] = float((got.argmax(1) == want.argmax(1)).mean())
        rows.append(row)
        if not error <= BOUNDS["torch"]:
            differs.append(name)
    say(parity=rows, differs=differs, device=str(device))


def _device(task: Task, torch: Any) -> Any:  # noqa: ANN401 - a module that may be missing
    if torch.cuda.is_available():
        return torch.device("cuda")
    if not task.tiny:
        raise LackingError(f"torch {torch.__version__} sees no CUDA device")
    return torch.device("cpu")


def _poster_rt(torch: Any) -> Any:  # noqa: ANN401 - as above
    from engine.assets import asset_path
    from training.models.poster_rt import PosterRT
    from training.weights import load_part

    torch.manual_seed(0)
    model = PosterRT()
    load_part(model, asset_path("poster-rt.safetensors"))
    return model


def _images(torch: Any, crops: Any) -> Any:  # noqa: ANN401 - as above
    """Normalise gray bytes (N, S, S) to what the network takes, (N, 3, 112, 112)."""
    from engine.faces.preprocessing import MEAN, STD

    values = crops[:, None].float() / 255
    if values.shape[-1] != 112:
        values = torch.nn.functional.interpolate(
            values, (112, 112), mode="bilinear", align_corners=False
        )
    mean, spread = (torch.tensor(x, device=values.device).reshape(1, 3, 1, 1) for x in (MEAN, STD))
    return ((values - mean) / spread).contiguous(memory_format=torch.channels_last)


def speed(task: Task) -> None:
    """Time what there is, at every batch, for as long as there is time."""
    rows: list[dict[str, Any]] = []
    ends = time.monotonic() + task.seconds
    ways = [*_ways(task)]
    batches = BATCHES[:2] if task.tiny else BATCHES
    for name, manifest, opens in ways:
        share = max(1.0, (ends - time.monotonic()) / max(1, len(ways)))
        with closing(opens(manifest)) as network:
            for batch in batches:
                feed = feed_of(manifest, faces_of(task, batch))
                rows.append(
                    _timed(network, feed, batch, 0.05 if task.tiny else share / len(batches))
                )
                rows[-1] |= {"network": manifest.name, "device": name}
                say(speed=rows)
                if time.monotonic() > ends - 5:
                    say(reason="its time was over before all was measured")
                    return


def _ways(task: Task) -> "Iterator[tuple[str, Manifest, Callable[[Manifest], Network]]]":
    from engine.networks.ort import onnxruntime
    from engine.networks.runtime import PROVIDERS

    there = onnxruntime.get_available_providers()
    folder = task.out / "engines"
    wanted = [one for one in networks() if one.kind != "detector"]
    for manifest in wanted:
        if (folder / f"{manifest.path.stem}.engine").exists():
            yield "engine", manifest, lambda one: _engine(one, folder)
    for name, provider in PROVIDERS.items():
        if provider in there:
            for manifest in wanted:
                if name == "cpu" or manifest.precision != "int8":
                    yield name, manifest, lambda one, name=name: _provider(one, name)


def _timed(network: "Network", feed: "Feed", batch: int, seconds: float) -> dict[str, Any]:
    import numpy as np

    for _ in range(3):
        network.run(feed)
    times, ends = list[float](), time.monotonic() + min(seconds, 3.0)
    while len(times) < 5 or (time.monotonic() < ends and len(times) < 1000):
        begun = time.perf_counter()
        network.run(feed)
        times.append(1000 * (time.perf_counter() - begun))
    p50, p95 = (float(x) for x in np.percentile(times, (50, 95)))
    return {"batch": batch, "p50_ms": p50, "p95_ms": p95, "per_s": 1000 * batch / p50}


def train(task: Task) -> None:
    """Train poster-rt from its landmark network for the time there is; goes on where it stopped."""
    import numpy as np
    import torch

    from engine.assets import asset_path
    from engine.labels import EXPRESSIONS
    from training.data.targets import valence_arousal
    from training.systems.build import SystemConfig, Truths, build
    from training.systems.poster_rt import PosterRTConfig
    from training.types import Target

    if task.faces is None:
        raise LackingError("needs --faces; make them with --pack")
    device = _device(task, torch)
    with np.load(task.faces) as pack:
        data = {name: torch.from_numpy(pack[name]) for name in pack.files}
    batch, steps = (4, 2) if task.tiny else (256, 4000)
    torch.manual_seed(0)
    start = SystemConfig(
        name="poster_rt", landmark_weights=str(asset_path("landmark-net.safetensors"))
    )
    model = build(PosterRTConfig(), start, Truths((1,) * 8, None, EXPRESSIONS)).to(device)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.05)
    saved, step = task.out / "train.pt", 0
    if saved.exists():
        state = torch.load(saved, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        rate.load_state_dict(state["rate"])
        step = int(state["step"])
    crops, shares = data["train"].to(device), data["train_shares"].to(device)
    affect = torch.from_numpy(valence_arousal(data["train_shares"].numpy())).to(device)
    labels = shares.argmax(1)
    begun, first = time.monotonic(), step
    half = device.type == "cuda"
    model.train()
    while step < steps and time.monotonic() - begun < task.seconds - (0 if task.tiny else 45):
        draws = torch.Generator().manual_seed(step)  # a step is the same whoever goes on with it
        rows = torch.randint(len(crops), (batch,), generator=draws).to(device)
        images = _spoilt(torch, _images(torch, crops[rows]), draws)
        target = Target(labels[rows], shares[rows], affect[rows])
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss, _ = model.loss(images, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        step += 1
        if step % 100 == 0:
            say(step=step, loss=float(loss.detach()), faces_per_s=_rate(step - first, batch, begun))
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rate": rate.state_dict(),
        "step": step,
    }
    partial = saved.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(saved)
    if step > first:
        say(faces_per_s=_rate(step - first, batch, begun))
    accuracy, count = _judged(torch, model, data, device)
    say(
        step=step,
        steps=steps,
        batch=batch,
        device=str(device),
        faces=len(crops),
        accuracy=accuracy,
        judged=count,
    )
    if step < steps:
        say(status="unfinished", reason="its time is over; the next call goes on")


def _rate(steps: int, batch: int, begun: float) -> float:
    return steps * batch / (time.monotonic() - begun)


def _spoilt(torch: Any, images: Any, draws: Any) -> Any:  # noqa: ANN401 - as above
    """Mirror half of the faces, shift, brighten and cover a little."""
    count = len(images)
    flips = torch.rand(count, generator=draws) < 0.5
    images = torch.where(flips.to(images.device)[:, None, None, None], images.flip(3), images)
    down, right = (int(x) for x in torch.randint(-6, 7, (2,), generator=draws))
    images = images.roll((down, right), (2, 3))
    gain = (0.8 + 0.4 * torch.rand(count, 1, 1, 1, generator=draws)).to(images.device)
    shift = (0.6 * torch.rand(count, 1, 1, 1, generator=draws) - 0.3).to(images.device)
    return (images * gain + shift).contiguous(memory_format=torch.channels_last)


def _judged(torch: Any, model: Any, data: Mapping[str, Any], device: Any) -> tuple[float, int]:  # noqa: ANN401 - as above
    """Give the share of validation faces whose most voted class is the most probable one."""
    model.eval()
    labels, right = data["valid_shares"].argmax(1), 0
    with torch.no_grad():
        for first in range(0, len(labels), 256):
            images = _images(torch, data["valid"][first : first + 256].to(device))
            said = model(images).logits.argmax(1).cpu()
            right += int((said == labels[first : first + 256]).sum())
    return right / len(labels), len(labels)


def make_pack(path: Path, data: Path, cache: Path) -> None:
    """Write FER+'s validation faces and as many training faces as fit into 25 MB, all as served."""
    import numpy as np

    from training.data.samples import DataConfig, load_samples

    config = DataConfig(dataset="ferplus", channel_order="gray", votes=True)
    parts: dict[str, Any] = {}
    for split in ("valid", "train"):
        samples = load_samples(config, split, PACK_SIDE, root=data, cache=cache, cut=False)
        count = len(samples.table.labels)
        order = np.random.default_rng(0).permutation(count)
        room = PACK_BYTES * 0.98 - sum(_packed(part) for part in parts.values())
        probe = np.stack([_gray(samples.crops[int(row)]) for row in order[:256]])
        fit = int(room / ((_packed(probe) + _packed(samples.table.shares[order[:256]])) / 256))
        rows = np.sort(order[: min(count, fit)])
        parts[split] = np.stack([_gray(samples.crops[int(row)]) for row in rows])
        parts[f"{split}_shares"] = samples.table.shares[rows]
        print(f"{split}: {len(rows)} of {count} faces", file=sys.stderr)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, **parts)
    if partial.stat().st_size > PACK_BYTES:
        partial.unlink()
        raise LackingError(f"{path}: would have more than {PACK_BYTES} bytes")
    partial.replace(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


def _gray(crop: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    from engine.faces.preprocessing import gray_of

    return gray_of(crop)


def _packed(array: "NDArray[Any]") -> int:
    import io

    import numpy as np

    file = io.BytesIO()
    np.savez_compressed(file, array)
    return file.tell()


STAGES: Final[Mapping[str, Callable[[Task], None]]] = {
    "about": about,
    "cpu": cpu,
    "cuda": cuda,
    "tensorrt": tensorrt,
    "engine": engine,
    "torch": torch_stage,
    "speed": speed,
    "train": train,
}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
