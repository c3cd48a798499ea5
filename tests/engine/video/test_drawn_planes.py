"""Films of planes: what is not drawn on goes to the encoder as it was decoded."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import engine.video.sink
from engine.drawing.overlay import Overlay
from engine.types import Analysis, Prediction, Track
from engine.video.encoders import ENCODERS
from engine.video.opening import open_source
from engine.video.planes import LAYOUTS, Colour, Copied
from engine.video.sink import SinkConfig, VideoSink


def _noise(path: Path, form: str, codec: str, *, tags: dict[str, int] | None = None) -> Path:
    """Write twelve frames of noise over soft colours, without loss."""
    rng = np.random.default_rng(5)
    options = {"libx264": {"qp": "0"}, "libx265": {"x265-params": "lossless=1:log-level=none"}}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options[codec])
        stream.width, stream.height, stream.pix_fmt = 320, 240, form
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        for _ in range(12):
            image = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (320, 240))
            image = cv2.add(image, rng.integers(0, 30, image.shape, np.uint8))
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=form)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _planes(path: Path) -> list[list[np.ndarray]]:
    with open_source(str(path)) as source:
        return [[plane.copy() for plane in frame.picture.samples] for frame in source]


def _drawn(source: Path, target: Path, config: SinkConfig) -> VideoSink:
    """Draw one face's box, label and strip on every frame, and encode it."""
    box = np.array([100, 60, 160, 130], np.float32)
    points = np.linspace((110, 70), (150, 120), 68, dtype=np.float32)
    shares = np.full(8, 0.125, np.float32)
    with open_source(str(source)) as reader:
        overlay = Overlay(reader.info.width, reader.info.height)
        sink = VideoSink(target, reader.info, config, form=reader.info.form)
        for frame in reader:
            track, said = Track(1, box, points, 0.9), Prediction(1, shares, 0.5, 0.1, 0.8)
            sink.write(frame.time_s, overlay.over(Analysis(frame, (track,), (said,), {})))
        sink.close()
    return sink


LOSSLESS = {
    "h264": {"qp": "0", "preset": "ultrafast"},
    "hevc": {"x265-params": "lossless=1:log-level=none", "preset": "ultrafast"},
}


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_samples_that_are_not_drawn_on_are_encoded_bit_for_bit(tmp_path, monkeypatch, codec, form):
    monkeypatch.setattr(engine.video.sink, "options_of", lambda *_: dict(LOSSLESS[codec]))
    source = _noise(tmp_path / "in.mkv", form, ENCODERS[codec].name)
    _drawn(source, tmp_path / "out.mkv", SinkConfig(codec=codec))
    before, after = _planes(source), _planes(tmp_path / "out.mkv")
    assert len(before) == len(after) == 12
    layout = LAYOUTS[form]
    for one, other in zip(before, after, strict=True):
        for index, (was, now) in enumerate(zip(one, other, strict=True)):
            across, down = (layout.across, layout.down) if index else (1, 1)
            free = np.ones(was.shape, bool)
            free[200 // down :] = False  # the strip
            free[40 // down : 170 // down, 90 // across : 270 // across] = False
            assert was.dtype == now.dtype
            np.testing.assert_array_equal(was[free], now[free])
            assert (was != now).any()


def test_hdr_keeps_depth_tags_and_the_display_it_was_made_on(tmp_path):
    mastering = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        told = f"log-level=none:master-display={mastering}:max-cll=1000,400"
        stream = container.add_stream("libx265", rate=25, options={"x265-params": told})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = 16, 9, 9
        context.color_range = 1
        for _ in range(12):
            container.mux(stream.encode(av.VideoFrame(320, 240, "yuv420p10le")))
        container.mux(stream.encode(None))
    for ending in (".mp4", ".mkv"):
        _drawn(source, tmp_path / f"out{ending}", SinkConfig())
        with open_source(str(source)) as one, open_source(str(tmp_path / f"out{ending}")) as other:
            assert one.info.form == other.info.form
            assert other.info.form.mastering == mastering
            assert other.info.form.light == "1000,400"
            assert other.info.form.colour == Colour(9, True, 9, 16, 1)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_turn_and_shape_of_pixels_go_along(tmp_path, ending):
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(90)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(320, 240, "yuv420p")))
        container.mux(stream.encode(None))
    target = tmp_path / f"out{ending}"
    _drawn(source, target, SinkConfig())
    with open_source(str(source)) as one, open_source(str(target)) as other:
        assert (other.info.width, other.info.height) == (240, round(320 * 4 / 3))
        assert one.info.form == other.info.form


@pytest.mark.parametrize(
    ("codec", "form", "kept"),
    [
        (None, "yuv420p", ("h264", "yuv420p")),
        (None, "yuv420p10le", ("hevc", "yuv420p10le")),
        ("h264", "yuv420p10le", ("h264", "yuv420p10le")),
        ("av1", "yuv422p10le", ("av1", "yuv420p10le")),
        ("av1", "yuv420p", ("av1", "yuv420p")),
    ],
)
def test_each_codec_takes_what_it_can(tmp_path, codec, form, kept):
    source = _noise(tmp_path / "in.mkv", form, "libx264")
    _drawn(source, tmp_path / "out.mp4", SinkConfig(codec=codec))
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        name = {"libdav1d": "av1"}.get(video.codec_context.name, video.codec_context.name)
        assert (name, video.pix_fmt) == kept
        assert sum(1 for _ in container.decode(video)) == 12


def test_a_growing_film_of_planes_is_one_too(tmp_path):
    source = _noise(tmp_path / "in.mkv", "yuv420p", "libx264")
    _drawn(source, tmp_path / "out.mp4", SinkConfig(growing=True))
    assert len(_planes(tmp_path / "out.mp4")) == 12


def test_planes_and_bgr_do_not_go_into_one_film(tmp_path):
    source = _noise(tmp_path / "in.mkv", "yuv420p", "libx264")
    with open_source(str(source)) as reader:
        picture = next(iter(reader)).picture
        sink = VideoSink(tmp_path / "out.mp4", reader.info, form=reader.info.form)
        with pytest.raises(ValueError, match="expected planes"):
            sink.write(0.0, picture.image)
        sink.discard()
        sink = VideoSink(tmp_path / "out.mp4", reader.info)
        with pytest.raises(ValueError, match="expected BGR"):
            sink.write(0.0, Copied(picture))
        sink.discard()
