"""LightningCLI with this project's promises: nothing lost, nothing guessed, one line a mistake."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import torch
import yaml
from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import MisconfigurationException

import datamodules  # noqa: F401  so that its classes are known by their names
import lightning_modules  # noqa: F401  so that its classes are known by their names
from callbacks.run_logger import failures_told_once
from command_line import lengths, words
from command_line.arguments import CHECKPOINT_NAMES, DEFAULT_CONFIG, Arguments
from command_line.checkpoint_file import (
    check_complete,
    find_checkpoint,
    find_named_checkpoint,
    load_weights,
    read_checkpoint,
)
from command_line.checks import (
    FROM_DATA,
    check_advance,
    check_joined,
    check_parsed,
    check_resumable,
    check_text,
    check_vocabulary,
)
from command_line.config_file import check_config, is_text, read_config
from command_line.errors import UsageError
from command_line.memory import check_fits, check_model, check_states
from command_line.messages import needs_checkpoint
from command_line.names import visible
from command_line.naming import default_name
from command_line.optimization import configure
from command_line.parser import OneLineParser, choices
from command_line.predictions import check_output, write_predictions
from command_line.processes import settle
from command_line.run_callbacks import callbacks_of_run
from command_line.run_flags import add_run_flags
from command_line.run_folder import RunFolder
from command_line.settings import class_of, defining, flatten
from command_line.standard_output import standard_output
from command_line.trainer_settings import TRAINER_DEFAULTS, explained, to_measure, to_train
from command_line.trainer_values import is_cpu
from command_line.trusted_settings import trusted
from command_line.unused import check_used
from command_line.unwritable import Unwritable, concerns
from lightning_modules import NodeClassifier


class TrainingCLI(LightningCLI):
    """Parse a command, prepare its run, and carry it out.

    Args:
        arguments: the command, taken apart.

    Raises:
        UsageError: the command cannot be carried out as it was typed.
        FinishedAlready: it was carried out before.
        Interrupted: a signal ended the training, after a checkpoint.
    """

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.checkpoint_file: Path | None = None
        self.checkpoint: dict[str, Any] = {}
        if arguments.checkpoint_path:
            self._open_checkpoint(arguments.checkpoint_path, arguments.subcommand)
        super().__init__(
            save_config_callback=None,
            seed_everything_default=0,
            parser_class=OneLineParser,
            trainer_defaults=TRAINER_DEFAULTS,
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Only the one that was typed: a parser takes a fifth of a second to build."""
        loaders = {"model", "train_dataloaders", "val_dataloaders", "dataloaders", "datamodule"}
        skipped = loaders | {"weights_only", "verbose", "return_predictions"}
        return {self.arguments.subcommand: skipped}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        for name in FROM_DATA:
            parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")
        add_run_flags(parser, self.arguments.subcommand)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        arguments = self.arguments
        for config in arguments.configs:
            check_config(config, DEFAULT_CONFIG.parent)
        self.configs = arguments.configs or [self._understood_config()]
        argv = [arguments.subcommand]
        for config in self.configs:
            argv += ["--config", config]
        if arguments.checkpoint:
            argv += ["--ckpt_path", arguments.checkpoint]
        self.config = parser.parse_args(argv + arguments.flags)
        check_parsed(self.config[arguments.subcommand], choices())
        if arguments.checkpoint not in CHECKPOINT_NAMES:
            self._check_used()

    def _check_used(self) -> None:
        """A training has a use for all of its settings, or goes on with what it had none for."""
        if self.arguments.subcommand == "fit":
            earlier = self.checkpoint.get("config")
            check_used(self.config["fit"], self.arguments.flags, earlier)

    def _set_seed(self) -> None:
        try:
            super()._set_seed()
        except ValueError:
            seed = self._get(self.config, "seed_everything")
            raise UsageError(f"seed_everything must be from 0 to 4294967295, got {seed}") from None

    def before_instantiate_classes(self) -> None:
        threads = self._get(self.config, "threads")
        if threads:
            torch.set_num_threads(threads)
        request = self._get(self.config, "ckpt_path")
        if request and not self.checkpoint and request not in CHECKPOINT_NAMES:
            self._open_checkpoint(Path(request), self.subcommand)
        self.plain = self._get_plain(self.config)
        self.folder = self._run_folder()
        if request in CHECKPOINT_NAMES:
            self._open_checkpoint(find_named_checkpoint(self.folder, request), self.subcommand)
            self._check_used()
        self._get(self.config, "run").name = self.folder.path.name
        self._dump_config()
        self.settings = {
            key: value
            for key, value in self.config_dump.items()
            if key not in ("config", "ckpt_path")
        }
        for name in FROM_DATA:
            # It is not known yet.
            self.settings["model"]["init_args"].pop(name, None)
        if self.checkpoint:
            theirs, trains = self.checkpoint["config"], self.subcommand == "fit"
            check_resumable(self.checkpoint_file, theirs, self.settings, trains=trains)
            if trains:
                check_advance(self.folder, self._get(self.config, "trainer")["max_steps"])
        elif self.subcommand != "fit":
            raise UsageError(needs_checkpoint(self.subcommand))

    def instantiate_classes(self) -> None:
        model = self._get(self.config, "model")
        check_model(model.class_path, model.init_args.as_dict())
        try:
            super().instantiate_classes()
        except ValueError as error:
            # A value of the right type that is still wrong, such as a length of 1.
            raise UsageError(self._parser(self.subcommand).one_line(str(error))) from None

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        """Give the model the optimiser and schedule of the flags, if they name any."""
        config = self.config_init[subcommand] if subcommand else self.config_init
        self.plateau = configure(
            self.model,
            config["optimizer"],
            config["lr_scheduler"],
            config["trainer"]["max_steps"],
            is_cpu(config["trainer"]["accelerator"]),
        )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        settings = self._get(self.config, "model").init_args.as_dict()
        check_joined(self.model, self.datamodule, settings)
        config = {**self._get(self.config_init, "trainer"), **kwargs}
        callbacks: list[Callback] = []
        if self.subcommand == "fit":
            config = to_train(config, self.folder.path, self.checkpoint.get("global_step"))
            callbacks = callbacks_of_run(
                self.config_init[self.subcommand],
                self.settings,
                self.folder,
                self.model,
                self.datamodule,
                self.plateau,
            )
        else:
            config = to_measure(config)
        try:
            return self._instantiate_trainer(config, callbacks)
        except (
            ImportError,
            MisconfigurationException,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            raise UsageError(explained(error, config)) from None
        except (KeyError, OSError) as error:
            # Only what launchers say is looked up, such as the file of hosts that jsrun names.
            raise UsageError(f"trainer: the variables of a launcher do not fit: {error}") from None

    def after_instantiate_classes(self) -> None:
        settle(self.trainer)
        check_fits(self.datamodule.sizes)
        # Before other processes are started; here what the data ask of the devices is checked.
        self.datamodule.trainer = self.trainer
        self.datamodule.setup(self.subcommand)
        if self.trainer.world_size > 1 and any(map(is_text, self.arguments.configs)):
            raise UsageError(
                "what comes through a pipe reaches one process only: save the config to a file, or "
                "take one device"
            )
        if self.subcommand != "fit":
            return
        check_states(self.model, self.datamodule, self.trainer.accumulate_grad_batches)
        if self.checkpoint:
            check_complete(self.checkpoint, self.checkpoint_file)
            check_text(self.checkpoint_file, self.checkpoint, self.datamodule)
            load_weights(self.model, self.checkpoint, self.checkpoint_file)
            # Lightning reads it again when it needs it.
            self.checkpoint = {"global_step": self.checkpoint["global_step"]}
        if self.trainer.fast_dev_run:
            return
        # Before the folder is claimed; what is to go to another device is asked once it is there.
        if isinstance(self.trainer.accelerator, CPUAccelerator):
            self.model.check_backends(self.trainer.precision_plugin)
        try:
            self.datamodule.training_batches().batch(0)
            self.datamodule.val_dataloader()
        except (MemoryError, ValueError) as error:
            raise UsageError(f"data: no batch of this size can be made: {error}") from None
        self._take_folder()

    def _take_folder(self) -> None:
        # Checked by every process, or else the others would wait for a first one that has ended.
        take = self.folder.claim if self.trainer.is_global_zero else self.folder.check
        take(self.settings, resumed=bool(self.checkpoint))

    def fit(self, model: LightningModule, datamodule: LightningDataModule, **_: Any) -> None:
        """Train, and say at the end what came out and what to do next."""
        if self.trainer.is_global_zero:
            greeting = words.greeting(model, datamodule, self.trainer, self.folder.path)
            print(words.wrapped(visible(greeting)), flush=True)
        # Before it loads a checkpoint, which Lightning would do in the precision of a new model.
        self.trainer.precision_plugin.convert_module(model)
        try:
            with failures_told_once():
                self.trainer.fit(
                    model, datamodule, ckpt_path=self.checkpoint_file, weights_only=True
                )
        except OSError as error:
            if not concerns(error, self.folder.path):
                raise
            if self.trainer.strategy.launcher:
                # The others would wait for this one, or tell that it is gone.
                self.trainer.strategy.launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))
            raise Unwritable(words.unwritable(error, self.folder)) from None
        finally:
            self.folder.release()
        result = None if self.trainer.fast_dev_run else self.folder.result()
        if self.trainer.is_global_zero and result:
            print(visible(words.closing(result, self.folder.path, self.settings)), flush=True)

    def validate(self, model: LightningModule, datamodule: LightningDataModule, **_: Any) -> None:
        """Measure a checkpoint on the validation set."""
        self._evaluate("validate", model, datamodule)

    def test(self, model: LightningModule, datamodule: LightningDataModule, **_: Any) -> None:
        """Measure a checkpoint on the test set, or on those of many lengths."""
        given, output = self._get(self.config, "lengths"), self._get(self.config, "output")
        if given is None:
            lengths.check_no_output(output)
            self._evaluate("test", model, datamodule)
            return
        test = lengths.prepared(given, output, datamodule, self.checkpoint, self.checkpoint_file)
        self._load(model)
        test.carry_out(self.trainer, model, datamodule)

    def predict(self, model: LightningModule, datamodule: LightningDataModule, **_: Any) -> None:
        """Write the class of every node, and its probability."""
        if not isinstance(model, NodeClassifier):
            raise UsageError(f"predict classifies the nodes of graphs, not {model.reads}")
        name = self._get(self.config, "output")
        output = Path(name).expanduser() if name not in (None, "-") else None
        if output is not None:
            check_output(output)
        self._load(model)
        batches = self.trainer.predict(model, datamodule=datamodule)
        if any(probabilities.isnan().any() for _, probabilities in batches):
            raise UsageError(f"{self.checkpoint_file} predicts nothing: its network has diverged")
        if self.trainer.is_global_zero:
            count = write_predictions(output, batches)
            step = self.checkpoint["global_step"]
            if output:
                print(f"{count:,} nodes in {output}: {type(model).__name__} of step {step}")

    def _evaluate(
        self, subcommand: str, model: LightningModule, datamodule: LightningDataModule
    ) -> None:
        if subcommand == "validate" and self.trainer.limit_val_batches == 0:
            raise UsageError("trainer.limit_val_batches is 0, so that nothing is measured")
        check_vocabulary(self.checkpoint_file, self.checkpoint, datamodule)
        self._load(model)
        getattr(self.trainer, subcommand)(model, datamodule=datamodule, verbose=False)
        if self.trainer.is_global_zero:
            step = self.checkpoint["global_step"]
            metrics = self.trainer.callback_metrics
            with standard_output():
                told = words.evaluation(metrics, model, datamodule, self.checkpoint_file, step)
                print(words.wrapped(visible(told)))

    def _load(self, model: LightningModule) -> None:
        self.trainer.precision_plugin.convert_module(model)
        load_weights(model, self.checkpoint, self.checkpoint_file)

    def _understood_config(self) -> str:
        """The config where none is named: that of the checkpoint, or the first experiment's."""
        if self.checkpoint:
            assert self.checkpoint_file
            settings = trusted(
                self.checkpoint["config"],
                self.checkpoint_file,
                trains=self.arguments.subcommand == "fit",
                flags=self.arguments.flags,
            )
            return str(yaml.safe_dump(settings))
        return str(DEFAULT_CONFIG)

    def _run_folder(self) -> RunFolder:
        run = self._get(self.config, "run")
        at_home = RunFolder.of(self.checkpoint_file) if self.checkpoint_file else None
        if at_home and not any(flag.startswith("--run.") for flag in self.arguments.flags):
            return at_home
        root = Path(run.root).expanduser()
        model = class_of(self._get(self.config, "model"))
        name = run.name or self._default_name()
        return RunFolder(root / run.experiment / model / name)

    def _default_name(self) -> str:
        command = [self.arguments.subcommand, "--config", self.configs[0]]
        base = self._get_plain(self.parser.parse_args(command))
        stated = flatten(read_config(self.configs[0]))
        return default_name(defining(self.plain), defining(base), stated)

    def _get_plain(self, config: Any) -> dict[str, Any]:
        try:
            text = self.parser.dump(config, skip_link_targets=False, skip_none=False, format="yaml")
        except ValueError:
            # Some of Lightning's own callbacks have settings that YAML has no words for.
            raise UsageError("trainer.callbacks: such settings cannot be kept in a file") from None
        return dict(yaml.safe_load(text)[self.arguments.subcommand])

    def _open_checkpoint(self, path: Path, subcommand: str) -> None:
        self.checkpoint_file = find_checkpoint(path, "last" if subcommand == "fit" else "best")
        self.checkpoint = read_checkpoint(self.checkpoint_file, subcommand)

    def _parse_ckpt_path(self) -> None:
        """Lightning would silently take the checkpoint's settings in place of those typed."""
