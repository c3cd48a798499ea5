"""What is said of a machine, and what is not."""

import platform

import pytest

import engine.installed
import export.bench.machine
from export.bench.machine import this_machine

X86 = """processor : 0
model name : Example 9000
flags : fpu avx avx2 avx512f avx512_vnni
processor : 1
model name : Example 9000
flags : fpu avx avx2 avx512f
"""
ARM = "processor : 0\nFeatures : fp asimd asimddp\n"


@pytest.mark.parametrize(
    ("cpuinfo", "processor", "instructions"),
    [
        (X86, "Example 9000", ("AVX", "AVX2", "AVX-512")),  # VNNI is not on every core
        (ARM, None, ("NEON", "dot product")),
        ("", None, ()),
    ],
)
def test_processor_and_instructions(tmp_path, monkeypatch, cpuinfo, processor, instructions):
    path = tmp_path / "cpuinfo"
    path.write_text(cpuinfo)
    monkeypatch.setattr(export.bench.machine, "CPUINFO", path)
    monkeypatch.setattr(platform, "processor", lambda: "")
    machine = this_machine()
    assert machine.processor == (processor or "unknown processor")
    assert machine.instructions == instructions
    assert ", ".join(instructions) in machine.in_words()


def test_system_without_cpuinfo_is_described_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(export.bench.machine, "CPUINFO", tmp_path / "missing")
    assert "instruction sets unknown" in this_machine().in_words()


def test_page_names_no_host_and_no_folder():
    machine = this_machine("a training ran on the other core")
    said = f"{machine.as_dict()} {machine.in_words()}"
    assert platform.node() not in said
    assert str(engine.installed.ROOT) not in said
    assert machine.in_words().endswith("a training ran on the other core")
    assert f"onnxruntime {machine.onnxruntime}" in said


def test_commit_of_somebody_elses_checkout_is_not_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(engine.installed, "ROOT", tmp_path)
    assert this_machine().commit == "unknown"
