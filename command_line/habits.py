"""Which flag is meant by what was typed: misspelt, or as other programs call it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from command_line.errors import did_you_mean

# Flags by what they are called elsewhere, without PREFIX.
ELSEWHERE = {
    "config": "cfg conf config_file config_path",
    "ckpt_path": (
        "ckpt checkpoint checkpoint_path ckpt_file load load_from load_checkpoint model_path "
        "resume resume_from resume_from_checkpoint restore restore_from weights pretrained"
    ),
    "model": "m arch architecture model_name model_type net network",
    "model.hidden_size": "hidden hidden_dim hidden_units hidden_channels nhid units rnn_size",
    "model.num_layers": "layers nlayers depth",
    "model.dropout": "dropout_rate drop drop_rate p_dropout",
    "model.cell": "cell_type rnn rnn_type",
    "data.batch_size": "bs batch batchsize minibatch_size",
    "data.length": "input_length seq_len seq_length sequence_length bptt block_size",
    "data.dataset": "dataset_name data_set",
    "data.corpus": "corpus_file data_file text text_file txt_file input input_file book",
    "data.num_workers": "j workers data_workers dataloader_workers",
    "optimizer": "opt optim optimiser optimizer_name",
    "optimizer.lr": "learning_rate lrate rate init_lr base_lr initial_lr",
    "optimizer.weight_decay": "wd decay l2 l2_reg",
    "optimizer.betas": "beta1 beta2 adam_beta1 adam_beta2",
    "lr_scheduler": "scheduler schedule lr_schedule lr_scheduler_type",
    "lr_scheduler.gamma": "lr_decay learning_rate_decay decay_rate",
    "lr_scheduler.step_size": "lr_step lr_step_size learning_rate_step decay_steps",
    "seed_everything": "seed random_seed rng_seed manual_seed",
    "threads": "cpu_threads torch_threads",
    "trainer.max_steps": "steps training_steps iterations iters iter updates epochs epoch",
    "trainer.max_time": "time time_limit",
    "trainer.accelerator": "device gpu cuda cpu no_cuda no_gpu",
    "trainer.devices": "gpus gpu_ids ngpus world_size nproc_per_node",
    "trainer.strategy": "ddp distributed parallel distributed_backend",
    "trainer.precision": "fp16 bf16 half amp mixed_precision dtype",
    "trainer.gradient_clip_val": (
        "clip grad_clip gradient_clip gradient_clipping clip_grad clip_norm clip_grad_norm norm "
        "grad_norm"
    ),
    "trainer.accumulate_grad_batches": (
        "accumulate grad_accum accumulation_steps gradient_accumulation_steps"
    ),
    "trainer.val_check_interval": "eval_every eval_freq eval_steps val_every val_interval",
    "trainer.log_every_n_steps": "print_every print_freq log_every log_interval logging_steps",
    "trainer.enable_progress_bar": "verbose quiet silent progress progress_bar no_progress_bar",
    "early_stopping.patience": "early_stop early_stopping_patience",
    "checkpoints.every_n_steps": "checkpoint_every save_every save_freq save_steps save_interval",
    "run.root": (
        "log_dir logdir logs save_dir out out_dir output output_dir outdir results results_dir "
        "work_dir checkpoint_dir ckpt_dir"
    ),
    "run.name": "run_name exp_name tag",
    "run.experiment": "experiment_name exp project",
    # Flags of the commands that write.
    "device": "gpu cuda",
    "length": "l len new_tokens chars tokens size",
    "num_samples": "n samples return_sequences",
    "temperature": "temp tau",
    "prompt": "start start_text seed_text primer prime prefix",
    # Flags of the command that compares.
    "seeds": "seed repeats",
    "jobs": "j workers parallel processes",
    "vary": "grid sweep",
    "folder": "out out_dir output output_dir log_dir logdir",
}
PREFIX = re.compile("^(n|num|number_of|max|total|train|use|model|data|trainer)_")
# Where several groups have a setting of the same name, the first of these is meant.
ORDER = ("data", "model", "optimizer", "run", "trainer", "early_stopping", "convergence")


def flag_meant(typed: str, flags: Iterable[str]) -> str:
    """', did you mean X?' with the flag that is meant, or nothing if that cannot be told.

    Args:
        typed: what was typed, without dashes in front, such as 'batch-size' or 'trainer.max_stps'.
        flags: those that there are, dotted, without dashes in front.
    """
    flags = list(flags)
    word = typed.lower().replace("-", "_")
    exact = [flag for flag in flags if flag.lower() == word]
    found = exact or other_name(word, flags)
    hint = f", did you mean {found[0]}?" if found else did_you_mean(word, flags)
    if hint or "." in word:
        return hint
    near = get_close_matches(word, {flag.rpartition(".")[2] for flag in flags}, n=1, cutoff=0.8)
    return flag_meant(near[0], flags) if near else ""


def other_name(typed: str, flags: Sequence[str]) -> list[str]:
    """The flags that other programs call so, or whose last part is that; the likeliest first."""
    name = typed.rpartition(".")[2]
    bare = PREFIX.sub("", name)
    called = [flag for flag in flags if {name, bare} & set(ELSEWHERE.get(flag, "").split())]
    parts = {flag: flag.lower().rpartition(".")[2] for flag in flags if "." in flag}
    named = [flag for flag in parts if parts[flag] == name]
    named = named or [flag for flag in parts if parts[flag] == bare]
    return called or sorted(named, key=_place)


def _place(flag: str) -> int:
    group = flag.partition(".")[0]
    return ORDER.index(group) if group in ORDER else len(ORDER)
