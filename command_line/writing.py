"""The commands that write with a trained character generator: generate and play.

They need no Lightning, and import torch only once the flags are known to make sense.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command_line.errors import UsageError
from command_line.memory import check_fits, exhausted
from command_line.names import visible
from command_line.standard_output import standard_output
from command_line.waiting import compiling_is_told
from command_line.writing_flags import parser_of_generate, parser_of_play
from storage.files import read_at_most
from storage.texts import decode

# In bytes.
LONGEST_PROMPT = 10_000_000

if TYPE_CHECKING:
    from generation import Writer


def carry_out(argv: list[str]) -> None:
    """Carry out `generate` or `play`; the text goes to standard output.

    Args:
        argv: the subcommand and its flags.

    Raises:
        UsageError: the command cannot be carried out as it was typed.
    """
    generates = argv[0] == "generate"
    flags = (parser_of_generate() if generates else parser_of_play()).parse(argv[1:])
    if not flags.ckpt_path:
        raise UsageError(f"{argv[0]} needs --ckpt_path: a checkpoint, or the folder of a run")
    try:
        with standard_output():
            (_generate if generates else _play)(flags)
    except (MemoryError, RuntimeError) as error:
        if not exhausted(error):
            raise
        raise UsageError("there is not the memory to draw so much at once") from None


def _generate(flags: argparse.Namespace) -> None:
    for one, other in (("prompt", "prompt_file"), ("temperature", "temperatures")):
        if getattr(flags, one) is not None and getattr(flags, other) is not None:
            raise UsageError(f"--{one} and --{other} exclude each other")
    prompt = _prompt(flags)
    writer, _ = _open(flags, "generate")
    from generation import Cutter, cut_each

    source = "--prompt" if flags.prompt_file is None else f"--prompt_file {flags.prompt_file}"
    with _told(source, "; --skip_unknown leaves out what is unknown"):
        shown = writer.decode(writer.encode(prompt, flags.skip_unknown))
    with _told("--stop"):
        Cutter(flags.stop)
        writer.encode(flags.stop or "")
    several = flags.temperatures is not None
    temperatures = flags.temperatures if several else [flags.temperature]
    _check_size(writer, flags.num_samples, flags.length)
    with _told(), compiling_is_told():
        # All of them are checked before the first is shown.
        texts = [
            writer.write(
                shown,
                flags.length,
                num_samples=flags.num_samples,
                temperature=1.0 if temperature is None else temperature,
                top_k=flags.top_k,
                top_p=flags.top_p,
                seed=flags.seed,
            )
            for temperature in temperatures
        ]
        for temperature, pieces in zip(temperatures, texts, strict=True):
            heading = f"temperature {temperature:g}" if several else ""
            _show(shown, cut_each(pieces, flags.stop), flags.num_samples, heading)


def _check_size(writer: Writer, texts: int, length: int, name: str = "num_samples") -> None:
    """Make sure that there is memory for texts that are drawn at once.

    Raises:
        UsageError: there is not.
    """
    readout = writer.network.readout
    # The hidden state, and the logits, their probabilities and the sums of these.
    sizes = {f"--{name} {texts}": 4 * texts * (readout.in_features + 3 * readout.out_features)}
    if name != "num_samples" or texts > 1:
        # Nothing is shown before all are written: a list a character, of a place a text.
        sizes[f"--{name} {texts} x --length {length}"] = length * (56 + 8 * texts)
    check_fits(sizes)


def _show(prompt: str, pieces: Iterator[list[str]], samples: int, heading: str) -> None:
    """Print one sample as it comes, or several one after the other."""
    if samples == 1:
        _print_sample(heading, prompt, (row[0] for row in pieces))
        return
    for number, sample in enumerate(zip(*pieces, strict=True), 1):
        title = f"{heading}, " * bool(heading) + f"sample {number} of {samples}"
        _print_sample(title, prompt, sample)


def _print_sample(title: str, prompt: str, pieces: Iterable[str]) -> None:
    if title:
        print(f"--- {title} ---")
    for piece in chain([prompt], pieces):
        print(_as_seen(piece), end="", flush=True)
    print()


def _as_seen(text: str) -> str:
    """What was written: to a file or a program as it is; a terminal is not to obey it."""
    return visible(text) if sys.stdout.isatty() else text


def _play(flags: argparse.Namespace) -> None:
    writer, checkpoint = _open(flags, "play")
    from generation import Cast, load_cast, play

    with _told(), compiling_is_told():
        cast = load_cast(checkpoint)
        if flags.speakers:
            cues = dict.fromkeys(cast.cue_of(name) for name in flags.speakers)
            cast = Cast(tuple(cues), cast.after_cue)
        if not cast.cues:
            raise UsageError("the checkpoint's corpus has no speakers: name some by --speakers A,B")
        _check_size(writer, flags.lines, flags.length, "lines")
        lines = play(
            writer,
            cast,
            flags.lines,
            seed=flags.seed,
            temperature=flags.temperature,
            length=flags.length,
        )
        for cue, line in lines:
            opening = cast.opening(cue)
            # Speeches below their cues are set apart.
            print(_as_seen((opening + line).rstrip()) + "\n" * ("\n" in opening))


def _prompt(flags: argparse.Namespace) -> str:
    if flags.prompt_file is None:
        return flags.prompt or ""
    try:
        if flags.prompt_file == "-":
            if sys.stdin is None:
                raise UsageError("--prompt_file -: there is no standard input")
            content = read_at_most(sys.stdin.buffer, LONGEST_PROMPT, "standard input")
        else:
            with open(flags.prompt_file, "rb") as file:
                content = read_at_most(file, LONGEST_PROMPT, flags.prompt_file)
        return decode(content, f"--prompt_file {flags.prompt_file}")
    except OSError as error:
        raise UsageError(f"--prompt_file {flags.prompt_file}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None


def _open(flags: argparse.Namespace, subcommand: str) -> tuple[Writer, dict[str, Any]]:
    """The writer of the checkpoint that was named, on the device that was named; and all of it."""
    from command_line.checkpoint_file import find_checkpoint, read_checkpoint

    file = find_checkpoint(Path(flags.ckpt_path), "best")
    import torch

    from generation import load_writer

    if flags.threads:
        torch.set_num_threads(flags.threads)
    device = flags.device
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no such device here, choose cpu or auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = read_checkpoint(file, subcommand)
    with _told(str(file)):
        writer = load_writer(checkpoint)
    writer.network.to(device)
    return writer, checkpoint


@contextmanager
def _told(about: str = "", hint: str = "") -> Iterator[None]:
    """Make what a room below says against a value a message to the person."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{about}: {error}{hint}" if about else str(error)) from None
