"""A film with lines beside it: pictures and sound are the source's, byte for byte."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from engine.errors import ConfigError, SinkError
from engine.video.conversion import Beside
from engine.video.copied import VideoTrack
from engine.video.opening import SourceConfig, open_source
from engine.video.planes import UPRIGHT
from engine.video.sink import SinkConfig
from engine.video.soft_sink import SoftSink
from engine.video.subtitle import Font, Line, SubtitleFile, uuencoded

HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: 64
PlayResY: 48

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Shape,Some,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
FONTS = [Font("some.ttf", b"\x00\x01\x00\x00a font")]


def film(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 75,
    gop: int = 25,
    sound: bool = True,
    times: tuple[int, ...] | None = None,
    shape: Fraction | None = None,
    turn: int = 0,
    **options: str,
) -> Path:
    """Noise that moves, 25 frames a second, with a tone; `times` are in 1/100 s."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options=options)
        video.width, video.height = 64, 48
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        video.codec_context.time_base = Fraction(1, 100)
        video.gop_size = gop
        if shape:
            video.sample_aspect_ratio = shape
        if turn:
            video.set_display_rotation(turn)
        audio = container.add_stream("aac", rate=44100, layout="mono") if sound else None
        noise = np.random.default_rng(0).integers(0, 255, (48, 64 + frames, 3), np.uint8)
        for number in range(frames):
            picture = np.ascontiguousarray(noise[:, number : number + 64])
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts = 4 * number if times is None else times[number]
            frame.time_base = Fraction(1, 100)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number in range(round(frames / 25 * 43) if audio else 0):
            tone = np.sin(np.arange(1024) / 20).astype(np.float32)[None]
            block = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            block.sample_rate, block.pts = 44100, 1024 * number
            container.mux(audio.encode(block))
        if audio:
            container.mux(audio.encode(None))
    return path


def copied(source: Path, target: Path, stop: int | None = None, **part: float) -> SoftSink:
    """Copy with a line a frame that says its number."""
    with open_source(str(source), SourceConfig(**part)) as reader:
        sink = SoftSink(target, reader.info, SinkConfig(), head=HEAD, fonts=FONTS)
        before = None
        for frame in reader:
            now_s, number = frame.time_s, frame.index
            ready = [Line(before, now_s, 0, "Shape", f"{number - 1}")] if before is not None else []
            sink.add(
                now_s,
                lambda _, ready=ready: ready,
                lambda end_s, a=now_s, n=number: [Line(a, end_s, 0, "Shape", f"{n}")],
            )
            before = now_s
            if number + 1 == stop:
                break
        sink.close()
    return sink


def packets(path: Path, kind: str) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        stream = next((stream for stream in container.streams if stream.type == kind), None)
        return (
            []
            if stream is None
            else [
                (float(packet.pts * packet.time_base), bytes(packet))
                for packet in container.demux(stream)
                if packet.size
            ]
        )


def lead(path: Path) -> float:
    """How long after the first sound the first picture is shown, which may be below 0 in MP4."""
    return min([0.0, *(time for time, _ in packets(path, "audio"))])


def same(
    one: list[tuple[float, bytes]], other: list[tuple[float, bytes]], shift: float = 0
) -> None:
    """Both hold the same, at the same times but for that shift; Matroska counts milliseconds."""
    assert [content for _, content in one] == [content for _, content in other]
    assert [time for time, _ in one] == pytest.approx([t - shift for t, _ in other], abs=0.0011)


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.mov"])
def test_pictures_and_sound_are_copied_bit_for_bit(tmp_path: Path, name: str) -> None:
    source, out = film(tmp_path / name), tmp_path / "out.mkv"
    assert copied(source, out).warnings == []
    shift = packets(source, "video")[0][0] - packets(out, "video")[0][0]
    assert shift in (0, pytest.approx(lead(source), abs=0.001))
    same(packets(out, "video"), packets(source, "video"), shift)
    same(packets(out, "audio"), packets(source, "audio"), shift)


