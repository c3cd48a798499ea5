"""Every code block of README and docs: Python is run, shell is parsed by the programs themselves.

A block that cannot be run here has a comment just before it, `<!-- not run: the reason -->`; it is
still compiled, or its commands still parsed. Shell is run where that is cheap and safe: `fer-video`
on files that are at hand, `--help` and `--version`.
"""

import argparse
import importlib
import importlib.util
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from markdown_it import MarkdownIt

from engine.assets import asset_path
from engine.networks.models import shipped

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PROGRAMS = PROJECT["scripts"] | PROJECT["gui-scripts"]
SCRIPTS = {
    "scripts/gpu": "scripts.gpu_stages:main",
    "scripts/run": "app.command.cli:main",
    "scripts/app": "app.window.desktop:main",
}
# Programs of others, and scripts whose options are another program's: bash alone reads their lines.
OTHERS = {"cp", "git", "mkdir", "pytest", "tritonserver", "uv", "."}
OTHERS |= {".venv/bin/kingfisher", "scripts/check", "scripts/test"}
KEYWORDS = {"done", "for"}  # the rest of such a line holds no command
MARKER = re.compile(r"<!--\s*not run:(.*?)-->\s*", re.DOTALL)
SHELL = {"shell", "sh", "bash"}
LIMIT_S = 100  # for a block of Python: one that waits for something needs a marker


@dataclass(frozen=True)
class Block:
    """Code in a page, with the line it begins at, and why it is not run."""

    page: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks_of(text, page):
    """Give every block of a page of Markdown, fenced or indented."""
    blocks, reason = [], None
    for token in MarkdownIt().enable("table").parse(text):
        marker = MARKER.fullmatch(token.content) if token.type == "html_block" else None
        if marker:
            reason = marker.group(1).strip()
        elif token.type in ("fence", "code_block"):
            language = token.info.split()[0] if token.info else "shell"
            blocks.append(Block(page, token.map[0] + 1, language, token.content, reason))
            reason = None
        elif token.nesting != -1:
            assert reason is None, f"{page}: a marker without a code block after it"
    assert reason is None, f"{page}: a marker without a code block after it"
    return blocks


BLOCKS = [
    block
    for page in PAGES
    for block in blocks_of(page.read_text("utf-8"), page.relative_to(ROOT).as_posix())
]


def commands_of(text):
    """Give the commands of shell text as lists of words, without keywords and redirections."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if word in ("&&", "||", "|", ";"):
                if words and words[0] == "do":
                    words = words[1:]
                if words and words[0] not in KEYWORDS:
                    yield words
                words = []
            else:
                words.append(word)


@pytest.fixture(autouse=True)
def no_program_hears_signals(monkeypatch):
    """Programs are run in this process, which is not theirs."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


class Parsed(BaseException):
    """Thrown once a program has read its options, so that it goes no further."""


def parse(main, words, monkeypatch):
    """Let a program read its options, and stop it there; give them."""

    def stop_after(method):
        original = getattr(argparse.ArgumentParser, method)

        def parse_and_stop(self, *args, **kwargs):
            raise Parsed(original(self, *args, **kwargs))

        monkeypatch.setattr(argparse.ArgumentParser, method, parse_and_stop)

    with monkeypatch.context() as monkeypatch:
        stop_after("parse_args")
        stop_after("parse_intermixed_args")
        monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
        monkeypatch.setattr(sys, "argv", ["program", *words])
        try:
            code = main()  # not every bench takes its words as an argument
        except Parsed as parsed:
            return parsed.args[0]
        except SystemExit as error:
            code = error.code
    pytest.fail(f"{shlex.join(words)}: not accepted, exit code {code}")


