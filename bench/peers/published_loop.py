#!/usr/bin/env python3
"""The published training loop of the modular addition experiment (arXiv 2301.05217) in PyTorch.

    published         all three positions through the network, float64 log-softmax, AdamW, and the
                      test loss at every epoch
    published_train   without the test loss
    last              what the loss depends on: keys and values of all positions, all else of the
                      last one
    published_graph   published_train as a CUDA graph that is replayed
    last_graph        last as a CUDA graph

Written from the definition, in the authors' layout of the weights. Kinder than the published
program: the data is made tensors once, the test loss builds no graph, and no loss goes to the host
inside of a timed block.
Runs with PyTorch 1.13 (CPU) and 2.x.
"""
import common
from common import B, D, F, H, K, T

VARIANTS = ("published", "published_train", "last", "published_graph", "last_graph")


def to_layout(arrays, torch, device):
    """From TransformerLens's layout to the authors'."""
    def tensor(array):
        return torch.nn.Parameter(torch.from_numpy(array.copy()).to(device))

    w = {name: tensor(arrays[name]) for name in ("W_pos", "b_in", "b_out", "W_U")}
    w.update({name: tensor(arrays[name].T) for name in ("W_E", "W_in", "W_out")})
    w.update({name: tensor(arrays[name].transpose(0, 2, 1)) for name in ("W_Q", "W_K", "W_V")})
    return {**w, "W_O": tensor(arrays["W_O"].reshape(H * K, D).T)}


def forward_all(w, tokens, mask, torch):
    """Logits of all positions, of which the last are taken: (B,V)."""
    x = w["W_E"][:, tokens].permute(1, 2, 0) + w["W_pos"]    # (B,T,D)
    q, k, v = (torch.einsum("btd,hkd->bhtk", x, w[name]) for name in ("W_Q", "W_K", "W_V"))
    score = (q @ k.transpose(-1, -2) / K ** 0.5).masked_fill(mask, float("-inf"))
    z = torch.softmax(score, -1) @ v    # (B,H,T,K)
    x = x + z.transpose(1, 2).flatten(2) @ w["W_O"].T
    x = x + torch.relu(x @ w["W_in"].T + w["b_in"]) @ w["W_out"].T + w["b_out"]
    return (x @ w["W_U"])[:, -1]


def forward_last(w, tokens, mask, torch):
    """The same logits: keys and values of all positions, all else of the last one only."""
    x = w["W_E"][:, tokens].permute(1, 2, 0) + w["W_pos"]    # (B,T,D)
    last = x[:, -1]    # (B,D)
    k, v = (torch.einsum("btd,hkd->bhtk", x, w[name]) for name in ("W_K", "W_V"))
    q = (last @ w["W_Q"].flatten(0, 1).T).view(-1, H, 1, K)
    z = torch.softmax(q @ k.transpose(-1, -2) / K ** 0.5, -1) @ v               # (B,H,1,K)
    x = last + z.flatten(1) @ w["W_O"].T
    x = x + torch.relu(x @ w["W_in"].T + w["b_in"]) @ w["W_out"].T + w["b_out"]
    return x @ w["W_U"]


class Loop:
    """One epoch after another; `epoch` returns the train loss before its update, on the device."""

    def __init__(self, args, torch, numpy):
        device = args.device
        self.torch, self.with_test = torch, args.variant == "published"
        self.forward = forward_last if args.variant.startswith("last") else forward_all
        self.w = to_layout(common.read_weights(args.init, numpy), torch, device)
        self.mask = torch.ones(T, T, dtype=torch.bool, device=device).triu(1)
        self.train, self.test = (self.examples(part, device) for part in common.pairs())
        options = {"fused": True} if device == "cuda" else {}
        if args.variant.endswith("_graph"):
            options["capturable"] = True
        self.optimizer = torch.optim.AdamW(
            self.w.values(), lr=common.LR, betas=(common.BETA1, common.BETA2), eps=common.EPS,
            weight_decay=common.WEIGHT_DECAY, **options)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min(step / common.WARMUP, 1))
        self.graph = None

    def examples(self, part, device):
        ab = self.torch.tensor(part)
        tokens = self.torch.cat([ab, self.torch.full((len(part), 1), common.P)], 1)
        return tokens.to(device), (ab.sum(1) % common.P).to(device)

    def loss_of(self, part):
        logits = self.forward(self.w, part[0], self.mask, self.torch)
        log_prob = self.torch.log_softmax(logits.to(self.torch.float64), -1)
        return -log_prob.gather(1, part[1][:, None]).mean()

    def update(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(self.train)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def epoch(self):
        if self.graph:
            self.graph.replay()
            return self.static_loss
        loss = self.update()
        self.scheduler.step()
        if self.with_test:
            with self.torch.no_grad():
                self.test_loss = self.loss_of(self.test)
        return loss

    def run(self, epochs):
        for _ in range(epochs):
            loss = self.epoch()
        if self.train[0].is_cuda:
            self.torch.cuda.synchronize()
        return loss

    def warm_up(self, epochs):
        """Eager epochs on a stream of their own, as a capture wants it; returns their losses."""
        stream = self.torch.cuda.Stream()
        stream.wait_stream(self.torch.cuda.current_stream())
        with self.torch.cuda.stream(stream):
            losses = [self.epoch() for _ in range(epochs)]
        self.torch.cuda.current_stream().wait_stream(stream)
        self.torch.cuda.synchronize()
        return losses

    def capture(self):
        """From here on the learning rate is the same at every step, and an epoch is one replay."""
        graph = self.torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with self.torch.cuda.graph(graph):
            self.static_loss = self.update()
        self.graph = graph


def main():
    args = common.arguments(VARIANTS)
    import numpy
    import torch
    torch.set_num_threads(args.threads)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU")
    if args.variant.endswith("_graph") and args.device != "cuda":
        raise SystemExit(f"{args.variant}: there are CUDA graphs on cuda only")
    torch.backends.cuda.matmul.allow_tf32 = args.tf32
    loop = Loop(args, torch, numpy)

    done = common.WARMUP + 2                            # the learning rate is constant by then
    if args.variant.endswith("_graph"):
        first = loop.warm_up(done)[0]
        loop.capture()
    else:
        first, done = loop.run(1), 1
    checks = {0: common.check(args, 0, first.item())}
    if not args.quick_check:
        loop.run(100 - done)
        checks[100] = common.check(args, 100, loop.run(1).item())
    times = common.time_blocks(args, loop.run, 1)
    common.finish(args, times, checks, library=f"torch {torch.__version__}",
                  gpu=torch.cuda.get_device_name() if args.device == "cuda" else None)


if __name__ == "__main__":
    main()
