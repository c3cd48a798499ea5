"""Options are those of the engine: names, types, and defaults."""

import inspect
from dataclasses import fields
from typing import get_type_hints

import pytest

import fer_live
from app.command.job import Job
from engine.analyze import AnalyzerConfig
from engine.drawing.overlay import OverlayConfig
from engine.video.opening import SourceConfig
from fer_live._options import PictureOptions, VideoOptions


def test_options_of_videos_are_the_fields_of_the_engines_config():
    assert get_type_hints(VideoOptions) == get_type_hints(AnalyzerConfig)
    assert set(VideoOptions.__annotations__) == {field.name for field in fields(AnalyzerConfig)}


def test_options_of_pictures_leave_out_what_needs_time():
    left_out = set(VideoOptions.__annotations__) - set(PictureOptions.__annotations__)
    assert left_out == {
        "model",
        "detect_every",
        "relink",
        "smooth",
    }  # the model is an argument of its own


def test_defaults_are_those_of_the_command():
    annotate = inspect.signature(fer_live.annotate).parameters
    job = Job(input="x")
    for name in ("audio", "overwrite", "landmarks"):
        assert annotate[name].default == getattr(job, name)
    assert annotate["timeline"].default == OverlayConfig().timeline
    for function in (fer_live.annotate, fer_live.stream, fer_live.table):
        assert inspect.signature(function).parameters["start"].default == SourceConfig().start_s
        assert inspect.signature(function).parameters["duration"].default is None
    model = AnalyzerConfig().model
    assert inspect.signature(fer_live.analyze).parameters["model"].default == model
    assert inspect.signature(fer_live.Model).parameters["name"].default == model


@pytest.mark.parametrize(
    "call",
    [
        lambda **options: fer_live.stream("x.mp4", **options),
        lambda **options: fer_live.table("x.mp4", **options),
        lambda **options: fer_live.annotate("x.mp4", "y.mp4", **options),
        lambda **options: fer_live.analyze("x.jpg", **options),
        lambda **options: fer_live.Model(**options),
    ],
)
def test_wrong_options_are_one_line_before_anything_is_opened(call):
    with pytest.raises(fer_live.ConfigError) as unknown:
        call(max_face=3)
    assert str(unknown.value).startswith("max_face: unknown option; did you mean max_faces? known")
    with pytest.raises(fer_live.ConfigError, match="max_faces: must be at least 1, got 0"):
        call(max_faces=0)


def test_what_needs_time_is_no_option_of_a_picture():
    with pytest.raises(fer_live.ConfigError, match=r"^smooth: unknown option; known here: device"):
        fer_live.analyze("x.jpg", smooth=0.5)


@pytest.mark.parametrize(
    ("part", "name"), [({"start": -1}, "start"), ({"duration": 0}, "duration")]
)
def test_wrong_part_is_one_line_at_once(part, name):
    with pytest.raises(fer_live.ConfigError, match=name):
        fer_live.stream("x.mp4", **part)
