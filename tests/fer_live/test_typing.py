"""The front door's types reach those who call it, though names are imported late."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
from pathlib import Path
import fer_live

reveal_type(fer_live.analyze(Path("face.jpg"))[0].probabilities["happiness"])
with fer_live.Model(device="cpu") as model:
    reveal_type(model.analyze("face.jpg"))
    reveal_type(model.analyze(["face.jpg", "face.jpg"]))
for moment in fer_live.stream(0, smooth=0.5):
    reveal_type(moment.faces)
    reveal_type(moment.faces[0].expression)
fer_live.stream(0, smoth=0.5)
fer_live.analyze("face.jpg", device="gpu")
"""


@pytest.mark.slow
def test_type_checkers_see_through_the_late_imports(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(CODE)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == [
        "float",
        "fer_live.types.Faces",
        "list[fer_live.types.Faces]",
        "fer_live.types.Faces",
        "str",
    ], done.stdout
    wrong = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(wrong) == 2
    assert 'Unexpected keyword argument "smoth"' in wrong[0]
    assert '"device"' in wrong[1]
