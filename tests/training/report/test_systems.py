"""Reports of POSTER-Ada, ARBEx and DAN on valence and arousal, trained for a step each."""

import json

import cv2
import numpy as np
import pytest

from training.data.affwild2 import HEADERS
from training.evaluation.metrics import affect_metrics, expression_metrics
from training.evaluation.runs import evaluate_run
from training.report.page import write_report
from training.tasks.system import run
from training.trainer.recipe import read_recipe

STREAMS = ("system.image=ir-small", "system.landmarks=landmark-net")
POSTER_ADA = ("system.name=poster", "poster.head=adaface", "poster.dim=32", "poster.depth=1")
ARBEX = ("system.name=arbex", "arbex.width=32", "arbex.depth=1", "arbex.anchors=2")
DAN_VA = (
    *("system.name=dan", "dan.task=va", "dan.affinity=0", "dan.trunk=ir-small", "dan.width=64"),
    *("dan.input_size=64", "data.dataset=aff-wild2-va", "loop.batch=32"),
)


@pytest.fixture
def reported(tmp_path):
    """Give `reported(*settings)`: what judged a short training, its report's figures and text."""
    path = tmp_path / "tiny.toml"
    path.write_text('task = "system"\n[loop]\nsteps = 1\nbatch = 4\nevery = 1\nworkers = 0\n')
    places = {"data": tmp_path / "data", "cache": tmp_path / "cache", "folder": tmp_path / "run"}

    def reported(*settings):
        settings = [*settings, "data.align=none", "loop.accelerator=cpu"]
        run(read_recipe(path, settings, **places))
        root, cache = places["data"], places["cache"]
        evaluation = evaluate_run(places["folder"], "test", root=root, cache=cache)
        write_report(evaluation, tmp_path / "report")
        figures = json.loads((tmp_path / "report" / "metrics.json").read_text())
        return evaluation, figures, (tmp_path / "report" / "report.md").read_text()

    return reported


@pytest.fixture
def videos(tmp_path):
    """Three training videos and one for validation, 20 frames each; its last has no picture."""
    rng = np.random.default_rng(0)
    root = tmp_path / "data" / "aff-wild2-va"
    for part, names in (("Train_Set", "abc"), ("Validation_Set", "d")):
        folder = root / "VA_Estimation_Challenge" / part
        folder.mkdir(parents=True)
        for name in names:
            lines = [HEADERS["affect"], *(f"{frame / 20},{-frame / 20}" for frame in range(20))]
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
            (root / "cropped_aligned" / name).mkdir(parents=True)
            for frame in range(1, 20 if name == "d" else 21):
                image = rng.integers(0, 256, (64, 64, 3), np.uint8)
                cv2.imwrite(str(root / "cropped_aligned" / name / f"{frame:05d}.jpg"), image)


def rows_of(page):
    """Rows of the page's tables by their first cell."""
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {first: rest for first, *rest in cells}


@pytest.mark.usefixtures("ferplus_root")
def test_poster_ada_is_told_whether_its_norm_follows_sharpness(reported, tmp_path):
    evaluation, figures, page = reported(*STREAMS, *POSTER_ADA)
    norm, quality = (evaluation.answers.extras[name] for name in ("norm", "quality"))
    said = figures["Feature norm and sharpness"]
    assert said["mean norm"] == pytest.approx(norm.mean())
    assert said["std of the norm"] == pytest.approx(norm.std())
    assert said["coefficient of variation"] == pytest.approx(norm.std() / norm.mean())
    assert said["clipped fraction of the quality"] == np.mean(np.abs(quality) >= 1)
    edges = [cv2.Laplacian(crop[..., 0], cv2.CV_64F).var() for crop in evaluation.faces.crops]
    ranks, sharp = (np.argsort(np.argsort(series)) for series in (norm, edges))
    wanted = np.corrcoef(ranks, sharp)[0, 1]
    assert said["Spearman correlation with sharpness"] == pytest.approx(wanted)
    assert "## Feature norm and sharpness" in page
    assert rows_of(page)["mean norm"] == [f"{norm.mean():.4g}"]
    assert (tmp_path / "report" / "norm.png").is_file()


@pytest.mark.usefixtures("ferplus_root")
def test_arbex_is_compared_before_and_after_its_correction(reported, tmp_path):
    evaluation, figures, page = reported(*STREAMS, *ARBEX)
    said = figures["Primary and corrected confidence"]
    assert list(said) == ["primary", "corrected"]
    for name, sure in (("primary", "primary_confidence"), ("corrected", "confidence")):
        probabilities = np.exp(evaluation.answers.extras[name])
        wanted = expression_metrics(probabilities, evaluation.labels)
        assert said[name]["std of probabilities"] == pytest.approx(probabilities.std())
        assert said[name]["mean confidence"] == pytest.approx(
            evaluation.answers.extras[sure].mean()
        )
        assert said[name]["accuracy"] == wanted.accuracy
        assert said[name]["ece"] == pytest.approx(wanted.ece)
    assert said["corrected"]["accuracy"] == figures["accuracy"]
    assert said["corrected"]["ece"] == pytest.approx(figures["ece_raw"])
    assert said["primary"] != said["corrected"]
    both = [f"{said[name]['std of probabilities']:.4f}" for name in ("primary", "corrected")]
    assert rows_of(page)["std of probabilities"] == both
    assert "deviation of 0.1316 before and 0.0881 after correction" in page
    assert (tmp_path / "report" / "confidence.png").is_file()


@pytest.mark.usefixtures("videos")
def test_valence_and_arousal_are_reported_without_expressions(reported, tmp_path):
    evaluation, figures, page = reported(*DAN_VA)
    truth = evaluation.answers.target.affect.numpy()
    answers = evaluation.answers.affect
    wanted = affect_metrics(answers, truth)
    assert (figures["affect_images"], figures["submission_frames"]) == (19, 20)
    copied = affect_metrics(answers[[*range(19), 18]], np.vstack([truth, [[0.95, -0.95]]]))
    assert figures["submission_va_score"] == pytest.approx(copied.score)
    assert figures["va_score"] == pytest.approx((wanted.ccc_valence + wanted.ccc_arousal) / 2)
    assert figures["ccc_valence"] == pytest.approx(wanted.ccc_valence)
    assert figures["ccc_arousal"] == pytest.approx(wanted.ccc_arousal)
    assert {"accuracy", "ece", "confusion", "davies_bouldin"}.isdisjoint(figures)
    assert float(rows_of(page)["va_score"][0]) == pytest.approx(wanted.score, abs=1e-3)
    assert "## Expressions" not in page
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"report.md", "metrics.json", "curves.png"}