@pytest.mark.parametrize(
    ("codec", "name"),
    [("libx265", "in.mp4"), ("libvpx-vp9", "in.webm"), ("mpeg4", "in.mp4"), ("mjpeg", "in.avi")],
)
def test_other_codecs_are_copied_too(tmp_path: Path, codec: str, name: str) -> None:
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    source, out = film(tmp_path / name, codec, sound=False, **quiet), tmp_path / "out.mkv"
    copied(source, out)
    same(packets(out, "video"), packets(source, "video"))


def test_uneven_times_stay(tmp_path: Path) -> None:
    times = tuple(np.cumsum(np.random.default_rng(1).integers(1, 12, 75)).tolist())
    source, out = film(tmp_path / "in.mp4", times=times), tmp_path / "out.mkv"
    copied(source, out)
    theirs = packets(source, "video")
    same(packets(out, "video"), theirs, shift=theirs[0][0] - packets(out, "video")[0][0])


def test_each_frame_has_its_line_when_it_is_shown(tmp_path: Path) -> None:
    times = tuple(np.cumsum(np.random.default_rng(2).integers(1, 12, 75)).tolist())
    out = tmp_path / "out.mkv"
    copied(film(tmp_path / "in.mp4", times=times), out)
    shown = sorted(time for time, _ in packets(out, "video"))
    lines = packets(out, "subtitle")
    assert [time for time, _ in lines] == shown
    assert [text.decode() for _, text in lines] == [
        f"{number},0,Shape,,0,0,0,,{number}" for number in range(75)
    ]


