#!/usr/bin/env python3
"""Runs of grokc to TensorBoard: all numbers of metrics.jsonl by epoch, of hook.jsonl as hook/NAME.

    pip install tensorboard
    python3 examples/send_tensorboard.py runs/paper runs/quick
    tensorboard --logdir tensorboard

writes tensorboard/paper and tensorboard/quick. A run that is sent again takes the place of what it
sent before; a second run of the same name gets its folder's name in front. A run that is going on
is followed until it ends, as by `python3 -m grokc follow RUN --to tensorboard`. The writer is
TensorBoard's own; neither TensorFlow nor PyTorch is needed.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
import grokc

if __name__ == "__main__":
    for path in sys.argv[1:]:
        grokc.follow(path, "tensorboard")
