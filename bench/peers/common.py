"""What the peers share: data and weights, the comparison of losses, the clock, the result.

The experiment is configs/paper.yaml: a + b mod 113, 3,830 of 12,769 pairs by random.seed(0), AdamW
with 10 steps of warm-up, the whole batch at every update. Initial weights come from a checkpoint
that grokc writes, so that every peer starts from the same bits. A peer is believed when its train
loss agrees with grokc's before update 0 and before update 100; only then is it timed.
"""
import argparse
import json
import math
import os
import random
import statistics
import struct
import sys
import time

P, V, T, D, H, K, F, C = 113, 114, 3, 128, 4, 32, 512, 114
B = int(0.3 * P * P)
LR, WEIGHT_DECAY, BETA1, BETA2, EPS, WARMUP = 1e-3, 1.0, 0.9, 0.98, 1e-8, 10
SHAPES = {"W_E": (V, D), "W_pos": (T, D), "W_Q": (H, D, K), "W_K": (H, D, K), "W_V": (H, D, K),
          "W_O": (H, K, D), "W_in": (D, F), "b_in": (F,), "W_out": (F, D), "b_out": (D,),
          "W_U": (D, C)}

# Relative. At epoch 0 both sides are sums of float32 numbers in another order. By epoch 100 float32
# has drifted: PyTorch's own curves of this run in float32 and float64 are 1.2e-3 apart there, while
# a warm-up of 9 steps moves the loss by 1.3e-2 and a weight decay of 0.9 by 2.2e-2. TF32 rounds to
# 2^-11 instead of 2^-24: its rows say how far they are off.
LIMITS = {False: {0: 1e-6, 100: 1e-2}, True: {0: 1e-3, 100: 0.25}}


def arguments(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", choices=variants)
    parser.add_argument("--init", required=True, metavar="FILE",
                        help="checkpoints/00000000.safetensors of grokc")
    parser.add_argument("--expect", required=True, metavar="L0,L100",
                        help="grokc's train loss at epochs 0 and 100")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tf32", action="store_true", help="products in TF32 (cuda)")
    parser.add_argument("--quick-check", action="store_true",
                        help="only epoch 0: epoch 100 was checked before")
    parser.add_argument("--blocks", type=int, default=5, help="timed blocks; the median counts")
    parser.add_argument("--seconds", type=float, default=1.0,
                        help="how long a block lasts at least")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(args.threads)            # read when a library is loaded
    return args


def read_weights(path, numpy):
    """Name in TransformerLens -> float32 array."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    arrays = {}
    for name, entry in header.items():
        short = name.split(".")[-1]                     # blocks.0.attn.W_K
        if short not in SHAPES:
            continue
        if entry["dtype"] != "F32" or tuple(entry["shape"]) != SHAPES[short]:
            sys.exit(f"{path}: {name} is {entry['dtype']} {entry['shape']}, "
                     f"not F32 {list(SHAPES[short])}")
        begin, end = entry["data_offsets"]
        arrays[short] = numpy.frombuffer(data[begin:end], "<f4").reshape(SHAPES[short]).copy()
    missing = sorted(set(SHAPES) - set(arrays))
    if missing:
        sys.exit(f"{path}: no tensor {missing[0]}")
    return arrays


def pairs():
    """((a, b) of the training set, (a, b) of the rest), in the order of the published split."""
    ids = list(range(P * P))
    random.seed(0)
    random.shuffle(ids)
    split = [divmod(i, P) for i in ids]
    return split[:B], split[B:]


def check(args, epoch, loss):
    """Ends the program if the loss is not grokc's."""
    expected = float(args.expect.split(",")[0 if epoch == 0 else 1])
    limit = LIMITS[args.tf32][epoch]
    off = abs(loss / expected - 1)
    print(f"  epoch {epoch}: train loss {loss:.9f}, grokc {expected:.9f}, off by {off:.1e} "
          f"(limit {limit:.0e})")
    if not off <= limit:
        sys.exit(f"{args.variant}: another loss than grokc's at epoch {epoch}: "
                 "its time would mean nothing")
    return {"loss": loss, "off": off}


def time_blocks(args, call, epochs):
    """ms per epoch of every block. call(): `epochs` epochs; it ends when the device has ended."""
    start = time.perf_counter()
    call(1)
    once = time.perf_counter() - start
    calls = max(1, math.ceil(args.seconds / once))
    times = []
    for _ in range(args.blocks):
        start = time.perf_counter()
        call(calls)
        times.append(1e3 * (time.perf_counter() - start) / (calls * epochs))
    return times


def blas_of_process():
    """Which BLAS was loaded: half of the answer to why a time is what it is."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/" in line}
        return sorted({os.path.basename(p) for p in paths if "blas" in p or "mkl_" in p})
    except OSError:
        return []


def finish(args, times, checks, **about):
    result = {"variant": args.variant, "device": args.device, "threads": args.threads,
              "tf32": args.tf32, "ms": times, "ms_per_epoch": statistics.median(times),
              "checks": checks, "blas": blas_of_process(),
              "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"), **about}
    print(f"{args.variant}: {result['ms_per_epoch']:.3f} ms per epoch, {len(times)} blocks "
          f"from {min(times):.3f} to {max(times):.3f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(result, file)
            file.write("\n")
