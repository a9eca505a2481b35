"""What a graph network has made of its nodes: pictures for TensorBoard."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from figures.confusion import draw_confusion
from figures.nodes import draw_nodes

# The projector of TensorBoard runs in the browser, and takes no more well.
MOST_PROJECTED = 20_000


class NodePictures(Callback):
    """Draw the last hidden layer before and after training, and the confusion of the test nodes.

    The picture shows the directions in which the features of the nodes point, in the plane where
    they lie farthest apart (principal components). At the end the layer goes to TensorBoard's
    projector too, where it can be turned and looked at by other projections, such as t-SNE. All
    show the network as it is at the last step. Of a network without a hidden layer, or one that has
    diverged, there is only the confusion.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 0 and trainer.logger and trainer.is_global_zero:
            hidden, _, graph = _look(trainer, pl_module)
            if hidden is not None:
                _draw_hidden(trainer, hidden, graph.labels, "before training")

    def begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing: TensorBoard's own files are minded by `RunLogger`."""

    def is_missing(self) -> bool:
        """Nobody can tell from outside."""
        return False

    def finish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the network as it is now."""
        if not trainer.logger:
            return
        hidden, predicted, graph = _look(trainer, pl_module)
        if hidden is not None:
            _draw_hidden(trainer, hidden, graph.labels, "after training")
            _project_hidden(trainer, hidden, graph.labels, predicted)
        test = graph.test
        classes = trainer.datamodule.num_classes
        places = graph.labels[test] * classes + predicted[test]
        counts = torch.bincount(places, minlength=classes**2).view(classes, classes)
        name, step = type(pl_module).__name__, trainer.global_step
        figure = draw_confusion(counts.tolist(), f"{name}, step {step:,}: the test nodes")
        trainer.logger.experiment.add_figure("figures/confusion", figure, step)


def _look(trainer: Trainer, model: LightningModule) -> tuple[Tensor | None, Tensor, Any]:
    """The hidden layer (N, H), if any, the predicted classes (N,), and the graph, on the CPU."""
    data = trainer.datamodule
    # As Lightning hands it to the model.
    graph = trainer.precision_plugin.convert_input(data.graph)
    graph = data.transfer_batch_to_device(graph, model.device, 0)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        hidden = model.hidden(graph)
        predicted = model.read_out(hidden, graph).argmax(dim=1)
    model.train(was_training)
    shown = None
    if hidden is not graph.features and hidden.isfinite().all():
        shown = hidden.float().cpu()
    return shown, predicted.cpu(), data.graph


def _draw_hidden(trainer: Trainer, hidden: Tensor, labels: Tensor, when: str) -> None:
    name = type(trainer.lightning_module).__name__
    figure = draw_nodes(
        principal_plane(F.normalize(hidden)).tolist(),
        labels.tolist(),
        f"{name}: the last hidden layer, {when}",
    )
    tag = f"figures/hidden_layer/{when}"
    trainer.logger.experiment.add_figure(tag, figure, trainer.global_step)


def _project_hidden(trainer: Trainer, hidden: Tensor, labels: Tensor, predicted: Tensor) -> None:
    shown = torch.arange(len(hidden))
    if len(shown) > MOST_PROJECTED:
        shown = torch.linspace(0, len(hidden) - 1, MOST_PROJECTED).long()
    trainer.logger.experiment.add_embedding(
        hidden[shown],
        [[int(labels[node]), int(predicted[node]), int(node)] for node in shown],
        metadata_header=["class", "predicted", "node"],
        global_step=trainer.global_step,
        tag="hidden_layer",
    )


def principal_plane(points: Tensor) -> Tensor:
    """Points (N, D) in the plane of their two largest principal components, (N, 2).

    Where they lie on a line or in a point, the coordinates that are missing are 0.
    """
    centred = (points - points.mean(dim=0)).double()
    # Of H x H, since nodes are more than hidden units; a picture has no use for the rest.
    _, axes = torch.linalg.eigh(centred.t() @ centred)
    plane = centred @ axes[:, -2:].flip(1)
    return F.pad(plane, (0, 2 - plane.shape[1]))
