"""What a file holds besides pictures and sound is in its copy, or named."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Discard, Disposition

from engine.video.opening import SourceConfig, open_source
from engine.video.sink import SinkConfig, VideoSink

MS = Fraction(1, 1000)
LINES = [(0.5, 1.5, "Hello"), (2.5, 1.5, "World"), (4.5, 0.5, "End")]
CHAPTERS = [(0, 2, "One"), (2, 4, "Two"), (4, 5, "Three")]
PNG = cv2.imencode(".png", np.full((16, 16, 3), 90, np.uint8))[1].tobytes()
FONT = b"\x00\x01\x00\x00a font, as far as anybody looks"


def film(path: Path, *, extras: bool = True) -> Path:
    """Five seconds of video, 25 frames a second, with what the container can hold besides."""
    matroska = path.suffix == ".mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.gop_size = 64, 48, 25
        lines = cover = None
        if extras:
            lines = container.add_mux_stream("subrip" if matroska else "mov_text")
            lines.metadata["language"] = "fra"
            chapters = [
                {
                    "id": at,
                    "start": a * 1000,
                    "end": b * 1000,
                    "time_base": MS,
                    "metadata": {"title": t},
                }
                for at, (a, b, t) in enumerate(CHAPTERS)
            ]
            container.set_chapters(chapters)
            if matroska:
                container.add_attachment("cover.png", "image/png", PNG)
                container.add_attachment("a.ttf", "application/x-truetype-font", FONT)
            elif path.suffix == ".mp4":
                cover = container.add_mux_stream("png", width=16, height=16)
                cover.disposition = Disposition.attached_pic
        for number in range(125):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), "bgr24")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if cover is not None:
            packet = av.Packet(PNG)
            packet.pts = packet.dts = 0
            packet.time_base, packet.stream = MS, cover
            container.mux(packet)
        for start, length, text in LINES if lines is not None else []:
            content = text.encode()
            packet = av.Packet(content if matroska else len(content).to_bytes(2, "big") + content)
            packet.pts = packet.dts = round(start * 1000)
            packet.duration, packet.time_base, packet.stream = round(length * 1000), MS, lines
            container.mux(packet)
    return path


def copied(source: Path, target: Path, **part: float) -> VideoSink:
    with open_source(str(source), SourceConfig(**part)) as reader:
        sink = VideoSink(target, reader.info, SinkConfig(preset="ultrafast"))
        for frame in reader:
            sink.write(frame.time_s, frame.image)
        sink.close()
    return sink


def held(path: Path) -> dict:
    """What a file holds: lines, chapters, the cover, the fonts."""
    with av.open(str(path)) as container:
        chapters = [
            (
                float(c["start"] * c["time_base"]),
                float(c["end"] * c["time_base"]),
                c["metadata"]["title"],
            )
            for c in container.chapters()
        ]
        fonts = [bytes(s.data) for s in container.streams if s.type == "attachment"]
        streams = [s for s in container.streams if s.discard != Discard.all]
        covers = [
            bytes(next(container.demux(s)))
            for s in streams
            if s.type == "video" and Disposition.attached_pic in s.disposition
        ]
        texts = [s for s in streams if s.type == "subtitle"]
        languages = [s.metadata.get("language") for s in texts]
    lines = []
    with av.open(str(path)) as container:
        texts = [s for s in container.streams if s.type == "subtitle"]
        for packet in container.demux(texts) if texts else []:
            start, length = (
                float(t * packet.time_base) for t in (packet.pts or 0, packet.duration or 0)
            )
            text = bytes(packet).lstrip(b"\x00").lstrip(bytes(range(32))).decode()
            if text:
                lines.append((start, length, text))
    return {
        "lines": lines,
        "chapters": chapters,
        "covers": covers,
        "fonts": fonts,
        "languages": languages,
    }


def near(found: list, wanted: list) -> bool:
    return [text for *_, text in found] == [text for *_, text in wanted] and all(
        a == pytest.approx(b, abs=0.01)
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one[:2], other[:2], strict=True)
    )


@pytest.mark.parametrize(
    ("ending", "into"), [(".mkv", ".mkv"), (".mp4", ".mp4"), (".mp4", ".mov"), (".mov", ".mp4")]
)
def test_subtitles_and_chapters_are_copied(tmp_path, ending, into):
    source, target = film(tmp_path / f"in{ending}"), tmp_path / f"out{into}"
    copied(source, target)
    found = held(target)
    assert near(found["lines"], LINES)
    assert near(found["chapters"], CHAPTERS)
    assert found["languages"] == ["fra"]


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_of_a_part_they_are_cut_and_shifted(tmp_path, ending):
    source, target = film(tmp_path / f"in{ending}"), tmp_path / f"out{ending}"
    copied(source, target, start_s=1.0, duration_s=2.0)
    found = held(target)
    assert near(found["lines"], [(0.0, 1.0, "Hello"), (1.5, 0.5, "World")])
    assert near(found["chapters"], [(0.0, 1.0, "One"), (1.0, 2.0, "Two")])


def test_what_comes_long_before_the_part_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.video.extras.SEEK_BACK_S", 0.5)  # a part further in than that
    copied(film(tmp_path / "in.mkv"), tmp_path / "out.mkv", start_s=4.2)
    assert near(held(tmp_path / "out.mkv")["lines"], [(0.3, 0.5, "End")])


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
@pytest.mark.parametrize("into", [".mkv", ".mp4"])
def test_a_cover_picture_is_copied_and_not_read(tmp_path, ending, into):
    source, target = film(tmp_path / f"in{ending}"), tmp_path / f"out{into}"
    with open_source(str(source)) as reader:
        assert (reader.info.width, reader.info.height) == (64, 48)
    copied(source, target)
    assert held(target)["covers"] == [PNG]
    with open_source(str(target)) as reader:
        assert len(list(reader)) == 125


def test_fonts_stay_with_their_subtitles(tmp_path):
    sink = copied(film(tmp_path / "in.mkv"), tmp_path / "out.mkv")
    assert held(tmp_path / "out.mkv")["fonts"] == [FONT]
    assert sink.warnings == []


@pytest.mark.parametrize(
    ("ending", "into", "said"),
    [
        (".mkv", ".mp4", "subtitles (srt), attachment (a.ttf): not for mp4 files"),
        (
            ".mkv",
            ".mov",
            "subtitles (srt), a cover picture (png), attachment (a.ttf): not for mov files",
        ),
        (".mp4", ".mkv", "subtitles (mov_text): not for matroska files"),
        (".mp4", ".mov", "a cover picture (png): not for mov files"),
    ],
)
def test_what_does_not_fit_is_named_in_one_warning(tmp_path, ending, into, said):
    sink = copied(film(tmp_path / f"in{ending}"), tmp_path / f"out{into}")
    assert sink.warnings == [f"in{ending}: {said}; left out"]


def test_lines_that_come_late_are_copied_too(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.video.extras.LOOK_S", -1.0)  # none is near enough to be tried by
    copied(film(tmp_path / "in.mkv"), tmp_path / "out.mkv")
    assert near(held(tmp_path / "out.mkv")["lines"], LINES)


def test_of_a_stream_they_are_named(tmp_path):
    with open_source(str(film(tmp_path / "in.mkv"))) as reader:
        facts = {"path": None, "has_audio": True, "name": "rtsp://h/live"}
        sink = VideoSink(tmp_path / "out.mkv", dataclasses.replace(reader.info, **facts))
        sink.write(0.0, reader.read().image)
        sink.close()
    assert sink.warnings == [
        "rtsp://h/live: sound, subtitles (srt), a cover picture (png), attachment (a.ttf), "
        "chapters of a stream: not copied"
    ]


def test_another_video_is_named(tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height = 64, 48
        for _ in range(5):
            for stream in streams:
                picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "bgr24")
                container.mux(stream.encode(picture))
        for stream in streams:
            container.mux(stream.encode(None))
    sink = copied(tmp_path / "in.mkv", tmp_path / "out.mkv")
    assert sink.warnings == ["in.mkv: another video (h264): not for matroska files; left out"]


def test_a_film_without_any_is_copied_without_a_word(tmp_path):
    assert copied(film(tmp_path / "in.mp4", extras=False), tmp_path / "out.mp4").warnings == []
