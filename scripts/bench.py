"""Measure speed and memory of the installed project; prints Markdown.

    scripts/bench                          # the bundled clip
    scripts/bench CLIP... --repeats 5      # clips of one's own
    scripts/bench --soak 30                # memory over a looped half hour as well

Ratios compare runs that take turns in one process. Run it on a machine that does nothing else.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

import av
import av.video
import cv2
import numpy as np

from app.interrupt import Interrupt
from app.job import Job, cores, run_job
from engine.align import CROP_SIZE
from engine.analyze import AnalyzerConfig, open_analyzer, open_finder, open_reader
from engine.assets import asset_path
from engine.fusion import Fusion, landmarks_of
from engine.landmarker import Landmarker
from engine.models import choose
from engine.pipeline import Pipeline
from engine.sink import SinkConfig
from engine.source import open_source
from engine.types import Analysis, Face, Frame, Image

ROOT: Final = Path(__file__).resolve().parent.parent
COMMAND: Final = [sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main())"]
MIB: Final = 2**20
Row = tuple[str, str, str]


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path, default=[asset_path("demo.mp4")])
    parser.add_argument("--repeats", type=int, default=5, help="runs behind each median (5)")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="length of the looped video")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[Row] = []
        for clip in options.clips:
            rows += whole_command(clip, folder, options.repeats)
        rows += analysis_of_small_frames()
        rows += start_up(options.clips[0], folder, options.repeats)
        rows += memory_at_1080p(folder)
        if options.soak:
            rows += memory_over_time(options.clips[0], folder, options.soak)
    print(heading())
    print("| what | measured | wanted |\n| --- | --- | --- |")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def heading() -> str:
    """Name the commit, the machine and the model."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    model = choose("poster-rt").expression
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}, "
        f"{model.name} {model.sha256[:12]}, {processor()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} before the end\n"
    )


def processor() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def whole_command(clip: Path, folder: Path, repeats: int) -> list[Row]:
    """Compare the whole work, models loaded anew, with decoding and encoding alone."""
    out, rows = folder / "out.mp4", folder / "rows.csv"
    job = Job(input=str(clip), out=out, records=rows, overwrite=True)
    frames = run_job(job, Interrupt()).summary.frames  # warms the disk's cache
    bare, whole = [], []
    for _ in range(repeats):
        bare.append(timed(lambda: decode_and_encode(clip, out)))
        whole.append(timed(lambda: run_job(job, Interrupt())))
    bare_s, whole_s = statistics.median(bare), statistics.median(whole)
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        size = f"{video.width}x{video.height}"
    title = f"{clip.name}, {size}, {frames} frames"
    return [
        (f"{title}: decode + encode alone", f"{frames / bare_s:.1f} fps", ""),
        (f"{title}: video and rows", f"{frames / whole_s:.1f} fps", ""),
        (f"{title}: ratio", f"{bare_s / whole_s:.2f}", "0.5 or more"),
    ]


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def decode_and_encode(clip: Path, out: Path) -> None:
    """Do what has to be done without us: decode, encode as the sink does, copy no sound."""
    settings = SinkConfig()
    with av.open(str(clip)) as container, av.open(str(out), "w") as target:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        encoder = target.add_stream(
            "libx264",
            rate=stream.average_rate,
            options={"crf": str(settings.crf), "preset": settings.preset},
        )
        encoder.width, encoder.height = stream.width // 2 * 2, stream.height // 2 * 2
        encoder.pix_fmt = "yuv420p"
        encoder.codec_context.time_base = stream.time_base
        encoder.codec_context.thread_count = settings.threads
        for frame in container.decode(stream):
            frame.pict_type = av.video.frame.PictureType.NONE
            target.mux(encoder.encode(frame))
        target.mux(encoder.encode(None))


def analysis_of_small_frames() -> list[Row]:
    """Time the analysis alone on the demo clip at 640x360, frames with one face."""
    with open_source(str(asset_path("demo.mp4"))) as source:
        frames = [small(frame) for frame in source]
    analyses, device = analysed(frames)
    single = [analysis for analysis in analyses if len(analysis.tracks) == 1]
    followed = [analysis for analysis in single if "detect" not in analysis.times_ms]
    detected = [a.times_ms["detect"] for a in analyses if "detect" in a.times_ms]
    networks = [a.times_ms["landmarks"] + a.times_ms["fusion"] for a in followed]
    return [
        (
            f"landmarks and fusion, one face, {device}, p50",
            f"{statistics.median(networks):.1f} ms",
            "3 ms or less",
        ),
        ("landmarks and fusion, four faces, p50", f"{four_faces_ms():.1f} ms", "8 ms or less"),
        (
            f"frame without detection, 640x360, one face, {device}, p50",
            f"{statistics.median(total_ms(a) for a in followed):.1f} ms",
            "10 ms or less",
        ),
        ("detector pass, 640x360, p50", f"{statistics.median(detected):.1f} ms", "15 ms or less"),
        (
            "analysis, 640x360, one face",
            f"{rate(frames, analyses):.0f} fps",
            "150 or more: 3 x 50 of `fer`",
        ),
    ]


