"""Who comes from another program is told what a flag is called here."""

from __future__ import annotations

import pytest

from command_line.comparing_flags import parser_of_compare
from command_line.errors import UsageError
from command_line.habits import flag_meant
from command_line.known_flags import known_names
from command_line.writing_flags import parser_of_generate

MEANT = {
    "config": ["cfg", "conf", "config-file"],
    "ckpt_path": ["resume", "checkpoint", "ckpt-path", "load", "resume_from_checkpoint"],
    "model": ["m", "arch", "net", "model_name", "modell"],
    "model.hidden_size": [
        "hidden_size",
        "hidden-size",
        "hidden",
        "num_hidden",
        "model.hidden-size",
    ],
    "model.dropout": ["dropout", "dropuot", "drop_rate"],
    "model.num_layers": ["num_layers", "n_layers", "layers"],
    "data": ["dataa"],
    "data.batch_size": ["batch_size", "batch-size", "bs", "train_batch_size", "trainer.batch_size"],
    "data.length": ["length", "seq_len", "max_length", "input_length", "lenght"],
    "data.dataset": ["dataset", "data_set"],
    "data.corpus": ["corpus", "text_file", "txt-file"],
    "data.num_workers": ["num_workers", "workers", "j"],
    "optimizer": ["optim", "opt", "optimiser"],
    "optimizer.lr": ["lr", "learning_rate", "learning-rate", "LR", "trainer.lr", "optim.lr"],
    "optimizer.weight_decay": ["weight_decay", "weight-decay", "wd"],
    "optimizer.momentum": ["momentum", "momentun"],
    "lr_scheduler": ["scheduler", "lr-scheduler"],
    "seed_everything": ["seed", "random_seed", "manual-seed"],
    "trainer.max_steps": ["max_steps", "max-steps", "steps", "epochs", "max_epochs", "num-epochs"],
    "trainer.accelerator": ["device", "gpu", "use_cuda", "accelerator", "no-cuda"],
    "trainer.devices": ["devices", "gpus", "num_gpus"],
    "trainer.precision": ["precision", "fp16", "amp"],
    "trainer.gradient_clip_val": ["clip", "grad_clip", "max_grad_norm", "gradient_clip_val"],
    "trainer.val_check_interval": ["eval_every", "val_check_interval"],
    "trainer.log_every_n_steps": ["log_interval", "print_every"],
    "trainer.enable_progress_bar": ["verbose", "quiet", "no_progress_bar"],
    "early_stopping.patience": ["patience", "early_stop"],
    "checkpoints.every_n_steps": ["save_every", "every_n_steps"],
    "run.root": ["output_dir", "logdir", "log_dir", "save-dir", "root"],
    "run.name": ["name", "run_name", "exp_name"],
    "run.experiment": ["experiment", "project"],
}


@pytest.mark.parametrize("meant", MEANT)
def test_the_flag_that_is_meant(meant):
    names = known_names("fit")
    for typed in MEANT[meant]:
        assert flag_meant(typed, names) == f", did you mean {meant}?", typed


@pytest.mark.parametrize("typed", ["zzz", "x", "xyzzy"])
def test_nothing_is_guessed(typed):
    assert flag_meant(typed, known_names("fit")) == ""


@pytest.mark.parametrize(
    ("parser", "typed", "meant"),
    [
        (parser_of_generate, "--max-length", "--length"),
        (parser_of_generate, "--num-samples", "--num_samples"),
        (parser_of_generate, "--checkpoint", "--ckpt_path"),
        (parser_of_generate, "--temp", "--temperature"),
        (parser_of_generate, "--cuda", "--device"),
        (parser_of_compare, "--lr", "--optimizer.lr"),
        (parser_of_compare, "--batch-size", "--data.batch_size"),
        (parser_of_compare, "--epochs", "--trainer.max_steps"),
        (parser_of_compare, "--seed", "--seeds"),
        (parser_of_compare, "--output-dir", "--folder"),
    ],
)
def test_other_commands(parser, typed, meant):
    with pytest.raises(UsageError, match=f"^unknown flag {typed}, did you mean {meant}\\?$"):
        parser().parse([typed, "3"])
