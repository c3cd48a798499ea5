"""Damaged videos and pictures through the whole of `fer-video`, with networks that need no time."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import av
import cv2
import numpy as np
import pytest

import app.command.job
from app.command.cli import main
from engine.types import Analysis, Face, Found, Prediction, Sighting, Track

CASES = 70
SIDE, FRAMES = 64, 10


class Film(NamedTuple):
    """What a file is made of."""

    video: str
    pixels: str = "yuv420p"
    audio: str = ""
    layout: str = "mono"
    rate: int = 48_000


FILMS: Final[Mapping[str, Film]] = {
    "h264.mp4": Film("libx264", audio="aac"),
    "mpeg4.mp4": Film("mpeg4", audio="libmp3lame"),
    "hevc.mp4": Film("libx265"),
    "h264.mkv": Film("libx264", audio="pcm_s16le"),
    "ffv1.mkv": Film("ffv1", audio="flac"),
    "mjpeg.avi": Film("mjpeg", "yuvj420p", "pcm_s16le"),
    "mpeg4.avi": Film("mpeg4", audio="ac3"),
    "mpeg2.ts": Film("mpeg2video", audio="mp2"),
    "h264.ts": Film("libx264", audio="aac"),
    "flv1.flv": Film("flv", audio="libmp3lame", rate=44_100),
    "h264.flv": Film("libx264", audio="aac"),
    "vp8.webm": Film("libvpx", audio="libopus"),
    "vp9.webm": Film("libvpx-vp9", audio="opus"),
    "av1.webm": Film("libsvtav1"),
    "h264.mov": Film("libx264", audio="pcm_s16be"),
    "qtrle.mov": Film("qtrle", "rgb24", "alac"),
    "mpeg1.mpg": Film("mpeg1video", audio="mp2"),
    "wmv2.wmv": Film("wmv2", audio="wmav2"),
    "moving.gif": Film("gif", "rgb8"),
    "moving.apng": Film("apng", "rgba"),
    "moving.webp": Film("libwebp_anim", "yuva420p"),
    "raw.y4m": Film("rawvideo"),
}
PICTURES: Final = (".png", ".jpg", ".webp", ".tiff", ".bmp", ".jp2", ".ppm")


def filmed(path: Path, film: Film) -> bytes:
    """Encode some frames, with a tone where the film has sound."""
    grey = np.linspace(0, 200, SIDE, dtype=np.uint8)
    with av.open(str(path), "w") as container:
        video = container.add_stream(film.video, rate=25)
        video.width = video.height = SIDE
        video.pix_fmt = film.pixels
        video.codec_context.thread_count = 1
        sound = None
        if film.audio:
            sound = container.add_stream(film.audio, rate=film.rate, layout=film.layout)
            sound.bit_rate = 64_000
        for index in range(FRAMES):
            image = np.roll(np.dstack([np.tile(grey, (SIDE, 1))] * 3), 6 * index, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            wave = np.sin(np.arange(film.rate * FRAMES // 25) * 0.05)
            tone = av.AudioFrame.from_ndarray((9000 * wave).astype(np.int16)[None], format="s16")
            tone.sample_rate, tone.pts = film.rate, 0
            resampler = av.AudioResampler(
                sound.codec_context.format, film.layout, film.rate, sound.frame_size or 1024
            )
            for part in (*resampler.resample(tone), *resampler.resample(None)):
                container.mux(sound.encode(part))
            container.mux(sound.encode(None))
    return path.read_bytes()


def pictured(ending: str) -> bytes:
    image = np.dstack([np.tile(np.arange(0, 256, 4, dtype=np.uint8), (SIDE, 1))] * 3)
    good, content = cv2.imencode(ending, image)
    assert good
    return content.tobytes()


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Give a small file of each kind by its name."""
    folder = tmp_path_factory.mktemp("films")
    made = {name: filmed(folder / name, film) for name, film in FILMS.items()}
    return made | {f"picture{ending}": pictured(ending) for ending in PICTURES}


class Finder:
    """One face in every frame."""

    def find(self, frame):
        box = np.array([10, 8, 40, 38], np.float32)
        points = np.linspace((12, 10), (38, 36), 68, dtype=np.float32)
        face = Face(np.zeros((1, 1, 3), np.uint8), np.eye(2, 3, dtype=np.float32))
        sighting = Sighting(face, points, 0.9, ())
        return Found(frame, (Track(1, box, points, 0.9),), (sighting,), {"detect": 1.0})

    def close(self):
        pass


class Reader:
    """Every face is happy."""

    device, precision = "stub", "fp32"

    def read(self, several):
        shares = np.array([0.1, 0.9, 0, 0, 0, 0, 0, 0], np.float32)
        return [
            Analysis(
                found.frame,
                found.tracks,
                tuple(Prediction(track.id, shares, 0.7, 0.4, 0.8) for track in found.tracks),
                {**found.times_ms, "fusion": 1.0},
            )
            for found in several
        ]

    def close(self):
        pass


@pytest.fixture(autouse=True)
def no_networks(monkeypatch):
    monkeypatch.setattr(app.command.job, "open_finder", lambda config: Finder())
    monkeypatch.setattr(app.command.job, "open_reader", lambda config: Reader())


def options(case):
    """Choose what a user might."""
    given = ["--records", str(case.out / f"rows{case.pick(('.csv', '.jsonl'))}")]
    if case.rng.random() < 0.6:
        given += ["--out", str(case.out / f"out{case.pick(('.mp4', '.mkv', '.mov'))}")]
        given += ["--audio", case.pick(("copy", "copy", "aac", "none"))]
    if case.rng.random() < 0.2:
        given += ["--start", case.pick(("0.1", "0.2", "5"))]
    if case.rng.random() < 0.1:
        given += ["--duration", case.pick(("0.1", "0.2", "100"))]
    return given


def test_folders_of_pictures(case, films, capsys):
    pictures = [name for name in films if name.startswith("picture")]
    for number in range(3):
        name = case.pick(pictures)
        content = films[name]
        if number != 1:
            content = case.change.damaged(case.rng, content, list(films.values()))
        case.put(f"{number}{name}", content)
    case.command(main, [str(case.folder), *options(case)], lambda: capsys.readouterr().err)


def test_media(case, films, capsys):
    name = case.pick(list(films))
    content = case.change.damaged(case.rng, films[name], list(films.values()))
    path = case.put(name, content)
    case.command(main, [str(path), *options(case)], lambda: capsys.readouterr().err)
