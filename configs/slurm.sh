#!/usr/bin/env bash
# sbatch configs/slurm.sh [FLAGS of train.py]: two machines with four GPUs each.
#SBATCH --job-name=palindromes
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# SIGTERM two minutes before the time is up; the run then writes a checkpoint and ends with 143.
#SBATCH --signal=TERM@120
set -u

name="slurm-$SLURM_JOB_ID"
flags=(--trainer.accelerator gpu --trainer.devices 4 --trainer.num_nodes 2 --trainer.strategy ddp)
flags+=(--run.name "$name" "$@")
# A job that was queued again finds the checkpoint that it left.
if compgen -G "runs/*/*/$name/checkpoints/last.ckpt" >/dev/null; then
    flags+=(--ckpt_path last)
fi

srun python train.py fit "${flags[@]}"
status=$?
if [ "$status" -eq 143 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
