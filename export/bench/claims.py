"""The rest of what the command is judged by: start, memory, rates of the analysis."""

import statistics
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import psutil

from engine.analyze import AnalyzerConfig, open_analyzer, open_finder, open_reader
from engine.assets import asset_path
from engine.networks.runtime import Device
from engine.pipeline import Pipeline
from engine.types import Analysis, Frame, Image
from engine.video.opening import open_source
from export.bench.clips import COMMAND, failure, seconds

MIB: Final = 2**20
DEMO: Final = "demo.mp4"


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure of the README.

    Attributes:
        what: Was measured.
        measured: With its unit.
        wanted: By the project; empty where nothing is.
    """

    what: str
    measured: str
    wanted: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


def analysis_of_small_frames(device: Device = "auto") -> list[Claim]:
    """Time the analysis alone on the demo clip at 640x360, frames with one face."""
    with open_source(str(asset_path(DEMO))) as source:
        frames = [small(frame) for frame in source]
    analyses, runs_on = analysed(frames, device)
    single = [analysis for analysis in analyses if len(analysis.tracks) == 1]
    followed = [one for one in single if not {"detect", "glance"} & set(one.times_ms)]
    detected = [a.times_ms["detect"] for a in analyses if "detect" in a.times_ms]
    networks = [a.times_ms["landmarks"] + a.times_ms["fusion"] for a in followed]
    return [
        Claim(
            f"landmarks and fusion, one face, {runs_on}, p50",
            f"{statistics.median(networks):.1f} ms",
            "3 ms or less",
        ),
        Claim(
            f"frame without detection, 640x360, one face, {runs_on}, p50",
            f"{statistics.median(sum(a.times_ms.values()) for a in followed):.1f} ms",
            "10 ms or less",
        ),
        Claim(
            "detector pass, 640x360, p50", f"{statistics.median(detected):.1f} ms", "15 ms or less"
        ),
        Claim(
            "analysis, 640x360, one face",
            f"{rate(frames, analyses, device):.0f} fps",
            "150 or more: 3 x 50 of `fer`",
        ),
    ]


def analysed(frames: Sequence[Frame], device: Device) -> tuple[list[Analysis], str]:
    """Analyse frames one after the other, all cores at each; give also the device."""
    with open_analyzer(AnalyzerConfig(device=device)) as analyzer:
        return [analyzer.analyze(frame) for frame in frames], analyzer.device


def rate(frames: Sequence[Frame], analyses: Sequence[Analysis], device: Device) -> float:
    """Frames a second of the pipeline, as `fer-video` runs it, where one face is in view."""
    alone = [len(analysis.tracks) == 1 for analysis in analyses]
    runs = [list(group) for shown, group in groupby(frames, lambda f: alone[f.index]) if shown]
    there = max(runs, key=len)
    course = (there + there[::-1]) * 3  # back and forth: the face never jumps
    step_s = course[1].time_s - course[0].time_s
    again = [Frame(k, k * step_s, frame.image) for k, frame in enumerate(course)]
    config = AnalyzerConfig(device=device)
    with Pipeline(again, partial(open_finder, config), partial(open_reader, config)) as pipeline:
        results = iter(pipeline)
        next(results)
        started = time.monotonic()
        count = sum(1 for _ in results)
    return count / (time.monotonic() - started)


def small(frame: Frame) -> Frame:
    """Bring a frame to 640x360."""
    if frame.image.shape[:2] == (360, 640):
        return frame
    image = cv2.resize(frame.image, (640, 360), interpolation=cv2.INTER_AREA)
    return Frame(frame.index, frame.time_s, image.astype(np.uint8, copy=False))


def start_up(clip: Path, folder: Path, repeats: int, device: Device = "auto") -> list[Claim]:
    """Time the process from start to `--version`, and to a finished film of one frame.

    Raises:
        FerError: The command failed; the message is its own.
    """
    first = [*COMMAND, str(clip), "--out", str(folder / "first.mp4"), "--overwrite"]
    first += ["--duration", "0.001", "--quiet", "--device", device]
    version = [*COMMAND, "--version"]
    version_s = statistics.median(seconds(lambda: _call(version)) for _ in range(repeats))
    first_s = statistics.median(seconds(lambda: _call(first)) for _ in range(repeats))
    name = "first frame written, from the start of the process"
    return [
        Claim("`fer-video --version`", f"{version_s:.2f} s", "under 0.6 s"),
        Claim(name, f"{first_s:.2f} s", "within 2 s"),
    ]


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise failure(done.returncode, done.stderr)


def memory_at_1080p(folder: Path, device: Device = "auto") -> list[Claim]:
    """Give the peak memory and the rates of a run at 1920x1080.

    Raises:
        FerError: The command failed; the message is its own.
    """
    clip = folder / "large.mp4"
    with open_source(str(asset_path(DEMO))) as source:
        write_clip(clip, [frame.image for frame in source])
    started = time.monotonic()
    sizes = resident(clip, folder / "large-out.mp4", device)
    elapsed_s = time.monotonic() - started
    with open_source(str(clip)) as source:
        frames = list(source)
    analyses, _ = analysed(frames, device)
    return [
        Claim("peak memory, 1920x1080", f"{max(sizes) / MIB:.0f} MiB", "under 700 MB"),
        Claim("whole command, 1920x1080", f"{len(analyses) / elapsed_s:.1f} fps"),
        Claim(
            "analysis, 1920x1080, one face",
            f"{rate(frames, analyses, device):.0f} fps",
            "120 or more: 10 x 12 of face-api.js",
        ),
    ]


def write_clip(path: Path, images: Sequence[Image]) -> None:
    """Encode pictures at 1920x1080, 25 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for image in images:
            large = cv2.resize(image, (1920, 1080), interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(np.asarray(large, np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def resident(clip: Path, out: Path, device: Device = "auto", every_s: float = 0.05) -> list[int]:
    """Run `fer-video` and sample its resident memory, bytes.

    Raises:
        FerError: The command failed; the message is its own.
    """
    rows = out.with_suffix(".csv")
    command = [*COMMAND, str(clip), "--out", str(out), "--records", str(rows), "--quiet"]
    command += ["--device", device]
    sizes = []
    with psutil.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess):  # it has ended since
                sizes.append(process.memory_info().rss)
            time.sleep(every_s)
        said = process.stderr.read() if process.stderr else ""
    if process.returncode != 0:
        raise failure(process.returncode, said)
    return sizes


def memory_over_time(
    clip: Path, folder: Path, minutes: float, device: Device = "auto"
) -> list[Claim]:
    """Show memory along a looped film, in tenths of the run.

    Raises:
        FerError: The command failed; the message is its own.
    """
    film = folder / "loop.mkv"
    loop(clip, film, minutes * 60)
    started = time.monotonic()
    sizes = resident(film, folder / "loop-out.mkv", device, every_s=1.0)
    elapsed_s = time.monotonic() - started
    parts = [part for part in np.array_split(np.array(sizes), 10) if len(part)]
    course = " ".join(f"{max(part) / MIB:.0f}" for part in parts)
    what = f"memory over {minutes:g} minutes of video ({elapsed_s:.0f} s), peak of each tenth"
    return [Claim(what, f"{course} MiB", "flat")]


def loop(clip: Path, film: Path, length_s: float) -> None:
    """Repeat the video of `clip` until it is `length_s` long, without encoding it again."""
    with av.open(str(film), "w") as target:
        offset_s, copy = Fraction(0), None
        while offset_s < length_s:
            with av.open(str(clip)) as container:
                stream = container.streams.video[0]
                copy = copy or target.add_stream_from_template(stream)
                base = stream.time_base or Fraction(1, 1000)
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts = (packet.pts or 0) + round(offset_s / base)
                    packet.dts += round(offset_s / base)
                    packet.stream = copy
                    target.mux(packet)
                offset_s += (stream.duration or 0) * base
