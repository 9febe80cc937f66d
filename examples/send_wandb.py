#!/usr/bin/env python3
"""Runs of grokc to Weights & Biases, offline: nothing leaves the machine.

    pip install wandb
    python3 examples/send_wandb.py runs/paper          # writes wandb/offline-run-...
    wandb sync wandb/offline-run-*                     # only if and when you want to upload

Config, all numbers of metrics.jsonl by epoch, of hook.jsonl as hook/NAME, and what summary.json
says. A run that is going on is followed until it ends, as by `python3 -m grokc follow RUN --to
wandb`; with WANDB_MODE=online it is seen while it trains.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
import grokc

if __name__ == "__main__":
    for path in sys.argv[1:]:
        grokc.follow(path, "wandb")
