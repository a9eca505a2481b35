"""The flags of the commands that write: generate and play."""

from __future__ import annotations

from typing import Any

from command_line.flags import (
    FlagParser,
    list_of,
    number,
    one_of,
    thread_count,
    unescaped,
    whole_number,
)

WHOLE: dict[str, Any] = {"type": whole_number, "metavar": "N"}
NUMBER: dict[str, Any] = {"type": number, "metavar": "X"}

GENERATE = """\
Write text with a trained character generator; the checkpoint is all it needs.

python train.py generate --ckpt_path RUN --prompt "HAMLET. " --temperature 0.5
python train.py generate --ckpt_path RUN --temperatures 0,0.5,1,2
printf "To be, or" | python train.py generate --ckpt_path RUN --prompt_file - --num_samples 3
"""
PLAY = """\
Write a play: speakers drawn at random make a trained character generator speak.

python train.py play --ckpt_path RUN --speakers HAMLET,OPHELIA --lines 10
"""


def parser_of_generate() -> FlagParser:
    """The flags of `generate`."""
    parser = _parser("generate", GENERATE)
    add = parser.add_argument
    add("--prompt", type=unescaped, metavar="TEXT", help=r"what to go on from; \n is a line break")
    add("--prompt_file", metavar="FILE", help="the prompt, as it is, in UTF-8; -: standard input")
    add("--skip_unknown", action="store_true", help="leave out what the corpus lacks of the prompt")
    add("--length", **WHOLE, default=500, help="characters to draw (default: 500)")
    add("--num_samples", **WHOLE, default=1, help="ways to go on (default: 1)")
    add("--temperature", **NUMBER, help="0: the most probable character (default: 1)")
    add("--temperatures", type=list_of(number), metavar="A,B,...", help="samples at each of them")
    add("--top_k", **WHOLE, help="draw from the N most probable (default: from all)")
    add("--top_p", **NUMBER, help="draw from those that make X together (default: from all)")
    add("--stop", type=unescaped, metavar="TEXT", help="end before this text (default: never)")
    add("--seed", **WHOLE, default=0, help="of the random numbers (default: 0)")
    return parser


def parser_of_play() -> FlagParser:
    """The flags of `play`."""
    parser = _parser("play", PLAY)
    add = parser.add_argument
    add("--speakers", type=list_of(str), metavar="A,B,...", help="default: those of the corpus")
    add("--lines", **WHOLE, default=20, help="lines of the play (default: 20)")
    add("--length", **WHOLE, default=100, help="characters a line at most (default: 100)")
    add("--temperature", **NUMBER, default=0.5, help="0: no chance at all (default: 0.5)")
    add("--seed", **WHOLE, default=1, help="of speakers and lines (default: 1)")
    return parser


def _parser(command: str, description: str) -> FlagParser:
    parser = FlagParser(prog=f"python train.py {command}", description=description)
    parser.add_argument(
        "--ckpt_path", metavar="RUN_OR_FILE", help="a run's folder, its best checkpoint; or a file"
    )
    parser.add_argument(
        "--device",
        type=one_of("cpu", "cuda", "auto"),
        default="cpu",
        metavar="cpu|cuda|auto",
        help="where the network computes; auto: a GPU if there is one (default: cpu, which is "
        "fast enough for small networks)",
    )
    parser.add_argument(
        "--threads",
        type=thread_count,
        default=1,
        metavar="N",
        help="CPU threads; null: as many as there are cores (default: 1, which is fastest but for "
        "large networks and many texts at once)",
    )
    return parser
