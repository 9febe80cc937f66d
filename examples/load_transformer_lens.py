#!/usr/bin/env python3
"""A checkpoint of grokc in TransformerLens, with all activations cached.

    pip install transformer_lens
    python3 examples/load_transformer_lens.py runs/paper [EPOCH]

grokc.load() does it, with TransformerLens 2 to 4. grokc's checkpoints have TransformerLens's names
and shapes, with zeros for the biases that it expects and grokc's models have not; models that its
decoder cannot express are refused. (This file is not called transformer_lens.py because Python
would then import it in place of the library.)
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
import grokc


def main():
    run = grokc.Run(sys.argv[1])
    model = grokc.load(run, int(sys.argv[2]) if len(sys.argv) > 2 else None)
    p = run.config["task"]["p"]
    tokens = torch.tensor(grokc.pairs(p))
    with torch.no_grad():
        logits, cache = model.run_with_cache(tokens)
    right = (logits[:, -1, :p].argmax(-1).numpy() == tokens[:, :2].sum(1).numpy() % p).mean()
    print(f"{100 * right:.2f}% of all {p * p} sums mod {p} are right")
    pattern = cache["pattern", 0][:, :, -1]  # (pairs, head, token): where "=" looks
    for head, mean in enumerate(pattern.mean(0).tolist()):
        print(
            f"head {head} attends from = to a, b, = with mean weights", *(f"{x:.3f}" for x in mean)
        )
    alive = (cache["post", 0][:, -1] > 0).any(0).sum()
    print(f"{int(alive)} of {model.cfg.d_mlp} neurons are active on some pair")


if __name__ == "__main__":
    main()
