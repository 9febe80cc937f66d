#!/usr/bin/env python3
"""The table of run.sh: ms per epoch of every row, in both turns, and how many times grokc's.

    table.py RESULTS DEVICE THREADS [JSON]

RESULTS/rows lists the rows; RESULTS/NAME.1 and NAME.2 hold their times.
"""
import json
import os
import sys


def read(path):
    """(ms per epoch, ms with the loss of all inputs, what ran) of a peer or `grokc bench step`"""
    with open(path) as file:
        result = json.load(file)
    if "lines" not in result:
        keys = ("library", "gpu", "blas", "openblas_coretype", "checks")
        about = {key: result[key] for key in keys}
        return result["ms_per_epoch"], None, about
    us = {line["name"]: line["us"] for line in result["lines"]}
    about = {"commit": result["commit"], "plan": result["plan"], **result["device"]}
    return us["step"] / 1e3, (us["step"] + us["loss of all inputs"]) / 1e3, about


def main():
    folder, device, threads, out = (sys.argv[1:] + [""])[:4]
    table, base = [], None
    with open(f"{folder}/rows") as file:
        rows = [line.rstrip("\n").split("|") for line in file]
    for name, _, what in rows:
        turns = [f"{folder}/{name}.{turn}" for turn in (1, 2)]
        if not all(os.path.exists(path) for path in turns):
            continue
        (first, all_first, about), (last, all_last, _) = (read(path) for path in turns)
        table.append({"name": name, "what": what, "ms": [first, last], "about": about})
        if name == "grokc":
            base = (first + last) / 2
            table.append({"name": "grokc.all", "ms": [all_first, all_last], "about": about,
                          "what": "grokc, with the loss of all inputs at every epoch"})
    if base is None:
        sys.exit("grokc has no time: nothing to compare with")
    print(f"\nconfigs/paper.yaml on {device}" + (f", {threads} threads" if device == "cpu" else ""))
    for tf32 in (False, True):
        part = [row for row in table if row["name"].endswith(".tf32") == tf32]
        if not part:
            continue
        print(("\nTF32 products: other numbers than the rows above\n" if tf32 else "") +
              f"{'ms per epoch':>12}  {'(first, last)':>20}  {'of grokc':>8}   what")
        for row in part:
            both = f"({row['ms'][0]:.3f}, {row['ms'][1]:.3f})"
            mean = sum(row["ms"]) / 2
            print(f"{mean:12.3f}  {both:>20}  {mean / base:7.2f}x   {row['what']}")
    if out:
        with open(out, "w") as file:
            json.dump({"device": device, "threads": int(threads), "rows": table}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
