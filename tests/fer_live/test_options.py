"""Options are those of the engine: names, types, and defaults."""

import inspect
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

import fer_live
from app.command.job import Job
from engine.analyze import AnalyzerConfig
from engine.drawing.overlay import OverlayConfig
from engine.video.opening import SourceConfig
from fer_live._options import FilmOptions, PictureOptions, SourceOptions, VideoOptions

COMMANDS = ("size", "fps", "steady")  # of cameras in the window, and of films that are read twice


def test_options_of_videos_are_the_fields_of_the_engines_config():
    assert get_type_hints(VideoOptions) == get_type_hints(AnalyzerConfig)
    assert set(VideoOptions.__annotations__) == {field.name for field in fields(AnalyzerConfig)}


def test_options_of_sources_are_the_fields_of_the_engines_config():
    fields_of = get_type_hints(SourceConfig)
    ours = {"start": "start_s", "duration": "duration_s"}
    hints = {ours.get(name, name): kind for name, kind in get_type_hints(SourceOptions).items()}
    assert hints == {name: fields_of[name] for name in fields_of if name not in COMMANDS}


def test_no_argument_of_a_source_is_listed_twice():
    """A list of its own in a function would go its own way."""
    for function in (fer_live.annotate, fer_live.stream, fer_live.table):
        parameters = inspect.signature(function).parameters
        assert get_args(parameters["options"].annotation) == (FilmOptions,)
        assert not parameters.keys() & FilmOptions.__annotations__.keys()


def test_options_of_pictures_leave_out_what_needs_time():
    left_out = set(VideoOptions.__annotations__) - set(PictureOptions.__annotations__)
    assert left_out == {
        "model",
        "detect_every",
        "relink",
        "faces",
        "smooth",
    }  # the model is an argument of its own


def test_defaults_are_those_of_the_command():
    annotate = inspect.signature(fer_live.annotate).parameters
    job = Job(input="x")
    for name in ("audio", "overwrite", "landmarks", "codec", "crf"):
        assert annotate[name].default == getattr(job, name)
    assert annotate["timeline"].default == OverlayConfig().timeline
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


CALLS = {
    "stream": (lambda **options: fer_live.stream("x.mp4", **options), {"rgb"}),
    "table": (lambda **options: fer_live.table("x.mp4", **options), {"landmarks"}),
    "annotate": (
        lambda **options: fer_live.annotate("x.mp4", **options),
        {
            *("out", "records", "compare", "landmarks", "audio", "timeline", "overwrite"),
            *("progress", "overlay", "blur", "keep", "pad", "codec", "preset", "crf"),
        },
    ),
    "analyze": (
        lambda **options: fer_live.analyze("x.jpg", **options),
        {"rgb", "model", "max_megapixels"},
    ),
    "Model": (lambda **options: fer_live.Model(**options), {"name"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_all_unknown_options_are_named_beside_all_that_are_known(name):
    call, own = CALLS[name]
    shared = FilmOptions if name in ("stream", "table", "annotate") else PictureOptions
    with pytest.raises(fer_live.ConfigError) as caught:
        call(treads=3, zzzzzzz=1)
    head, _, known = str(caught.value).partition(" known here: ")
    assert head == "treads, zzzzzzz: unknown options; did you mean threads?"
    assert set(known.split(", ")) == own | set(shared.__annotations__)
    for option in {"strat": "start", "rbg": "rgb", "landmark": "landmarks"}.items():
        if option[1] in known:
            with pytest.raises(fer_live.ConfigError, match=rf"did you mean {option[1]}\?"):
                call(**{option[0]: 1})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "foo"}, r"^model foo: unknown; choose poster-rt"),
        ({"model": "foo.onnx"}, r"^foo\.onnx: no such model file"),
        ({"model": "foo.fer"}, r"^foo\.fer: no such model file"),
        ({"device": "tensorrt"}, r"^device tensorrt: no poster-rt\.engine beside the model.*; "),
        ({"detector": "yunet"}, r"^detector yunet: needs detector_model=FILE"),
        ({"detector": "yunet", "detector_model": "x"}, r"^detector yunet: x: no such model file"),
        ({"detector_model": "x.onnx"}, r"^x\.onnx: no such model file"),
    ],
)
def test_a_model_that_is_not_there_is_said_at_the_call(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fer_live.ModelError, match=said):
        fer_live.stream("x.mp4", **options)
