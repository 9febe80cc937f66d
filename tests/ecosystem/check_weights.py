"""Weights in other people's programs: the safetensors library, TransformerLens (2 to 4), the
published forward pass, PyTorch's pickles.

check_weights.py GROKC SOURCE PAPER_WEIGHTS RUN...

PAPER_WEIGHTS is a file in the paper's layout; a RUN has a row at the epoch of its last checkpoint.
"""

import collections
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

program, source, paper_weights, *paths = sys.argv[1:]
os.environ["GROKC"] = program
sys.path.insert(0, source + "/python")
import grokc

runs = [grokc.Run(path) for path in paths]
torch.set_grad_enabled(False)


def check(name, holds):
    if not holds:
        sys.exit(f"FAILED: {name}")


def differs(name, found, expected, limit):
    """Largest difference, over the largest value. NaN is no number below the limit."""
    check(f"{name}: shape", found.shape == expected.shape)
    error = np.abs(found - expected).max() / np.abs(expected).max()
    print(
        f"{name}: {len(found)} inputs, largest logit {np.abs(expected).max():.3g},"
        f" difference / largest {error:.1e}"
    )
    check(f"{name}: {error} is not below {limit}", error <= limit)


def numpy_logits(run, dtype):
    return run.logits(grokc.pairs(run.config["task"]["p"]), -1, dtype)


# float32: the two programs sum in other orders, 1e-5 of the largest logit. float64: the same
# formula.
def in_transformer_lens(run):
    tokens = torch.tensor(grokc.pairs(run.config["task"]["p"]))
    for dtype, numbers, limit in (
        (torch.float32, np.float32, 1e-5),
        (torch.float64, np.float64, 1e-12),
    ):
        logits, cache = grokc.load(run, dtype=dtype).run_with_cache(tokens)
        differs(
            f"TransformerLens, {run.path.name}, {dtype}",
            logits[:, -1].numpy(),
            numpy_logits(run, numbers),
            limit,
        )
    check(
        "cache",
        cache["resid_post", run.config["model"]["layers"] - 1].shape[-1]
        == run.config["model"]["d_model"],
    )


def loss_of_the_program(run):
    """grokc's own logits are known by what it says of them."""
    p = run.config["task"]["p"]
    row = {row["epoch"]: row for row in run.rows}[run.checkpoints[-1]]
    loss = grokc.cross_entropy(
        numpy_logits(run, np.float64)[:, :p], grokc.pairs(p)[:, :2].sum(1) % p
    )
    expected = row["all_loss_p"]
    check(
        f"{run.path.name}: loss {loss}, the program says {expected}",
        abs(loss - expected) <= 1e-4 * expected,
    )


class Weights(torch.nn.Module):
    def __init__(self, buffers=(), **shapes):
        super().__init__()
        for name, shape in shapes.items():
            if name in buffers:
                self.register_buffer(name, torch.empty(shape))
            else:
                setattr(self, name, torch.nn.Parameter(torch.empty(shape)))


class Published(torch.nn.Module):
    """The forward pass of the paper's code, said plainly: names, shapes and axes as there."""

    def __init__(self, layers, d, heads, k, hidden, vocabulary, context):
        super().__init__()
        self.embed = Weights(W_E=(d, vocabulary))
        self.pos_embed = Weights(W_pos=(context, d))
        self.unembed = Weights(W_U=(d, vocabulary))
        self.blocks = torch.nn.ModuleList()
        for _ in range(layers):
            block = torch.nn.Module()
            block.attn = Weights(
                ["mask"],
                W_K=(heads, k, d),
                W_Q=(heads, k, d),
                W_V=(heads, k, d),
                W_O=(d, k * heads),
                mask=(context, context),
            )
            block.mlp = Weights(W_in=(hidden, d), b_in=(hidden,), W_out=(d, hidden), b_out=(d,))
            self.blocks.append(block)

    def forward(self, tokens):
        x = self.embed.W_E.T[tokens] + self.pos_embed.W_pos
        for block in self.blocks:
            a, m = block.attn, block.mlp
            keys, queries, values = (
                torch.einsum("nkd,btd->bntk", w, x) for w in (a.W_K, a.W_Q, a.W_V)
            )
            scores = torch.einsum("bnqk,bntk->bnqt", queries, keys) / math.sqrt(keys.shape[-1])
            pattern = torch.softmax(scores.masked_fill(a.mask == 0, -math.inf), -1)
            mixed = torch.einsum("bnqt,bntk->bqnk", pattern, values).flatten(2)
            x = x + mixed @ a.W_O.T
            x = x + torch.relu(x @ m.W_in.T + m.b_in) @ m.W_out.T + m.b_out
        return x @ self.unembed.W_U