def entry(target):
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def entry_of_file(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def check_install(words):
    """Every extra that is asked of this project is one that it has."""
    extras = PROJECT["optional-dependencies"]
    for word in words:
        for names in re.findall(r"^(?:\.|fer-live)\[(.*)\]$", word):
            assert set(names.split(",")) <= extras.keys(), word


def without_redirections(words):
    return words[: words.index(">")] if ">" in words else words


def main_of(words):
    """Give the function behind a command and its options; None for another's program."""
    program, *rest = words
    if program in PROGRAMS or program in SCRIPTS:
        return entry((PROGRAMS | SCRIPTS)[program]), rest
    if program == "torchrun":
        rest = rest[rest.index("-m") :]
        program = "python"
    if program in ("python", ".venv/bin/python", "python3"):
        if rest[0] != "-m":
            return entry_of_file(ROOT / rest[0]), rest[1:]
        if rest[1] in ("venv", "pip"):
            return None, rest
        return entry(f"{rest[1]}:main"), rest[2:]
    assert program in OTHERS, f"{program}: not known as a program; fence what is no shell as text"
    return None, rest


def check_command(words, monkeypatch):
    """Check one command; give the program's function and options where it may be run."""
    words = without_redirections(words)
    for word in words:
        inside = word.startswith(("training/", "examples/", "scripts/", "docs/"))
        assert not inside or (ROOT / word).exists(), f"{word}: not in the checkout"
    if words[0] in ("pip", "fer/bin/pip"):
        return check_install(words)
    main, rest = main_of(words)
    if main is None:
        return None
    options = parse(main, rest, monkeypatch)
    may_run = words[0] == "fer-video" and is_cheap(options)
    return (main, rest) if may_run or {"--help", "--version"} & set(rest) else None


def is_cheap(options):
    given = vars(options)
    return (
        Path(options.input or "missing").exists()
        and given.get("device", "auto") in ("auto", "cpu")
        and (given.get("model", "poster-rt") in shipped() or Path(given["model"]).exists())
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Give `folder(page)`: where a page's blocks run, one after the other, with files at hand."""
    made = {}

    def folder(page):
        if page not in made:
            made[page] = tmp_path_factory.mktemp("page")
            shutil.copy(asset_path("portrait.jpg"), made[page] / "face.jpg")
            first_second(asset_path("demo.mp4"), made[page] / "clip.mp4")
        return made[page]

    return folder


def first_second(path, target):
    """Copy the pictures and the sound of a video's first second."""
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            wanted = packet.dts is not None and packet.stream.index in streams
            if wanted and packet.dts * packet.time_base < 1:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=str)
def test_python_block_runs(block, folders):
    compile(block.text, str(block), "exec")
    if block.reason is None:
        done = subprocess.run(
            [sys.executable, "-c", block.text],
            cwd=folders(block.page),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in SHELL], ids=str)
def test_shell_block_is_accepted_by_its_programs(block, folders, monkeypatch):
    bash = shutil.which("bash")
    if bash:
        subprocess.run([bash, "-n", "-c", block.text], check=True)
    monkeypatch.chdir(folders(block.page))
    for words in commands_of(block.text):
        runnable = check_command(words, monkeypatch)
        if runnable and block.reason is None:
            main, rest = runnable
            assert main(rest) == 0, shlex.join(words)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language in ("toml", "json")], ids=str)
def test_data_block_can_be_read(block):
    (tomllib if block.language == "toml" else json).loads(block.text)


def test_every_block_has_a_language_that_is_checked():
    known = {"python", "toml", "json", "text", *SHELL}  # text is not code
    assert {str(b): b.language for b in BLOCKS if b.language not in known} == {}


def test_every_reason_is_one():
    assert {str(b): b.reason for b in BLOCKS if b.reason is not None and len(b.reason) < 15} == {}


def test_quick_start_is_the_first_thing_in_the_readme_and_is_run():
    shell, python = [block for block in BLOCKS if block.page == "README.md"][:2]
    assert (shell.language, python.language) == ("shell", "python")
    assert shell.reason is None
    assert python.reason is None
    assert "fer-video clip.mp4" in shell.text
    assert "import fer_live" in python.text


# The checks themselves: each has to find what it is there for.


def test_fenced_and_indented_blocks_are_found_where_they_are():
    text = """# Page

    fer-video a.mp4

- in a list

  ```python
  print(1)
  ```

<!-- not run: it would never end -->
```shell
fer-app
```
"""
    assert [(b.line, b.language, b.text, b.reason) for b in blocks_of(text, "x.md")] == [
        (3, "shell", "fer-video a.mp4\n", None),
        (7, "python", "print(1)\n", None),
        (12, "shell", "fer-app\n", "it would never end"),
    ]


def test_marker_without_a_block_is_found():
    for text in ("<!-- not run: x -->\n\ntext\n\n    fer-app\n", "<!-- not run: x -->\n"):
        with pytest.raises(AssertionError, match="a marker without a code block"):
            blocks_of(text, "x.md")


def test_commands_are_taken_apart():
    text = r"""mkdir a && for f in x y; do  # why
    git show $f > a/$f; done
fer-video a \
  --out b
"""
    assert list(commands_of(text)) == [
        ["mkdir", "a"],
        ["git", "show", "$f", ">", "a/$f"],
        ["fer-video", "a", "--out", "b"],
    ]


@pytest.mark.parametrize(
    "line",
    [
        "fer-video clip.mp4 --outt a.mp4",
        "fer-video clip.mp4 --device gpu",
        "fer-train training/recipes/poster-rt.toml --no-such-option",
        "fer-train training/recipes/missing.toml",
        "fer-export verify a.onnx",
        "python -m training.train",
        "scripts/run a.mp4 --fast",
        "pip install '.[parket]'",
        "fer-magic a.mp4",
    ],
)
def test_wrong_command_is_found(line, monkeypatch):
    (words,) = commands_of(line)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_command(words, monkeypatch)
