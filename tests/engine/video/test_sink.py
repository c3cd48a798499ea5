"""The video sink, checked by reading back what it wrote."""

import errno
import os
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import ConfigError, SinkError
from engine.video.audio import AudioTrack
from engine.video.opening import SourceConfig, SourceInfo, open_source
from engine.video.sink import SinkConfig, VideoSink

WIDTH, HEIGHT = 64, 48
RATE = 44_100


def _info(**changes: object) -> SourceInfo:
    facts: dict = {
        "name": "camera 0",
        "path": None,
        "width": WIDTH,
        "height": HEIGHT,
        "fps": Fraction(25),
        "time_base": Fraction(1, 25),
        "frame_count": None,
        "duration_s": None,
        "live": True,
        "has_audio": False,
    }
    return SourceInfo(**facts | changes)


def _flat(blue: int, green: int, red: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return np.full((height, width, 3), (blue, green, red), np.uint8)


def _clip(
    path: Path,
    *,
    frames: int = 25,
    seconds_of_sound: float = 1.0,
    sound: str | None = "aac",
    delay: int = 0,
    gap_s: int = 0,
    tags: dict[str, str] | None = None,
    track_tags: dict[str, str] | None = None,
) -> Path:
    """25 frames a second of rising grey, with noise to hear; `delay` frames of sound come first.

    There is nothing for `gap_s` seconds in the middle.
    """
    generator = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        video = container.add_stream("libx264", rate=25, time_base=Fraction(1, 25))
        video.width, video.height, video.gop_size = WIDTH, HEIGHT, 10
        video.metadata.update(track_tags or {})
        rate = 48000 if sound == "libopus" else RATE
        audio = container.add_stream(sound, rate=rate, layout="stereo") if sound else None
        if audio is not None:
            audio.metadata.update({"language": "fra", **(track_tags or {})})
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(_flat(*[8 * number % 256] * 3), format="bgr24")
            frame.pts = number + delay + 25 * gap_s * (2 * number >= frames)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            size = audio.codec_context.frame_size or 1024
            for start in range(0, int(seconds_of_sound * rate), size):
                noise = generator.uniform(-0.5, 0.5, (2, size)).astype(np.float32)
                chunk = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
                chunk.sample_rate, chunk.pts = rate, start
                chunk.pts += rate * gap_s * (2 * start >= seconds_of_sound * rate)
                container.mux(audio.encode(chunk))
            container.mux(audio.encode(None))
    return path


def _copy(
    source: Path,
    target: Path,
    *,
    frames: int | None = None,
    config: SinkConfig | None = None,
    **range_s: float,
) -> VideoSink:
    """Pass a clip through; `frames` stops early, as an interruption does."""
    with open_source(str(source), SourceConfig(**range_s)) as reader:
        sink = VideoSink(target, reader.info, config or SinkConfig())
        for frame in reader:
            if frames is not None and frame.index >= frames:
                break
            sink.write(frame.time_s, frame.image)
        sink.close()
    return sink


def _sound(path: Path) -> list[tuple[float, bytes]]:
    """Time on the picture's clock and content of every sound packet."""
    with open_source(str(path)) as source:
        origin_s = source.info.origin_s
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base) - origin_s, bytes(packet))
            for packet in container.demux(container.streams.audio)
            if packet.size
        ]


def _times(path: Path) -> list[float]:
    with open_source(str(path)) as source:
        return [frame.time_s for frame in source]


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".MP4"])
def test_times_and_pictures_come_back(tmp_path, ending):
    ticks = [0, 90, 100, 700, 701, 2000]
    target = tmp_path / f"out{ending}"
    sink = VideoSink(target, _info(time_base=Fraction(1, 1000)), SinkConfig(crf=1))
    for number, tick in enumerate(ticks):
        sink.write(tick / 1000, _flat(40 * number, 100, 200))
    assert not target.exists()
    sink.close()
    with open_source(str(target)) as source:
        frames = list(source)
    assert [f.time_s for f in frames] == pytest.approx([tick / 1000 for tick in ticks])
    for number, frame in enumerate(frames):
        expected = _flat(40 * number, 100, 200).astype(int)
        assert np.abs(frame.image - expected).max() <= 4
    assert list(tmp_path.iterdir()) == [target]


