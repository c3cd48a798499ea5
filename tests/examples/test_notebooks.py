"""The notebooks run from top to bottom on the bundled demo, and are committed without outputs."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
NO_CAMERA = """
import engine.video.opening
from engine.errors import SourceError

def missing(number, config):
    raise SourceError(f"camera {number}: not there; cameras found: none")

engine.video.opening.Camera = missing
"""
# A process of its own: the client's event loop and sockets are not this suite's to close.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.fixture
def execute(tmp_path):
    """Give `execute(name)`: the outputs of a notebook of the examples, by kind."""

    def run(name):
        notebook = nbformat.read(ROOT / "examples" / name, 4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_CAMERA))
        nbformat.write(notebook, tmp_path / "in.ipynb")
        own = {"IPYTHONDIR": tmp_path / "ipython", "JUPYTER_RUNTIME_DIR": tmp_path / "runtime"}
        own |= {"JUPYTER_CONFIG_DIR": tmp_path / "config", "JUPYTER_DATA_DIR": tmp_path / "data"}
        done = subprocess.run(
            [sys.executable, "-c", EXECUTE, "in.ipynb", "out.ipynb"],
            cwd=tmp_path,
            env={**os.environ, **{name: str(path) for name, path in own.items()}}
            | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs = {}
        for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells:
            for output in cell.get("outputs", []):
                for kind, content in output.get(
                    "data", {output.get("name"): output.get("text")}
                ).items():
                    outputs.setdefault(kind, []).append(content)
        return outputs

    return run


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_is_valid_and_has_no_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_there_are_three():
    assert [path.stem for path in NOTEBOOKS] == ["camera", "picture", "video"]


@pytest.mark.slow
def test_picture_shows_its_faces(execute):
    outputs = execute("picture.ipynb")
    assert "face 1: happiness" in outputs["text/html"][0]
    assert "data:image/png;base64," in outputs["text/html"][0]
    assert len(outputs["image/png"]) == 1
    assert "stderr" not in outputs


@pytest.mark.slow
def test_video_becomes_a_figure_and_files(execute, tmp_path):
    outputs = execute("video.ipynb")
    assert len(outputs["image/png"]) == 1
    assert (tmp_path / "annotated.mp4").stat().st_size > 0
    assert (tmp_path / "rows.csv").read_text().count("\n") > 100
    assert "stderr" not in outputs


@pytest.mark.slow
def test_camera_that_is_not_there_is_the_demo(execute):
    outputs = execute("camera.ipynb")
    assert "camera 0: not there; cameras found: none; here is the demo" in outputs["stdout"][0]
    assert "frame 99, " in outputs["text/html"][0]  # updated in place
    assert "face 1:" in outputs["text/html"][0]
    assert len(outputs["image/png"]) == 1
    assert "stderr" not in outputs
