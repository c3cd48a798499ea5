"""What /proc/cpuinfo says about int8, and how many cores there are."""

import os

import pytest

from engine.networks.processor import cores, supports_fast_int8

UNKNOWN = "unknown: Linux does not say what the processor can do"
X86 = "processor : {}\nflags\t\t: fpu avx2 {}\n"
ARM = "processor : {}\nFeatures\t: fp asimd {}\n"


@pytest.mark.parametrize(
    ("machine", "text", "wanted"),
    [
        ("x86_64", X86.format(0, "fma"), (False, "no VNNI")),
        ("x86_64", X86.format(0, "avx512_vnni"), (True, "AVX512-VNNI")),
        ("x86_64", X86.format(0, "avx_vnni"), (True, "AVX-VNNI")),
        ("x86_64", X86.format(0, "avx_vnni_int16"), (False, "no VNNI")),
        ("x86_64", X86.format(0, "avx_vnni") + X86.format(1, ""), (False, "no VNNI")),
        ("aarch64", ARM.format(0, "asimddp"), (True, "arm dotprod")),
        ("aarch64", ARM.format(0, "aes"), (False, "no dotprod")),
        ("riscv64", "isa : rv64", (False, UNKNOWN)),
    ],
)
def test_the_processor_says_whether_int8_is_fast(monkeypatch, tmp_path, machine, text, wanted):
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert supports_fast_int8(path) == wanted


def test_a_processor_that_says_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("platform.system", lambda: "Windows")
    fast, why = supports_fast_int8(tmp_path / "none")
    assert not fast
    assert why.startswith("unknown: Windows")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert supports_fast_int8(tmp_path / "none") == (True, "arm dotprod")


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert cores() == 12
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1
