"""The help of the program, printed without importing what training needs."""

HELP = """\
usage: python train.py [SUBCOMMAND] [--config FILE] [FLAG VALUE ...]

Train, watch and compare sequence and graph networks.

subcommands:
  fit        train; also what is done when no subcommand is named
               python train.py
               python train.py --model LSTM --data.length 20
               python train.py fit --config configs/palindromes_study.yaml --model RNN
               python train.py fit --config configs/graphs.yaml --data.dataset Cora
               python train.py fit --ckpt_path last
  validate   measure a checkpoint on the validation set
               python train.py validate --ckpt_path runs/palindromes/RRN/default
  test       measure a checkpoint on the test set, also at other lengths than trained on
               python train.py test --ckpt_path runs/palindromes/RRN/default --data.length 200
               python train.py test --ckpt_path runs/palindromes/RRN/default --lengths 10:200:10
  predict    tell the classes of the nodes of a graph, as comma-separated values
               python train.py predict --ckpt_path runs/graphs/GCN/dataset=Cora --output cora.csv
  compare    many runs side by side: architectures, lengths, seeds, any flag; goes on if stopped
               python train.py compare --models RNN,LSTM --lengths 5:20:5 --seeds 2 --jobs 2
  generate   write text with a trained character generator
               python train.py generate --ckpt_path runs/characters/CharGenerator/default
  play       let the speakers of its corpus talk
               python train.py play --ckpt_path runs/characters/CharGenerator/default --lines 5
  plot       draw the figures of a comparison again, from its CSV files
               python train.py plot comparisons/figures_3_4

the flags that people use most:
  --model RNN|LSTM|RRN|GRU          the architecture; of graphs GCN|CellGCN|GCNII
  --model.hidden_size 256           any setting of the model (all: fit --model.help RRN)
  --data.length 50                  any setting of the data (all: fit --data.help Palindromes)
  --optimizer Adam --optimizer.lr 0.002     any of torch.optim
  --lr_scheduler StepLR --lr_scheduler.step_size 1000   any of torch.optim.lr_scheduler
  --seed_everything 1               another seed
  --trainer.max_steps 20000         any setting of the Trainer
  --trainer.devices 4 --trainer.strategy ddp            several devices
  --ckpt_path last|best|FILE|RUN    go on from a checkpoint
  --run.name NAME                   where in runs/EXPERIMENT/MODEL/ the run is kept

A subcommand's own help lists every flag: python train.py fit --help, generate --help, and so on.
"""