def four_faces_ms(rounds: int = 100) -> float:
    """Time both networks on four faces at once, all cores at each; median."""
    chosen = choose("poster-rt")
    landmarker = Landmarker(landmarks_of(chosen.expression), chosen.device)
    fusion = Fusion(chosen.expression, chosen.device)
    shape = (CROP_SIZE, CROP_SIZE, 3)
    crop = np.random.default_rng(0).integers(0, 256, shape, np.uint8)  # takes as long as a face
    faces, images = 4 * [Face(crop, np.eye(2, 3, dtype=np.float32))], 4 * [crop]
    times = (timed(lambda: fusion.read(landmarker.locate(faces), images)) for _ in range(rounds))
    return 1000 * statistics.median(times)


def analysed(frames: Sequence[Frame]) -> tuple[list[Analysis], str]:
    """Analyse frames one after the other, all cores at each; give also the device."""
    with open_analyzer(AnalyzerConfig()) as analyzer:
        return [analyzer.analyze(frame) for frame in frames], analyzer.device


def rate(frames: Sequence[Frame], analyses: Sequence[Analysis]) -> float:
    """Frames a second of the pipeline, as `fer-video` runs it, where one face is in view."""
    alone = [len(analysis.tracks) == 1 for analysis in analyses]
    runs = [list(group) for shown, group in groupby(frames, lambda f: alone[f.index]) if shown]
    there = max(runs, key=len)
    course = (there + there[::-1]) * 3  # back and forth: the face never jumps
    step_s = course[1].time_s - course[0].time_s
    again = [Frame(k, k * step_s, frame.image) for k, frame in enumerate(course)]
    config = AnalyzerConfig(threads=max(1, cores() // 2))
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


def total_ms(analysis: Analysis) -> float:
    """Milliseconds of all stages."""
    return sum(analysis.times_ms.values())


def start_up(clip: Path, folder: Path, repeats: int) -> list[Row]:
    """Time the process from start to `--version`, and to a finished film of one frame."""
    first = [*COMMAND, str(clip), "--out", str(folder / "first.mp4"), "--overwrite"]
    first += ["--duration", "0.001", "--quiet"]
    version = [*COMMAND, "--version"]
    version_s = statistics.median(timed(lambda: call(version)) for _ in range(repeats))
    first_s = statistics.median(timed(lambda: call(first)) for _ in range(repeats))
    return [
        ("`fer-video --version`", f"{version_s:.2f} s", "under 0.6 s"),
        ("first frame written, from the start of the process", f"{first_s:.2f} s", "within 2 s"),
    ]


def call(command: Sequence[str]) -> None:
    """Run a command in silence; a failure ends the benchmark."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def memory_at_1080p(folder: Path) -> list[Row]:
    """Give the peak memory of a run at 1920x1080."""
    clip = folder / "large.mp4"
    with open_source(str(asset_path("demo.mp4"))) as source:
        write_clip(clip, [frame.image for frame in source])
    started = time.monotonic()
    sizes = resident(clip, folder / "large-out.mp4")
    elapsed_s = time.monotonic() - started
    with open_source(str(clip)) as source:
        frames = list(source)
    analyses, _ = analysed(frames)
    return [
        ("peak memory, 1920x1080", f"{max(sizes) / MIB:.0f} MiB", "under 700 MB"),
        ("whole command, 1920x1080", f"{len(analyses) / elapsed_s:.1f} fps", ""),
        (
            "analysis, 1920x1080, one face",
            f"{rate(frames, analyses):.0f} fps",
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
            frame = av.VideoFrame.from_ndarray(large, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def resident(clip: Path, out: Path, every_s: float = 0.05) -> list[int]:
    """Run `fer-video` and sample its resident memory, bytes."""
    rows = out.with_suffix(".csv")
    command = [*COMMAND, str(clip), "--out", str(out), "--records", str(rows), "--quiet"]
    page = os.sysconf("SC_PAGE_SIZE")
    sizes = []
    process = subprocess.Popen(command, cwd=ROOT)
    while process.poll() is None:
        sizes.append(int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * page)
        time.sleep(every_s)
    if process.returncode != 0:
        raise SystemExit(f"fer-video ended with {process.returncode}")
    return sizes


def memory_over_time(clip: Path, folder: Path, minutes: float) -> list[Row]:
    """Show memory along a looped film, in tenths of the run."""
    film = folder / "loop.mkv"
    loop(clip, film, minutes * 60)
    started = time.monotonic()
    sizes = resident(film, folder / "loop-out.mkv", every_s=1.0)
    elapsed_s = time.monotonic() - started
    tenths = [max(part) / MIB for part in np.array_split(np.array(sizes), 10)]
    course = " ".join(f"{size:.0f}" for size in tenths)
    return [
        (
            f"memory over {minutes:g} minutes of video ({elapsed_s:.0f} s), peak of each tenth",
            f"{course} MiB",
            "flat",
        )
    ]


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


if __name__ == "__main__":
    main()
