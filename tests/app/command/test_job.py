"""How a job shares the machine between its two networks."""

import os

import pytest

import app.command.job
from app.command.interrupt import Interrupt
from app.command.job import Job, cores, run_job
from engine.analyze import AnalyzerConfig
from engine.errors import ModelError


@pytest.mark.parametrize(
    ("threads", "have", "wanted"), [(0, 1, 1), (0, 2, 1), (0, 5, 2), (0, 16, 8), (3, 16, 3)]
)
def test_each_network_gets_half_of_the_cores_unless_told(
    make_clip, tmp_path, monkeypatch, threads, have, wanted
):
    opened = []

    def refuse(config):
        opened.append(config.threads)
        raise ModelError("enough seen")

    monkeypatch.setattr(app.command.job, "cores", lambda: have)
    monkeypatch.setattr(app.command.job, "open_finder", refuse)
    monkeypatch.setattr(app.command.job, "open_reader", refuse)
    config = AnalyzerConfig(threads=threads)
    job = Job(input=str(make_clip()), records=tmp_path / "rows.csv", analyzer=config)
    with pytest.raises(ModelError, match="enough seen"):
        run_job(job, Interrupt())
    assert opened == [wanted, wanted]


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert cores() == 12
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1
