"""Text of a message, read by Triton's own proto."""

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.pbtxt import EnumName, text_of


def test_text_survives_quotes_and_letters():
    text = 'a "b" \\ c\nd é 表'
    config = {"name": text, "instance_group": [{"kind": EnumName("KIND_CPU"), "count": 2}]}
    read = text_format.Parse(text_of(config), ModelConfig())
    assert (read.name, read.instance_group[0].kind, read.instance_group[0].count) == (text, 2, 2)
