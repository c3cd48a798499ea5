"""Turns checkpoints into ONNX files with manifests, and proves that they agree."""
