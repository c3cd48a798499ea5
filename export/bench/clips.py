"""What the stages cost on a clip, and the whole command against decoding and encoding alone."""

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.video
import numpy as np

from engine.analyze import AnalyzerConfig, open_analyzer
from engine.errors import FerError, SourceError
from engine.networks.runtime import Device
from engine.types import Analysis
from engine.video.encoders import ENCODERS
from engine.video.opening import open_source
from engine.video.sink import SinkConfig

PROGRAM: Final = "import sys; from app.command.cli import main; sys.exit(main())"
COMMAND: Final = (sys.executable, "-c", PROGRAM)
ALONE, TOGETHER = "alone", "in fer-video"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """What one stage of the pipeline costs a frame that it is run for.

    Attributes:
        clip: Name of the file.
        where: ``alone``, one stage after the other with all cores; ``in fer-video``, where all
            stages run at the same time and share the cores.
        name: Of the stage.
        frames: That it was run for; None where that is not known.
        p50_ms: Median.
        p95_ms: 95th percentile.
    """

    clip: str
    where: str
    name: str
    frames: int | None
    p50_ms: float
    p95_ms: float

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCost:
    """The command from end to end.

    Attributes:
        clip: Name of the file.
        width: Of its frames, pixels.
        height: Of its frames, pixels.
        frames: Of a run.
        bare_s: To decode, encode as the command does and copy no sound; median of the runs.
        whole_s: Of the command: video and rows, models loaded anew, without the start of Python;
            median of the runs.
    """

    clip: str
    width: int
    height: int
    frames: int
    bare_s: float
    whole_s: float

    @property
    def ratio(self) -> float:
        """Speed of the command as a share of that of decoding and encoding."""
        return self.bare_s / self.whole_s

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        rates = {"bare_fps": self.frames / self.bare_s, "whole_fps": self.frames / self.whole_s}
        return {**asdict(self), **rates, "ratio": self.ratio}


def stages_alone(clip: Path, device: Device = "auto") -> list[StageCost]:
    """Analyse a clip frame by frame, all cores at each stage.

    Raises:
        SourceError: The clip cannot be read.
        ModelError: Inference failed.
    """
    with open_source(str(clip)) as source, open_analyzer(AnalyzerConfig(device=device)) as analyzer:
        analyses = [analyzer.analyze(frame) for frame in source]
    if not analyses:
        raise SourceError(f"{clip}: no frames")
    return stages_of(clip.name, analyses)


def stages_of(clip: str, analyses: Sequence[Analysis]) -> list[StageCost]:
    """Summarise the stage times of analyses; the last row adds up each frame's."""
    times_ms = defaultdict[str, list[float]](list)
    for analysis in analyses:
        for name, ms in analysis.times_ms.items():
            times_ms[name].append(ms)
        times_ms["all"].append(sum(analysis.times_ms.values()))
    order = [name for name in times_ms if name != "all"]
    return [_stage(clip, name, times_ms[name]) for name in (*order, "all")]


def _stage(clip: str, name: str, times_ms: Sequence[float]) -> StageCost:
    p50, p95 = (float(x) for x in np.percentile(times_ms, (50, 95)))
    return StageCost(
        clip=clip, where=ALONE, name=name, frames=len(times_ms), p50_ms=p50, p95_ms=p95
    )


def end_to_end(
    clip: Path, folder: Path, repeats: int, device: Device = "auto"
) -> tuple[CommandCost, list[StageCost]]:
    """Compare the command with decoding and encoding alone; the two take turns.

    Args:
        clip: The video.
        folder: For what is written.
        repeats: Runs behind each median.
        device: For the command.

    Returns:
        The comparison, and the stages of the last run.

    Raises:
        FerError: The command failed; the message is its own.
        SourceError: The clip cannot be read.
    """
    out, rows = folder / "out.mp4", folder / "rows.csv"
    arguments = [str(clip), "--out", str(out), "--records", str(rows), "--overwrite", "--json"]
    arguments += ["--device", device]
    said = run_command(arguments)  # warms the disk's cache
    bare, whole = list[float](), list[float]()
    for _ in range(repeats):
        bare.append(seconds(lambda: decode_and_encode(clip, out)))
        said = run_command(arguments)
        whole.append(float(said["elapsed_s"]))
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        width, height = video.width, video.height
    compared = CommandCost(
        clip=clip.name,
        width=width,
        height=height,
        frames=int(said["frames"]),
        bare_s=statistics.median(bare),
        whole_s=statistics.median(whole),
    )
    return compared, [
        StageCost(
            clip=clip.name, where=TOGETHER, name=name, frames=None, p50_ms=t["p50"], p95_ms=t["p95"]
        )
        for name, t in said["times_ms"].items()
    ]


def run_command(arguments: Sequence[str]) -> dict[str, Any]:
    """Run `fer-video --json` as its users do; give what it says.

    Raises:
        FerError: It failed; the message is its own.
    """
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise failure(done.returncode, done.stderr)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def failure(code: int, said: str) -> FerError:
    """Give the error of this exit code with the last line that the command said."""
    lines = said.strip().splitlines() or [f"fer-video ended with {code}"]
    kinds: dict[int, type[FerError]] = {kind.exit_code: kind for kind in FerError.__subclasses__()}
    return kinds.get(code, FerError)(lines[-1].removeprefix("fer-video: "))


def seconds(work: Callable[[], object]) -> float:
    """Time `work`."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def decode_and_encode(clip: Path, out: Path) -> None:
    """Do what has to be done without us: decode, encode as the sink does, copy no sound.

    Raises:
        SourceError: The clip cannot be read.
    """
    settings = SinkConfig()
    try:
        with av.open(str(clip)) as container, av.open(str(out), "w") as target:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            encoder = target.add_stream(
                "libx264",
                rate=stream.average_rate,
                options={"crf": str(ENCODERS["h264"].crf), "preset": settings.preset},
            )
            encoder.width, encoder.height = stream.width // 2 * 2, stream.height // 2 * 2
            encoder.pix_fmt = "yuv420p"
            encoder.codec_context.time_base = stream.time_base or Fraction(1, 1000)
            encoder.codec_context.thread_count = settings.threads
            for frame in container.decode(stream):
                frame.pict_type = av.video.frame.PictureType.NONE
                target.mux(encoder.encode(frame))
            target.mux(encoder.encode(None))
    except (av.FFmpegError, IndexError) as error:
        raise SourceError(f"{clip}: cannot be decoded and encoded: {error}") from error
