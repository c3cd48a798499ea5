"""Where faces lie in the embedding: clustering scores and a t-SNE map."""

from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from engine.types import Floats
from training.evaluation.metrics import Labels
from training.evaluation.runs import Evaluation
from training.evaluation.tables import table
from training.report.drawing import bare, class_look, figure_of, legend
from training.report.section import Picture, Section

FACES_MAX: Final = 2000
SEED: Final = 0
PERPLEXITY: Final = 30.0


def embedding_section(evaluation: Evaluation, figures: dict[str, Any]) -> Section | None:
    """Give the clustering scores and the map of a sample; none without two classes of faces."""
    if "davies_bouldin" not in figures:
        return None
    rows = sample(evaluation.labels)
    places = tsne(evaluation.answers.embedding[rows])
    drawn = draw_map(places, evaluation.labels[rows], evaluation.saved.classes)
    caption = f"t-SNE of the embeddings of {len(rows)} faces; distances between groups say little."
    lines = [
        "Scores are of the embeddings that the classifier reads, not of the map, with true "
        "classes as clusters; vectors are not normalised.",
        "",
        *table(
            ("score", "value", "better"),
            [
                ("Davies-Bouldin", f"{figures['davies_bouldin']:.3f}", "lower"),
                ("Calinski-Harabasz", f"{figures['calinski_harabasz']:.1f}", "higher"),
            ],
        ),
    ]
    return Section("Embeddings", lines, {"tsne": Picture(caption, drawn)})


def sample(labels: Labels, most: int = FACES_MAX) -> Labels:
    """Draw rows that have a label, the same ones each time, in their order."""
    known = np.flatnonzero(labels >= 0)
    return np.sort(np.random.default_rng(SEED).permutation(known)[:most])


def tsne(embeddings: Floats) -> Floats:
    """Map (N, D) to (N, 2), the same way each time.

    Source: van der Maaten and Hinton (2008), "Visualizing data using t-SNE".
    """
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="random", random_state=SEED).fit_transform(embeddings)
    return np.asarray(places, np.float32)


def draw_map(places: Floats, labels: Labels, classes: tuple[str, ...]) -> Figure:
    """Draw (N, 2) places with a colour and a marker for each class."""
    figure, (axes,) = figure_of(width=6.6, height=5.0)
    for index, name in enumerate(classes):
        colour, marker = class_look(index)
        x, y = places[labels == index].T
        axes.scatter(x, y, s=16, color=colour, marker=marker, alpha=0.7, lw=0, label=name)
    bare(axes)
    axes.set_aspect("equal", adjustable="datalim")
    legend(axes)
    return figure
