#!/usr/bin/env python3
"""Prints seeds.h: what published seeds and grokc's own streams must give.

    python3 make_seeds.py > seeds.h

The published ones come from Python's random and PyTorch themselves (on a CPU with AVX2: without it
PyTorch has other last bits), grokc's own from the few lines of Philox below, written from its paper
and gk/base.h. Needs numpy and torch; the tests do not.
"""
import math
import random
import sys
import textwrap
import zlib

import numpy as np
import torch

SPLIT, LABELS, CORRUPT, INIT = 1, 2, 3, 1000


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        even, odd = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [odd >> 32 ^ c[1] ^ k[0], odd & 0xFFFFFFFF, even >> 32 ^ c[3] ^ k[1], even & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def words(seed, purpose, index):
    return philox([index & 0xFFFFFFFF, index >> 32, purpose, 0], [seed & 0xFFFFFFFF, seed >> 32])


def below(n, seed, purpose, index):
    x = words(seed, purpose, index)
    return (x[1] << 32 | x[0]) * n >> 64


def shuffle(x, seed, purpose):
    for i in reversed(range(1, len(x))):
        r = below(i + 1, seed, purpose, i)
        x[i], x[r] = x[r], x[i]
    return x


def symmetric(pairs, n_train, seed):
    """Order of the examples `pairs` and how many are trained on."""
    exists = {pair: i for i, pair in enumerate(pairs)}
    unordered = sorted({(min(q), max(q)) for q in pairs})
    train, test = [], []
    for a, b in shuffle(unordered, seed, SPLIT):
        both = [exists[q] for q in dict.fromkeys([(a, b), (b, a)]) if q in exists]
        fits = not test and len(train) + len(both) <= n_train
        (train if fits else test).extend(both)
    return train + test, len(train)


def order(split, n):
    kind, seed = split.split(":")
    seed, x = int(seed), list(range(n))
    if kind == "python":
        random.seed(seed)
        random.shuffle(x)
    elif kind == "torch":
        torch.manual_seed(seed)
        x = torch.randperm(n).tolist()
    else:
        shuffle(x, seed, SPLIT)
    return x


def crc(values, dtype):
    return zlib.crc32(np.ascontiguousarray(values, dtype=dtype).tobytes())


def declare(comment, fields, name):
    print(f"/* {comment} */\nstatic const struct {{")
    for field in fields:
        print(f"    {field};")
    print(f"}} {name}[] = {{")


def row(*cells):
    print(textwrap.fill("{" + ", ".join(cells) + "},", 98, initial_indent=4 * " ",
                        subsequent_indent=5 * " "))


def text(string):
    return f'"{string}"'


def braces(values):
    return "{" + ", ".join(map(str, values)) + "}"


def splits():
    declare("order: its first 8 indices and the CRC-32 of all, as int32",
            ["const char *split", "int n, first[8]", "uint32_t crc"], "golden_order")
    seeds = [0, 1, 598, 2**32 - 1, 2**32 + 5, 2**53 - 1]
    for kind in "python", "torch", "philox":
        for n in 10, 64, 97 * 96, 12769:
            for seed in seeds if n == 12769 else seeds[::3]:
                x = order(f"{kind}:{seed}", n)
                row(text(f"{kind}:{seed}"), str(n), braces(x[:8]), f"{crc(x, '<i4'):#010x}")
    print("};\n")

    declare("symmetric:seed, of a + b or a / b mod p",
            ["int p, divide, seed", "double fraction", "int n_train, first[8]", "uint32_t crc"],
            "golden_symmetric")
    for p, divide, seed, fraction in ((7, 0, 0, 0.3), (12, 1, 3, 0.5), (113, 0, 0, 0.3),
                                      (113, 0, 1, 0.3), (97, 1, 2, 0.4)):
        pairs = [(a, b) for a in range(p) for b in range(p) if not divide or math.gcd(b, p) == 1]
        x, n_train = symmetric(pairs, int(fraction * len(pairs)), seed)
        row(str(p), str(divide), str(seed), str(fraction), str(n_train), braces(x[:8]),
            f"{crc(x, '<i4'):#010x}")
    print("};\n")


def labels():
    p, seed = 113, 2**33 + 9
    x = [below(p, seed, LABELS, i) for i in range(p * p)]
    print("/* task.op random, p = 113, label_seed = 2^33 + 9 */")
    print(f"static const int golden_random_label[8] = {braces(x[:8])};")
    print(f"static const uint32_t golden_random_crc = {crc(x, '<i4'):#010x};\n")
    x = order("philox:3", p * p)
    y = [(i // p + i % p) % p for i in x]
    n_train = int(0.3 * p * p)
    for j in shuffle(list(range(n_train)), 5, CORRUPT)[: int(0.1 * n_train)]:
        y[j] = (y[j] + 1 + below(p - 1, 5, CORRUPT, 2**32 + j)) % p
    print("/* a + b mod 113, philox:3, train_fraction 0.3, label_noise 0.1, label_seed 5 */")
    print(f"static const uint32_t golden_corrupt_crc = {crc(y, '<i4'):#010x};\n")


def paper_init(s, seed):
    """The paper's code: name -> (memory layout) tensor."""
    torch.manual_seed(seed)
    L, V, T, D, H, K, F, C = s
    randn, out = torch.randn, {}
    out["embed.W_E"] = (randn(D, V) / np.sqrt(D)).T
    out["pos_embed.W_pos"] = randn(T, D) / np.sqrt(D)
    for layer in range(L):
        b = f"blocks.{layer}."
        for name in "W_K", "W_Q", "W_V":
            out[b + "attn." + name] = (randn(H, K, D) / np.sqrt(D)).reshape(H * K, D).T
        out[b + "attn.W_O"] = (randn(D, H * K) / np.sqrt(D)).T
        out[b + "mlp.W_in"] = (randn(F, D) / np.sqrt(D)).T
        out[b + "mlp.W_out"] = (randn(D, F) / np.sqrt(D)).T
    out["unembed.W_U"] = randn(D, C) / np.sqrt(V)
    return out


def demo_init(s, seed):
    """TransformerLens's demo."""
    torch.manual_seed(seed)
    L, V, T, D, H, K, F, C = s
    out = {}

    def normal(*shape):
        return torch.nn.init.normal_(torch.empty(*shape), std=0.8 / np.sqrt(D))

    out["embed.W_E"] = normal(V, D)
    out["pos_embed.W_pos"] = normal(T, D)
    for layer in range(L):
        b = f"blocks.{layer}."
        for name in "W_Q", "W_K", "W_V":
            out[b + "attn." + name] = normal(H, D, K).permute(1, 0, 2).reshape(D, H * K)
        out[b + "attn.W_O"] = normal(H, K, D).reshape(H * K, D)
        out[b + "mlp.W_in"] = normal(D, F)
        out[b + "mlp.W_out"] = normal(F, D)
    out["unembed.W_U"] = normal(D, C)
    return out


def own_init(s, seed):
    L, V, T, D, H, K, F, C = s
    block = [("attn.W_Q", 2, D, H * K), ("attn.W_K", 3, D, H * K), ("attn.W_V", 4, D, H * K),
             ("attn.W_O", 5, H * K, D), ("mlp.W_in", 6, D, F), ("mlp.W_out", 8, F, D)]
    tensors = [("embed.W_E", 0, 0, V, D), ("pos_embed.W_pos", 0, 1, T, D),
               ("unembed.W_U", 0, 10, D, C)]
    for layer in range(L):
        tensors += [(f"blocks.{layer}.{name}", layer, i, r, c) for name, i, r, c in block]
    out = {}
    for name, layer, i, r, c in tensors:
        x = []
        for call in range((r * c + 3) // 4):
            u = [((w >> 8) + 0.5) * 2**-24 for w in words(seed, INIT + 16 * layer + i, call)]
            for a, b in (u[0], u[1]), (u[2], u[3]):
                radius, angle = math.sqrt(-2 * math.log(a)), 2 * math.pi * b
                x += [radius * math.cos(angle), radius * math.sin(angle)]
        root = math.sqrt(V if name == "unembed.W_U" else D)
        out[name] = np.array([v / root for v in x[: r * c]], dtype=np.float32).reshape(r, c)
    return out


def inits():
    shapes = {"paper": (1, 114, 3, 128, 4, 32, 512, 114), "small": (2, 12, 3, 20, 3, 7, 33, 11)}
    declare("weights as memory has them: elements 0, n/3, n/2, n-1 and the CRC-32 of all, as float",
            ["const char *init, *shape, *name", "float value[4]", "uint32_t crc"], "golden_init")
    for make, init, seed, shape in (
        (paper_init, "torch", 0, "paper"), (paper_init, "torch", 1, "paper"),
        (paper_init, "torch", 2**32 + 1, "small"), (demo_init, "torch_tl", 999, "paper"),
        (demo_init, "torch_tl", 7, "small"), (own_init, "philox", 0, "paper"),
        (own_init, "philox", 2**40 + 3, "small"),
    ):
        for name, x in make(shapes[shape], seed).items():
            x = np.ascontiguousarray(x, dtype="<f4").ravel()
            n = len(x)
            values = [f"{x[i]:.9e}f" for i in (0, n // 3, n // 2, n - 1)]
            row(text(f"{init}:{seed}"), text(shape), text(name), braces(values),
                f"{crc(x, '<f4'):#010x}")
    print("};")


print(f"""/* What published seeds and our own must give. Made by make_seeds.py, with Python
 * {sys.version.split()[0]} and PyTorch {torch.__version__}; not to be edited. */
#ifndef GK_TESTS_SEEDS_H
#define GK_TESTS_SEEDS_H

#include <stdint.h>
""")
splits()
labels()
inits()
print("\n#endif")
