"""Train, watch and compare recurrent networks.

python train.py                                          RRN on palindromes, half a minute
python train.py --model LSTM                             another architecture: one flag
python train.py fit --config configs/palindromes_study.yaml --model RNN
python train.py fit --ckpt_path last                     go on where it stopped
python train.py test --ckpt_path runs/palindromes/RRN/default --data.length 200
python train.py --help
"""

import os
import sys

from command_line.program import main

if __name__ == "__main__":
    # Classes of the person's own may be where the command is given.
    sys.path.append(os.getcwd())
    sys.exit(main(sys.argv[1:]))