def in_the_papers_layout(run):
    subprocess.run(
        [program, "export", str(run.path), "--layout", "paper", "-o", "paper.safetensors"],
        check=True,
    )
    weights = {
        name: torch.tensor(np.array(values))
        for name, values in grokc.tensors("paper.safetensors").items()
    }
    model = run.config["model"]
    context, d = weights["pos_embed.W_pos"].shape
    published = Published(
        model["layers"],
        d,
        model["heads"],
        model["d_head"],
        model["d_mlp"],
        weights["embed.W_E"].shape[1],
        context,
    )
    published.load_state_dict(weights)  # strict: every name, and no other
    published.double()
    tokens = torch.tensor(grokc.pairs(run.config["task"]["p"]))
    differs(
        f"the paper's layout, {run.path.name}",
        published(tokens)[:, -1].numpy(),
        numpy_logits(run, np.float64),
        1e-12,
    )


def every_file_in_the_library():
    count = 0
    for path in sorted(Path().rglob("*.safetensors")):
        own = grokc.tensors(path)
        with safe_open(path, "pt") as file:
            check(f"{path}: names", set(file.keys()) == set(own))
            check(f"{path}: metadata", (file.metadata() or {}) == grokc.metadata(path))
            for name in file.keys():
                found = file.get_tensor(name)
                found = (found.float() if found.dtype == torch.bfloat16 else found).numpy()
                check(
                    f"{path}: {name}",
                    np.array_equal(found, own[name], equal_nan=own[name].dtype.kind == "f"),
                )
        count += 1
    kinds = {"weights", "state"} <= {
        grokc.metadata(path).get("kind") for path in Path().rglob("*.safetensors")
    }
    check(
        "checkpoints, states, measures are among them",
        kinds and any(Path().rglob("measures/*.safetensors")),
    )
    print(f"the safetensors library reads {count} files")