def test_track_names_itself_is_shown_and_brings_its_fonts(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    copied(film(tmp_path / "in.mp4"), out)
    with av.open(str(out)) as container:
        track = container.streams.subtitles[0]
        assert track.codec_context.name in ("ass", "ssa")
        assert "PlayResX: 64" in bytes(track.codec_context.extradata).decode()
        assert track.metadata["title"].startswith("fer-live")
        assert Disposition.default in track.disposition
        fonts = [s for s in container.streams if s.type == "attachment"]
        assert [(s.metadata["filename"], s.data) for s in fonts] == [("some.ttf", FONTS[0].content)]


@pytest.mark.parametrize(("start", "key"), [(1.5, 1.0), (2.0, 2.0), (0.3, 0.0)])
def test_cut_begins_at_the_key_picture_before_and_says_so(
    tmp_path: Path, start: float, key: float
) -> None:
    source, out = film(tmp_path / "in.mp4"), tmp_path / "out.mkv"
    sink = copied(source, out, start_s=start)
    wanted = [packet for packet in packets(source, "video") if packet[0] >= key - 1e-6]
    zero = key or lead(source)
    same(packets(out, "video"), wanted, shift=zero)
    lines = packets(out, "subtitle")
    assert lines[0][0] == pytest.approx(start + (-start) % 0.04 - zero, abs=0.0011)
    if start == key:
        assert sink.warnings == []
    else:
        assert "burnt for an exact cut" in sink.warnings[0]
        assert f"from {key:.3f} s on" in sink.warnings[0]


def test_sound_is_cut_with_the_pictures(tmp_path: Path) -> None:
    source, out = film(tmp_path / "in.mp4"), tmp_path / "out.mkv"
    copied(source, out, start_s=1.5, duration_s=1.0)
    sound = [packet for packet in packets(source, "audio") if 1.0 <= packet[0] < 2.5]
    same(packets(out, "audio"), sound, shift=1.0)


def test_end_keeps_what_the_last_pictures_need(tmp_path: Path) -> None:
    """With B-pictures one that is shown later is decoded earlier."""
    source, out = film(tmp_path / "in.mp4", bf="3"), tmp_path / "out.mkv"
    copied(source, out, duration_s=1.3)
    ours, theirs = packets(out, "video"), packets(source, "video")
    assert [content for _, content in ours] == [content for _, content in theirs[: len(ours)]]
    wanted = {round(time - lead(source), 3) for time, _ in theirs if time < 1.3 - 1e-6}
    assert wanted <= {round(time, 3) for time, _ in ours}
    assert len(ours) <= 33 + 3


def test_interrupted_copy_plays_up_to_its_last_frame(tmp_path: Path) -> None:
    source, out = film(tmp_path / "in.mp4"), tmp_path / "out.mkv"
    copied(source, out, stop=30)
    with av.open(str(out)) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert 30 <= len(shown) <= 34
    assert all(b > a for a, b in pairwise(shown))
    assert packets(out, "audio")[-1][0] < 1.3


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_pictures_stay_turned(tmp_path: Path, turn: int) -> None:
    source, out = film(tmp_path / "in.mp4", turn=turn), tmp_path / "out.mkv"
    assert "turned to be shown" in copied(source, out).warnings[0]
    looks = []
    for path in (source, out):
        with av.open(str(path)) as container:
            looks.append(Beside.of(next(container.decode(video=0))).orientation)
    assert looks[0] == looks[1] != UPRIGHT


def test_shape_of_pixels_stays(tmp_path: Path) -> None:
    source, out = film(tmp_path / "in.mp4", shape=Fraction(4, 3)), tmp_path / "out.mkv"
    copied(source, out)
    with av.open(str(out)) as container:
        assert float(container.streams.video[0].sample_aspect_ratio) == pytest.approx(4 / 3, 0.02)


def test_pictures_without_times_are_refused_in_one_line(tmp_path: Path) -> None:
    source, out = film(tmp_path / "in.avi", sound=False, bf="2"), tmp_path / "out.mkv"
    with pytest.raises(SinkError, match=r"in\.avi: .* no times .*use --overlay burnt"):
        copied(source, out)
    assert not out.exists()


def test_codec_that_does_not_fit_is_refused_in_one_line(tmp_path: Path) -> None:
    """Matroska takes what this FFmpeg writes: WebM, which takes less, stands for it."""
    source = film(tmp_path / "in.mp4", sound=False)
    with (
        open_source(str(source)) as reader,
        av.open(str(tmp_path / "x.webm"), "w") as output,
        pytest.raises(SinkError, match=r"in\.mp4: its video \(h264\) does not fit into webm"),
    ):
        VideoTrack(reader.info, output)


def test_nothing_is_left_without_a_frame_or_of_another_ending(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4")
    with open_source(str(source)) as reader:
        SoftSink(tmp_path / "o.mkv", reader.info, SinkConfig(), head=HEAD, fonts=[]).close()
        with pytest.raises(ConfigError, match=r"o\.mp4: --overlay soft writes \.mkv"):
            SoftSink(tmp_path / "o.mp4", reader.info, SinkConfig(), head=HEAD, fonts=[])
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_source_is_never_overwritten(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv")
    content = source.read_bytes()
    with open_source(str(source)) as reader, pytest.raises(SinkError, match="is the input itself"):
        SoftSink(source, reader.info, SinkConfig(overwrite=True), head=HEAD, fonts=[])
    assert source.read_bytes() == content


def test_file_beside_has_times_before_those_of_the_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.ass"
    file = SubtitleFile(path, HEAD, FONTS, zero_s=-1.0, overwrite=False)
    file.write([Line(0.033367, 0.066733, 3, "Shape", "x"), Line(3600.0, 3661.5, 0, "Shape", "y")])
    assert not path.exists()
    file.close()
    text = path.read_text("utf-8")
    assert "Dialogue: 3,0:00:01.03,0:00:01.06,Shape,,0,0,0,,x\n" in text
    assert "Dialogue: 0,1:00:01.00,1:01:02.50,Shape,,0,0,0,,y\n" in text
    assert f"fontname: some.ttf\n{uuencoded(FONTS[0].content)}\n" in text


@pytest.mark.parametrize(
    ("content", "text"), [(b"", ""), (b"\0", "!!"), (b"abc", "97*D"), (b"abcd", "97*D:!")]
)
def test_fonts_are_written_as_the_format_says(content: bytes, text: str) -> None:
    assert uuencoded(content) == text
