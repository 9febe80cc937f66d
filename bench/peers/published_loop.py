#!/usr/bin/env python3
"""The published training loop of the modular addition experiment, in eager PyTorch on the CPU.

What grokc's speed is compared with: the same model, loss and optimiser (arXiv 2301.05217), written here from their
definition in the authors' layout of the weights. All three positions go through the whole network, and the test loss is
computed in every epoch, as published. Two things are kinder to it than the published program: the data is turned
into tensors once, and the test loss builds no graph. --last-position is the same loop for somebody who has noticed
that only the last position is read; --no-test-loss leaves out what grokc does not do in every epoch either.

Prints the median time of an epoch and the losses at epochs 0, 10 and 100, to be checked before times are believed.
"""
import argparse
import json
import os
import random
import statistics
import struct
import sys
import time

P, V, T, D, H, K, F = 113, 114, 3, 128, 4, 32, 512
LAYOUT = {  # in the order in which the authors' program draws them: shape, size under the square root
    "W_E": ((D, V), D), "W_pos": ((T, D), D), "W_K": ((H, K, D), D), "W_Q": ((H, K, D), D), "W_V": ((H, K, D), D),
    "W_O": ((D, H * K), D), "W_in": ((F, D), D), "b_in": ((F,), None), "W_out": ((D, F), D), "b_out": ((D,), None),
    "W_U": ((D, V), V),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch and of its BLAS")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--block", type=int, default=5, help="epochs in one time; the median is over blocks")
    parser.add_argument("--no-test-loss", action="store_true", help="only at the epochs that are printed")
    parser.add_argument("--last-position", action="store_true", help="compute only what the loss depends on")
    parser.add_argument("--init", metavar="FILE", help="safetensors in the authors' layout (default: --seed)")
    parser.add_argument("--split", metavar="FILE", help="ids p a + b, one per line, train first (default: --seed)")
    parser.add_argument("--seed", type=int, default=0, help="torch.manual_seed of the weights, random.seed of the split")
    parser.add_argument("--json", metavar="FILE", help="the results once more, as one object")
    return parser.parse_args()


def read_safetensors(path, torch, numpy):
    """Only float32, and only what the layout names: enough for a benchmark."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    entries = {name.split(".")[-1]: entry for name, entry in header.items()}    # blocks.0.attn.W_K: W_K
    tensors = {}
    for name, (shape, _) in LAYOUT.items():
        if name not in entries:
            sys.exit(f"{path}: no tensor {name}")
        entry = entries[name]
        if entry["dtype"] != "F32" or tuple(entry["shape"]) != shape:
            sys.exit(f"{path}: {name} is {entry['dtype']} {entry['shape']}, not F32 {list(shape)}")
        begin, end = entry["data_offsets"]
        tensors[name] = torch.from_numpy(numpy.frombuffer(data[begin:end], "<f4").reshape(shape).copy())
    return tensors


def draw(seed, torch):
    torch.manual_seed(seed)
    return {name: torch.zeros(shape) if root is None else torch.randn(*shape) / root ** 0.5
            for name, (shape, root) in LAYOUT.items()}


def forward_all(w, tokens, mask, torch):
    """Logits of all positions, of which the last are taken: (B,V)."""
    x = w["W_E"][:, tokens].permute(1, 2, 0) + w["W_pos"]                       # (B,T,D)
    q, k, v = (torch.einsum("btd,hkd->bhtk", x, w[name]) for name in ("W_Q", "W_K", "W_V"))
    score = (q @ k.transpose(-1, -2) / K ** 0.5).masked_fill(mask, float("-inf"))
    z = torch.softmax(score, -1) @ v                                            # (B,H,T,K)
    x = x + z.transpose(1, 2).flatten(2) @ w["W_O"].T
    x = x + torch.relu(x @ w["W_in"].T + w["b_in"]) @ w["W_out"].T + w["b_out"]
    return (x @ w["W_U"])[:, -1]


def forward_last(w, tokens, mask, torch):
    """The same logits: keys and values of all positions, all else of the last one only."""
    x = w["W_E"][:, tokens].permute(1, 2, 0) + w["W_pos"]                       # (B,T,D)
    last = x[:, -1]                                                             # (B,D)
    k, v = (torch.einsum("btd,hkd->bhtk", x, w[name]) for name in ("W_K", "W_V"))
    q = (last @ w["W_Q"].flatten(0, 1).T).view(-1, H, 1, K)
    z = torch.softmax(q @ k.transpose(-1, -2) / K ** 0.5, -1) @ v               # (B,H,1,K)
    x = last + z.flatten(1) @ w["W_O"].T
    x = x + torch.relu(x @ w["W_in"].T + w["b_in"]) @ w["W_out"].T + w["b_out"]
    return x @ w["W_U"]


def blas_of_process():
    """Which BLAS was loaded: half of the answer to why a time is what it is."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/" in line}
        return sorted({os.path.basename(p) for p in paths if "blas" in p or "mkl_" in p})
    except OSError:
        return []


