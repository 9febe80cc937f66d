#!/usr/bin/env python3
"""A measure of your own: how much of the embedding W_E lies in each frequency.

    grokc train configs/paper.yaml --set 'run.hook=python3 examples/hook_norm.py'

For each row grokc writes the path of a weights file on one line of standard input; the answer is
one JSON object on one line of standard output and becomes a line of hook.jsonl. Needs numpy.
"""

import json
import struct
import sys

import numpy as np


def tensors(path):
    """Name -> array: 8 bytes with the length of the header, the header in JSON, the data."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F64": "<f8"}
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], kinds[entry["dtype"]])
        found[name] = values.reshape(entry["shape"])
    return found


def norms(w_e):
    """Norms of the embedding's Fourier components k = 0 .. p // 2 over the numbers 0 .. p-1."""
    w_e = w_e[:-1].astype(np.float64)           # without the row of "="
    modes = np.fft.rfft(w_e, axis=0, norm="ortho")
    twice = np.full(len(modes), 2.0)            # k and p - k are one frequency
    twice[0] = 1
    if len(w_e) % 2 == 0:
        twice[-1] = 1
    return np.sqrt(twice * (np.abs(modes) ** 2).sum(axis=1))


for line in sys.stdin:
    norm = norms(tensors(line.rstrip("\n"))["embed.W_E"])
    top = np.argsort(-norm[1:], kind="stable")[:5] + 1
    answer = {"norm": [float(x) for x in norm], "top": [int(k) for k in top]}
    print(json.dumps(answer), flush=True)       # flush: grokc waits for the line