def measured(path, *options):
    done = subprocess.run(
        [program, "measure", str(path), "--set", "task.split=python:0", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    return [dict(json.loads(line), epoch=None) for line in done.stdout.splitlines()]


def convert(found, name, out, *words, **options):
    torch.save(found, name, **options)
    program = source + "/python/pth2safetensors.py"
    subprocess.run([sys.executable, program, name, out, *words], check=True)


def demo():
    """TransformerLens's demo of grokking, on small numbers: what it stores, measured here, is what
    it said of itself. Weights have seen one update more than the number they are stored under."""
    p, epochs, every = 11, 60, 20
    sizes = (
        "task.p=11 model.d_model=16 model.heads=2 model.d_head=8 model.d_mlp=32 model.outputs=11"
    )
    words = [program, "train", source + "/configs/tl_demo.yaml", "--out", "demo", "--set"]
    words += " --set ".join(sizes.split() + ["run.epochs=0", "model.biases=on"]).split()
    subprocess.run(words, check=True, capture_output=True)
    model = grokc.load("demo")
    pairs = torch.tensor(grokc.pairs(p))
    labels = pairs[:, :2].sum(1) % p
    order = torch.randperm(p * p, generator=torch.Generator().manual_seed(598))
    train, test = order[:36], order[36:]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "b_" not in name and not name.endswith("bias")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1.0, betas=(0.9, 0.98))

    def loss(ids):
        logits = model(pairs[ids])[:, -1].to(torch.float64)
        return torch.nn.functional.cross_entropy(logits, labels[ids])

    kept = {"train_losses": [], "test_losses": [], "checkpoints": [], "checkpoint_epochs": []}
    for epoch in range(epochs):
        with torch.enable_grad():
            now = loss(train)
            now.backward()
        kept["train_losses"].append(now.item())
        optimizer.step()
        optimizer.zero_grad()
        kept["test_losses"].append(loss(test).item())
        if (epoch + 1) % every == 0:
            kept["checkpoint_epochs"].append(epoch)
            kept["checkpoints"].append({k: v.clone() for k, v in model.state_dict().items()})
    kept.update(model=model.state_dict(), config=model.cfg, train_indices=train, test_indices=test)
    convert(kept, "demo.pth", "demo_taken")
    done = subprocess.run(
        [program, "measure", "demo_taken"], capture_output=True, text=True, check=True
    )
    rows = {row["epoch"]: row for row in map(json.loads, done.stdout.splitlines())}
    check("the demo's epochs", sorted(rows) == [20, 40, 60])
    losses = {row["epoch"]: row for row in map(json.loads, open("demo_taken/losses.jsonl"))}
    compared = 0
    for epoch, row in rows.items():
        for name in ("train_loss", "test_loss"):
            if name in losses[epoch]:
                difference = abs(row[name] - losses[epoch][name]) / losses[epoch][name]
                check(f"the demo's {name} at {epoch}: off by {difference}", difference <= 1e-5)
                compared += 1
    check("losses of all but the last update", compared == 5)
    other = {row["test_loss"] for row in losses.values() if "test_loss" in row}
    check("losses that differ", len(other) == epochs)
    print(f"TransformerLens's demo: {compared} losses as it has them")


def around():
    """What PyTorch's own wrappers do to names."""
    run = [run for run in runs if run.config["model"]["d_mlp"]][-1]
    model, expected = grokc.load(run), run.checkpoint()
    heads = ("--heads", str(run.config["model"]["heads"]))
    wrapped = {
        "parallel": torch.nn.DataParallel(model),
        "inside": torch.nn.ModuleDict({"net": model}),
    }
    if hasattr(torch, "compile"):
        wrapped["compiled"] = torch.compile(model)
    plain = {name: value for name, value in model.state_dict().items()}
    states = {name: wrapper.state_dict() for name, wrapper in wrapped.items()}
    states["by hand"] = {"_orig_mod." + name: value for name, value in plain.items()}
    for name, state in states.items():
        convert(state, "around.pth", "around.safetensors", *heads)
        found = grokc.tensors("around.safetensors")
        equal = all(np.array_equal(found[key], expected[key]) for key in expected)
        check(f"{name}: {set(found) ^ set(expected)}", set(expected) <= set(found) and equal)
    print(f"names under wrappers: {', '.join(states)}")


def pickles():
    """The authors' format, from weights in their layout."""
    expected = measured(paper_weights)
    state = collections.OrderedDict(
        (name, torch.tensor(np.array(values)))
        for name, values in grokc.tensors(paper_weights).items()
    )
    state["blocks.0.attn.mask"] = torch.tril(torch.ones(3, 3))
    config = {
        "lr": 1e-3,
        "p": 113,
        "d_model": 128,
        "fn_name": "add",
        "frac_train": 0.3,
        "num_epochs": 50000,
        "seed": 0,
        "weight_decay": 1,
    }
    whole = {
        "state_dicts": [state, state],
        "epochs": [0, 20000],
        "train_losses": [1.0] * 20,
        "test_losses": [2.0, 1.0],
        "config": config,
    }
    convert(whole, "full_run_data.pth", "authors")
    rows = measured("authors")
    check("the last of the authors' state_dicts", rows[-1] == expected[-1] and len(rows) == 2)
    check("its losses", sum(1 for _ in open("authors/losses.jsonl")) == 20)
    convert({"model": state, "train_losses": [1.0], "epoch": 3}, "model.pth", "model.safetensors")
    check("a stored model", measured("model.safetensors") == expected)
    convert(
        torch.nn.ParameterDict(
            {k.replace(".", "/"): torch.nn.Parameter(v) for k, v in state.items()}
        ).state_dict(),
        "parameters.pth",
        "parameters.safetensors",
    )
    check("parameters", len(grokc.tensors("parameters.safetensors")) == len(state))
    convert(state, "old.pth", "old.safetensors", _use_new_zipfile_serialization=False)
    check("a file as PyTorch wrote them before 1.6", measured("old.safetensors") == expected)
    kinds = {
        str(dtype): torch.tensor([1.5, -2]).to(getattr(torch, dtype))
        for dtype in ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8")
    }
    convert(kinds, "kinds.pth", "kinds.safetensors")
    with safe_open("kinds.safetensors", "pt") as file:
        check(
            "types", all(torch.equal(file.get_tensor(name), value) for name, value in kinds.items())
        )
    view = torch.arange(12.0).reshape(3, 4)
    convert(
        {"turned": view.T, "part": view[1:, ::2], "shared": view}, "views.pth", "views.safetensors"
    )
    found = grokc.tensors("views.safetensors")
    check(
        "views",
        np.array_equal(found["turned"], view.T.numpy())
        and np.array_equal(found["part"], view[1:, ::2].numpy()),
    )
    print("PyTorch's pickles come through")


for run in runs:
    in_transformer_lens(run)
    if run.config["model"].get("norm", "none") == "none":
        loss_of_the_program(run)
        if run.config["model"]["activation"] == "relu" and run.config["model"]["d_mlp"]:
            in_the_papers_layout(run)
pickles()
demo()
around()
every_file_in_the_library()