def main():
    args = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(args.threads)                                    # read when torch is loaded
    import numpy
    import torch
    torch.set_num_threads(args.threads)

    ids = list(range(P * P))
    if args.split:
        with open(args.split) as file:
            ids = [int(line) for line in file]
    else:
        random.seed(args.seed)
        random.shuffle(ids)
    ids = torch.tensor(ids)
    tokens = torch.stack([ids // P, ids % P, torch.full_like(ids, P)], 1)
    labels = (ids // P + ids % P) % P
    n = int(0.3 * P * P)
    train, test = (tokens[:n], labels[:n]), (tokens[n:], labels[n:])

    weights = read_safetensors(args.init, torch, numpy) if args.init else draw(args.seed, torch)
    weights = {name: torch.nn.Parameter(value) for name, value in weights.items()}
    optimizer = torch.optim.AdamW(weights.values(), lr=1e-3, betas=(0.9, 0.98), eps=1e-8, weight_decay=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(step / 10, 1))
    mask = torch.ones(T, T, dtype=torch.bool).triu(1)
    forward = forward_last if args.last_position else forward_all

    def loss_of(part):
        log_prob = torch.log_softmax(forward(weights, part[0], mask, torch).to(torch.float64), -1)
        return -log_prob.gather(1, part[1][:, None]).mean()

    def test_loss():
        with torch.no_grad():
            return loss_of(test).item()

    losses, times = {}, []
    for epoch in range(args.epochs):
        shown = epoch in (0, 10, 100)
        untimed = test_loss() if shown and args.no_test_loss else None
        start = time.perf_counter()
        loss = loss_of(train)
        tested = untimed if args.no_test_loss else test_loss()
        loss.backward()
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        value = loss.item()
        times.append(1e3 * (time.perf_counter() - start))
        if shown:
            losses[epoch] = (value, tested)

    times = times[min(2, len(times) - 1):]                                      # the first ones allocate
    blocks = [statistics.mean(times[i:i + args.block]) for i in range(0, len(times) - args.block + 1, args.block)]
    result = {
        "name": "published_loop" + ("_last_position" if args.last_position else ""), "test_loss": not args.no_test_loss,
        "threads": args.threads, "epochs": args.epochs, "blocks": len(blocks),
        "ms_per_epoch": statistics.median(blocks or times), "torch": torch.__version__, "blas": blas_of_process(),
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "losses": {str(epoch): pair for epoch, pair in losses.items()},
    }
    print(f"{result['name']}: {result['ms_per_epoch']:.2f} ms per epoch (median of {len(blocks)} blocks of {args.block}), "
          f"{args.threads} thread{'s' * (args.threads > 1)}, torch {torch.__version__}, "
          f"test loss {'untimed' if args.no_test_loss else 'every epoch'}")
    for epoch, (a, b) in losses.items():
        print(f"  epoch {epoch:3}: train {a:.9f}  test {b:.9f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(result, file)
            file.write("\n")


if __name__ == "__main__":
    main()
