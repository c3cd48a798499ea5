"""What a user is shown of an error."""

import pytest

from engine.command import say
from engine.errors import LINE_MAX, FerError, ModelError, SourceError, one_line


@pytest.mark.parametrize("kind", [FerError, SourceError])
def test_message_is_one_line_whatever_is_in_it(kind):
    error = kind("a.onnx: cannot be loaded: [Fail]\n  first\r\n\tsecond\u2028third\n")
    assert str(error) == "a.onnx: cannot be loaded: [Fail] first second third"


def test_nothing_in_a_message_is_obeyed_by_a_terminal(capsys):
    hostile = "\x1b]0;owned\x07\x1b[31m\u202e.mp4\x00\udcff: no such file"
    wanted = r"\x1b]0;owned\x07\x1b[31m\u202e.mp4\x00\udcff: no such file"
    assert str(SourceError(hostile)) == wanted
    say("fer-video", hostile)
    assert capsys.readouterr().err == f"fer-video: {wanted}\n"


def test_spaces_in_names_stay():
    assert one_line("two  spaces \N{NO-BREAK SPACE}.mp4: gone") == (r"two  spaces \xa0.mp4: gone")


def test_of_a_long_message_beginning_and_end_are_left():
    line = str(ModelError(f"m.onnx: {'x' * 5000}; get it again"))
    assert len(line) < LINE_MAX
    assert line.startswith("m.onnx: xxx")
    assert line.endswith("xxx; get it again")
