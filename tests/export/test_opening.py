"""What the engine refuses is not made."""

import pytest

from engine.assets import asset_path
from engine.errors import ModelError
from export.opening import check_opens
from export.targets import Request, export


@pytest.mark.parametrize("name", ["poster-rt", "poster-rt-int8", "landmark-net", "fer-detector"])
def test_shipped_networks_are_opened(name):
    check_opens(asset_path(f"{name}.onnx"))


@pytest.mark.parametrize("batch", ["N", 1, 4])
def test_network_of_other_classes_and_of_any_batch_is_opened(make_small, tmp_path, batch):
    check_opens(make_small(tmp_path / "mine.onnx", batch=batch, labels=["blink", "yawn", "other"]))


REFUSED = {"labels": ["anger", "file", "fear"]}
SAYS = r"mine\.onnx: the engine does not open it: mine: labels: file is the name of another column"


def test_network_that_the_engine_refuses_is_named_with_the_reason(make_small, tmp_path):
    with pytest.raises(ModelError, match=SAYS):
        check_opens(make_small(tmp_path / "mine.onnx", **REFUSED))
    with pytest.raises(ModelError, match="gives no valence_arousal, but logits"):
        check_opens(make_small(tmp_path / "mine.onnx", outputs=["logits", "valence_arousal"]))


@pytest.mark.parametrize(
    ("to", "name"), [("bundle", "out.fer"), ("triton", "out"), ("onnx", "o.onnx")]
)
def test_nothing_is_left_of_what_the_engine_refuses(make_small, tmp_path, to, name):
    """Once all of these succeeded, and the user met the refusal."""
    mine = make_small(tmp_path / "mine.onnx", **REFUSED)
    before = sorted(tmp_path.iterdir())
    request = Request(
        checkpoint=mine,
        to=to,
        precision="fp16" if to == "onnx" else None,
        batch=0,
        out=tmp_path / name,
        overwrite=False,
        data=tmp_path,
        cache=tmp_path,
        own={},
    )
    with pytest.raises(ModelError, match="labels: file is the name of another column"):
        export(request)
    assert sorted(tmp_path.iterdir()) == before