def test_times_that_do_not_advance_are_nudged(tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", _info())
    for time_s in (0.0, 0.04, 0.045, 0.08, 0.2):
        sink.write(time_s, _flat(0, 0, 0))
    sink.close()
    assert _times(tmp_path / "out.mp4") == pytest.approx([0, 0.04, 0.08, 0.12, 0.2])


@pytest.mark.parametrize(
    ("width", "height", "space"), [(1280, 720, 1), (640, 480, 6)], ids=["hd", "sd"]
)
def test_colours_are_tagged_and_converted_alike(tmp_path, width, height, space):
    sink = VideoSink(tmp_path / "out.mp4", _info(width=width, height=height), SinkConfig(crf=1))
    colour = 200, 60, 30
    sink.write(0.0, _flat(*colour, width, height))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc
        assert tags == (space, space, space)
        assert context.color_range == 1
        assert frame.format.name == "yuv420p"
    with open_source(str(tmp_path / "out.mp4")) as source:
        pixel = source.read().image[height // 2, width // 2].astype(int)
    assert np.abs(pixel - colour).max() <= 4


@pytest.mark.parametrize(("width", "height"), [(65, 48), (64, 49), (65, 49), (1, 1)])
def test_odd_sides_grow_by_one_pixel(tmp_path, width, height):
    sink = VideoSink(tmp_path / "out.mp4", _info(width=width, height=height), SinkConfig(crf=1))
    sink.write(0.0, _flat(10, 200, 100, width, height))
    sink.close()
    with open_source(str(tmp_path / "out.mp4")) as source:
        image = source.read().image.astype(int)
    assert image.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(image - (10, 200, 100)).max() <= 4


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_bit_for_bit(tmp_path, ending):
    source = _clip(tmp_path / "in.mp4")
    target = tmp_path / f"out{ending}"
    _copy(source, target)
    before, after = _sound(source), _sound(target)
    assert len(before) > 40
    assert [content for _, content in after] == [content for _, content in before]
    assert [t for t, _ in after] == pytest.approx([t for t, _ in before], abs=1e-3)
    with av.open(str(target)) as container:
        assert container.streams.audio[0].metadata["language"] == "fra"
    assert _times(target) == pytest.approx(_times(source), abs=1e-3)


def test_sound_longer_than_the_picture_is_kept_whole(tmp_path):
    source = _clip(tmp_path / "in.mp4", seconds_of_sound=2.0)
    _copy(source, tmp_path / "out.mp4")
    assert len(_sound(tmp_path / "out.mp4")) == len(_sound(source))


def test_sound_before_the_picture_keeps_its_lead(tmp_path):
    source = _clip(tmp_path / "in.mp4", delay=12)
    _copy(source, tmp_path / "out.mp4")
    before, after = _sound(source), _sound(tmp_path / "out.mp4")
    assert before[0][0] < -0.4
    assert [content for _, content in after] == [content for _, content in before]
    assert [t for t, _ in after] == pytest.approx([t for t, _ in before], abs=1e-3)


def test_cut_takes_the_sound_of_the_cut(tmp_path):
    source = _clip(tmp_path / "in.mp4", frames=100, seconds_of_sound=4.0)
    target = tmp_path / "out.mp4"
    _copy(source, target, start_s=1.6, duration_s=1.0)
    expected = [content for t, content in _sound(source) if 1.6 <= t < 2.6]
    assert [content for _, content in _sound(target)] == expected
    with open_source(str(target)) as reader:
        assert reader.info.origin_s == pytest.approx(0, abs=0.001)
        assert len(list(reader)) == 25
    assert _sound(target)[0][0] == pytest.approx(0, abs=1024 / RATE)


def test_interrupted_output_plays_and_its_sound_ends_with_the_picture(tmp_path):
    source = _clip(tmp_path / "in.mp4", frames=100, seconds_of_sound=4.0)
    _copy(source, tmp_path / "out.mp4", frames=30)
    assert len(_times(tmp_path / "out.mp4")) == 30
    assert _sound(tmp_path / "out.mp4")[-1][0] == pytest.approx(1.2, abs=0.03)


def test_sound_can_be_left_out(tmp_path):
    source = _clip(tmp_path / "in.mp4")
    with open_source(str(source)) as reader:
        sink = VideoSink(tmp_path / "out.mp4", reader.info, SinkConfig(audio="none"))
        sink.write(0.0, reader.read().image)
        sink.close()
    with open_source(str(tmp_path / "out.mp4")) as reader:
        assert not reader.info.has_audio


def _codec(path):
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.name


def _loudness(path):
    """Seconds of sound, and its mean square."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        sound = np.concatenate([f.to_ndarray().ravel() for f in container.decode(stream)])
        channels, rate = stream.codec_context.layout.nb_channels, stream.rate
    scale = np.iinfo(sound.dtype).max if sound.dtype.kind == "i" else 1
    return sound.size / channels / rate, float(np.mean((sound / scale) ** 2))


@pytest.mark.parametrize(
    ("codec", "holder", "ending"),
    [
        ("pcm_s16le", ".avi", ".mp4"),
        ("pcm_s16le", ".mov", ".mp4"),  # which FFmpeg could copy, as `ipcm` that players refuse
        ("wavpack", ".mkv", ".mp4"),
        ("flac", ".mkv", ".mov"),
        ("libopus", ".mkv", ".mov"),
        ("adpcm_ms", ".avi", ".mkv"),
        ("adpcm_ms", ".avi", ".mp4"),
        ("pcm_mulaw", ".avi", ".mp4"),
    ],
)
def test_sound_that_does_not_fit_the_container_becomes_aac(tmp_path, codec, holder, ending):
    source, target = _clip(tmp_path / f"in{holder}", sound=codec), tmp_path / f"out{ending}"
    sink = _copy(source, target)
    assert _codec(target) == "aac"
    assert len(sink.warnings) == 1
    assert re.search(
        rf"in{holder}: its sound \(\w+\) does not fit into \w+; encoded to AAC", *sink.warnings
    )
    (before_s, before), (after_s, after) = _loudness(source), _loudness(target)
    assert after_s == pytest.approx(before_s, abs=0.1)
    assert after == pytest.approx(before, rel=0.3)


@pytest.mark.parametrize(("codec", "ending"), [("flac", ".mp4"), ("wavpack", ".mkv")])
def test_sound_that_fits_is_copied_without_a_word(tmp_path, codec, ending):
    source, target = _clip(tmp_path / "in.mkv", sound=codec), tmp_path / f"out{ending}"
    assert _copy(source, target).warnings == []
    assert _codec(target) == codec
    assert [content for _, content in _sound(target)] == [content for _, content in _sound(source)]


def test_sound_is_encoded_where_that_is_asked_for(tmp_path):
    source = _clip(tmp_path / "in.mkv", sound="flac")
    sink = _copy(source, tmp_path / "out.mp4", config=SinkConfig(audio="aac"))
    assert sink.warnings == []  # it was asked for
    assert _codec(tmp_path / "out.mp4") == "aac"


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_tags_are_kept(tmp_path, ending):
    tags = {"title": "Ein Gesicht ö", "comment": "on a rainy day", "artist": "somebody"}
    source = _clip(tmp_path / "in.mp4", tags=tags)
    _copy(source, tmp_path / f"out{ending}")
    with av.open(str(tmp_path / f"out{ending}")) as container:
        kept = {key.lower(): text for key, text in container.metadata.items()}
    assert {key: kept.get(key) for key in tags} == tags


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("before", [".mp4", ".mov", ".mkv"])
def test_tracks_keep_language_and_title_and_nothing_that_is_no_longer_true(
    tmp_path, before, ending
):
    own = {"language": "eng", "title": "Ein Gesicht ö"}
    stale = {"BPS": "1", "NUMBER_OF_FRAMES": "9999"}  # as mkvmerge writes them
    source = _clip(tmp_path / f"in{before}", track_tags=own | stale)
    _copy(source, tmp_path / f"out{ending}", duration_s=0.5)
    with av.open(str(tmp_path / f"out{ending}")) as container:
        for stream in container.streams:
            kept = {key.lower(): text for key, text in stream.metadata.items()}
            assert kept.get("language", "eng") == "eng", stream.type  # QuickTime's own for "eng"
            assert kept.get("title", kept.get("name")) == own["title"], stream.type
            assert not kept.keys() & {"bps", "number_of_frames"}
            if ending == ".mkv":
                assert not kept.keys() & {"handler_name", "vendor_id"}


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_track_of_pictures_keeps_its_language(tmp_path, ending):
    source = _clip(tmp_path / "in.mkv", track_tags={"language": "fra"})
    _copy(source, tmp_path / f"out{ending}")
    with av.open(str(tmp_path / f"out{ending}")) as container:
        assert [stream.metadata["language"] for stream in container.streams] == ["fra", "fra"]


def test_player_finds_the_header_in_front(tmp_path):
    _copy(_clip(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_sink_without_a_frame_leaves_nothing(tmp_path):
    VideoSink(tmp_path / "out.mp4", _info()).close()
    assert list(tmp_path.iterdir()) == []


def test_discard_leaves_the_old_file_alone(tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    sink = VideoSink(target, _info(), SinkConfig(overwrite=True))
    sink.write(0.0, _flat(0, 0, 0))
    sink.discard()
    sink.discard()
    sink.close()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_overwrite_replaces_the_old_file(tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    sink = VideoSink(target, _info(), SinkConfig(overwrite=True))
    sink.write(0.0, _flat(0, 0, 0))
    sink.close()
    sink.close()
    assert len(_times(target)) == 1


def test_existing_file_is_an_error(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(SinkError, match=r"out\.mp4: exists already; use --overwrite"):
        VideoSink(tmp_path / "out.mp4", _info())


def test_input_is_never_overwritten(tmp_path):
    source = _clip(tmp_path / "in.mp4", sound=None)
    (tmp_path / "link.mp4").symlink_to(source)
    with open_source(str(source)) as reader, pytest.raises(SinkError, match="the input itself"):
        VideoSink(tmp_path / "link.mp4", reader.info, SinkConfig(overwrite=True))


def test_unknown_ending_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"out\.gif: unknown ending; known here: \.mp4"):
        VideoSink(tmp_path / "out.gif", _info())


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(SinkError, match=r"none does not exist; create it first"):
        VideoSink(tmp_path / "none" / "out.mp4", _info())


def test_folder_without_permission_is_an_error(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)  # root, who may run this, may write anywhere
    with pytest.raises(SinkError, match=r"out\.mp4: cannot be written: Permission denied"):
        VideoSink(tmp_path / "out.mp4", _info())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_full_disk_is_an_error_that_leaves_nothing(tmp_path, full_disk, ending):
    generator = np.random.default_rng(0)

    def fill() -> None:
        sink = VideoSink(tmp_path / f"out{ending}", _info(), SinkConfig(crf=0))
        try:
            for number in range(200):
                image = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
                sink.write(number / 25, image)
            sink.close()
        except SinkError:
            sink.discard()
            raise

    with pytest.raises(SinkError, match=os.strerror(errno.ENOSPC)):
        fill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_last_frames_that_do_not_fit_leave_nothing(tmp_path, monkeypatch, ending):
    sink = VideoSink(tmp_path / f"out{ending}", _info(), SinkConfig(threads=1))
    sink.write(0.0, _flat(0, 0, 0))  # waits in the encoder
    assert list(tmp_path.iterdir()) != []

    class Full:
        def encode(self, frame):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sink, "_stream", Full())
    with pytest.raises(SinkError, match=os.strerror(errno.ENOSPC)):
        sink.close()
    assert list(tmp_path.iterdir()) == []
    sink.close()


def test_wrong_size_and_late_frames_are_bugs(tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", _info())
    with pytest.raises(ValueError, match=r"image: expected \(48, 64, 3\), got \(10, 10, 3\)"):
        sink.write(0.0, np.zeros((10, 10, 3), np.uint8))
    sink.close()
    with pytest.raises(ValueError, match="closed"):
        sink.write(0.0, _flat(0, 0, 0))


@pytest.mark.parametrize("config", [{"crf": 52}, {"preset": "warp"}, {"threads": -1}])
def test_bad_settings_are_refused(config):
    with pytest.raises(ConfigError, match=rf"sink\.{next(iter(config))}"):
        SinkConfig(**config)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_a_growing_file_plays_before_it_is_closed(tmp_path, ending):
    target = tmp_path / f"out{ending}"
    sink = VideoSink(target, _info(), SinkConfig(growing=True))
    for number in range(100):
        sink.write(number / 25, _flat(2 * number, 100, 200))
    assert list(tmp_path.iterdir()) == [target]
    assert 100 - len(_times(target)) <= 15  # half a second and the frame in hand
    sink.close()
    assert _times(target) == pytest.approx([number / 25 for number in range(100)])


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("end", [VideoSink.close, VideoSink.discard])
def test_a_growing_file_without_a_frame_leaves_nothing(tmp_path, ending, end):
    """FFmpeg 8.1 crashes the process where it ends fragments that hold nothing."""
    end(VideoSink(tmp_path / f"out{ending}", _info(), SinkConfig(growing=True)))
    assert list(tmp_path.iterdir()) == []


def test_a_growing_mp4_ends_as_an_ordinary_one(tmp_path):
    target = tmp_path / "out.mp4"
    sink = VideoSink(target, _info(), SinkConfig(growing=True))
    for number in range(50):
        sink.write(number / 25, _flat(2 * number, 100, 200))
    sink.close()
    boxes, content = [], target.read_bytes()
    at = 0
    while at < len(content):
        boxes.append(content[at + 4 : at + 8])
        at += int.from_bytes(content[at : at + 4], "big")
    assert b"moov" in boxes
    assert b"moof" not in boxes


def test_discarding_a_growing_file_keeps_what_was_written(tmp_path):
    target = tmp_path / "out.mkv"
    sink = VideoSink(target, _info(), SinkConfig(growing=True))
    for number in range(40):
        sink.write(number / 25, _flat(2 * number, 100, 200))
    sink.discard()
    assert len(_times(target)) == 40


def test_a_name_that_is_too_long_for_the_system_is_one_line(tmp_path):
    with pytest.raises(SinkError, match=r"…: cannot be written: File name too long"):
        VideoSink(tmp_path / ("a" * 300 + ".mp4"), _info())
    assert list(tmp_path.iterdir()) == []


def _late_packet(path: Path, number: int, late_s: float) -> None:
    """Rewrite the time of one sound packet of a transport stream."""
    content = bytearray(path.read_bytes())
    places = [
        match.start() for match in re.finditer(rb"\x00\x00\x01\xc0..[\x80-\x8f]\x80", content)
    ]
    at = places[number] + 9
    old = content[at : at + 5]
    ticks = (old[0] >> 1 & 7) << 30 | old[1] << 22 | old[2] >> 1 << 15 | old[3] << 7 | old[4] >> 1
    ticks += round(late_s * 90_000)
    content[at] = 0x21 | ticks >> 29 & 0x0E
    content[at + 1 : at + 3] = (ticks >> 14 & 0xFFFE | 1).to_bytes(2, "big")
    content[at + 3 : at + 5] = (ticks << 1 & 0xFFFE | 1).to_bytes(2, "big")
    path.write_bytes(content)


@pytest.mark.parametrize("audio", ["copy", "aac"])
@pytest.mark.parametrize("number", [5, -1])
def test_one_wrong_time_costs_one_sound_packet(tmp_path, audio, number):
    source, target = _clip(tmp_path / "in.ts", sound="mp2"), tmp_path / "out.mkv"
    before = _sound(source)
    _late_packet(source, number, 26 * 3600)
    sink = _copy(source, target, config=SinkConfig(audio=audio))
    assert sink.warnings == ["in.ts: 1 packet of its sound is damaged and left out"]
    after = _sound(target)
    if audio == "copy":
        assert [content for _, content in after] == [
            content for place, (_, content) in enumerate(before) if place != number % len(before)
        ]
    assert after[-1][0] < 1.1


def test_hours_without_sound_are_no_hours_of_silence(tmp_path):
    source, target = _clip(tmp_path / "in.mkv", sound="flac", gap_s=20_000), tmp_path / "out.mkv"
    assert _copy(source, target, config=SinkConfig(audio="aac")).warnings == []
    after = _sound(target)
    assert after[-1][0] == pytest.approx(20_001, abs=0.1)
    assert len(after) < 60


class _Refusing:
    """A sound stream whose third packet its decoder refuses in a way of its own."""

    def __init__(self, stream):
        self._stream, self._calls, self.time_base = stream, 0, stream.time_base

    def decode(self, packet):
        self._calls += 1
        if self._calls == 3:
            raise av.error.PermissionError(errno.EPERM, "Operation not permitted")
        return self._stream.decode(packet)


def test_what_a_sound_decoder_says_is_not_blamed_on_the_output(tmp_path, monkeypatch):
    source, target = _clip(tmp_path / "in.mkv", sound="flac"), tmp_path / "out.mp4"
    make = AudioTrack._way

    def way(track, stream, audio):
        made = make(track, stream, audio)
        made._stream = _Refusing(made._stream)
        return made

    monkeypatch.setattr(AudioTrack, "_way", way)
    sink = _copy(source, target, config=SinkConfig(audio="aac"))
    assert sink.warnings == ["in.mkv: 1 packet of its sound is damaged and left out"]
    assert _loudness(target)[0] == pytest.approx(1.0, abs=0.1)
