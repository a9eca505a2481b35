"""Signals: noted at once, acted on between two steps, and forgotten after the run."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Callback

from callbacks import Checkpoints, Interrupted, Interruption

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def own_handler(number, frame):
    raise AssertionError("the run is over or has not begun")


@pytest.fixture(autouse=True)
def own_handlers():
    """Handlers as a program around ours might have set them; they must be there again after it."""
    before = {number: signal.signal(number, own_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def handlers():
    return [signal.getsignal(number) for number in SIGNALS]


def send(number, at):
    """Send this process a signal in training batch `at`."""

    def at_batch(batch):
        if batch == at:
            os.kill(os.getpid(), number)

    return at_batch


def test_handlers_while_it_trains(fit, scripted):
    found = []
    fit(scripted(at_batch=lambda _: found.append(handlers())), Interruption(), max_steps=2)
    assert len(found) == 2
    assert all(own_handler not in each for each in found)


def test_a_terminal_that_may_close_goes_on_unheard(fit, scripted):
    """Under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    found = []
    model = scripted(at_batch=lambda _: found.append(signal.getsignal(signal.SIGHUP)))
    fit(model, Interruption(), max_steps=1)
    assert found == [signal.SIG_IGN] and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_handlers_after_a_run(fit, scripted):
    fit(scripted(), Interruption(), max_steps=2)
    assert handlers() == [own_handler] * 3


def test_a_sigterm_that_came_before_it_trains(fit, scripted, tmp_path):
    """To Lightning's handler, which would end the run of this device alone, in its first step."""

    class Early(Callback):
        def on_train_start(self, trainer, pl_module):
            trainer._signal_connector._sigterm_notifier_fn(signal.SIGTERM, None)

    interruption = Interruption()
    checkpoints = Checkpoints(tmp_path / "checkpoints", interruption, {})
    with pytest.raises(Interrupted) as raised:
        fit(scripted(), Early(), interruption, checkpoints, max_steps=9)
    assert (raised.value.step, raised.value.signal_number) == (1, signal.SIGTERM)
    assert (tmp_path / "checkpoints/last.ckpt").is_file()


def test_handlers_after_a_failure(fit, scripted):
    def fail(number):
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        fit(scripted(at_batch=fail), Interruption())
    assert handlers() == [own_handler] * 3


def test_handlers_after_an_interruption(fit, scripted, tmp_path):
    interruption = Interruption()
    checkpoints = Checkpoints(tmp_path / "checkpoints", interruption, {})
    with pytest.raises(Interrupted):
        fit(scripted(at_batch=send(signal.SIGTERM, 1)), interruption, checkpoints)
    assert handlers() == [own_handler] * 3


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("accumulate, at, step", [(1, 3, 4), (3, 3, 2), (3, 5, 2)])
def test_ends_after_the_step_with_a_checkpoint(
    number, accumulate, at, step, fit, scripted, tmp_path
):
    interruption, model = Interruption(), scripted(at_batch=send(number, at))
    checkpoints = Checkpoints(tmp_path / "run/checkpoints", interruption, {})
    with pytest.raises(Interrupted) as caught:
        fit(model, interruption, checkpoints, max_steps=50, accumulate_grad_batches=accumulate)

    assert (caught.value.step, caught.value.signal_number) == (step, number)
    assert caught.value.folder == tmp_path / "run"
    assert model.batches == step * accumulate
    checkpoint = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == step
    for name, parameter in model.state_dict().items():
        assert torch.equal(checkpoint["state_dict"][name], parameter)


def test_in_the_last_step_it_changes_nothing(fit, scripted, tmp_path):
    interruption, model = Interruption(), scripted(at_batch=send(signal.SIGINT, 4))
    checkpoints = Checkpoints(tmp_path / "checkpoints", interruption, {})
    assert fit(model, interruption, checkpoints, max_steps=5).global_step == 5


def test_a_signal_to_an_earlier_run_does_not_stop_the_next(fit, scripted, tmp_path):
    interruption = Interruption()
    checkpoints = Checkpoints(tmp_path / "checkpoints", interruption, {})
    with pytest.raises(Interrupted):
        fit(scripted(at_batch=send(signal.SIGINT, 1)), interruption, checkpoints)
    assert fit(scripted(), interruption, checkpoints).global_step == 5


@pytest.mark.parametrize(
    "received, by_any, agreed",
    [
        (None, False, None),
        (None, True, signal.SIGTERM),
        (signal.SIGINT, True, signal.SIGINT),
        (signal.SIGTERM, True, signal.SIGTERM),
    ],
)
@pytest.mark.parametrize("lateness", [0, 3])
def test_devices_agree(lateness, received, by_any, agreed):
    def reduce(share, reduce_op):
        assert share.tolist() == [received is not None] and reduce_op == "mean"
        return torch.full((1,), 0.5 * by_any)

    strategy = SimpleNamespace(reduce=reduce, root_device=torch.device("cpu"))
    interruption = Interruption()
    interruption.signal_number = received
    interruption._late.lateness = lateness
    answers = [
        interruption.agreed(SimpleNamespace(world_size=2, strategy=strategy, global_step=step))
        for step in range(1, 6)
    ]
    assert answers == [None] * lateness + [agreed] * (5 - lateness)


@pytest.mark.parametrize("received", [None, *SIGNALS])
def test_one_device_asks_nobody(received):
    interruption = Interruption()
    interruption.signal_number = received
    assert interruption.agreed(SimpleNamespace(world_size=1)) == received
