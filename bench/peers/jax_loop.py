#!/usr/bin/env python3
"""The modular addition experiment in JAX: many epochs are one jitted scan with donated buffers.

    last            the last position only: keys and values of all positions, all else of that one
    table           the factored algebra of include/gk/table.h: what depends on one token is a row
                    of a table; gradients by autodiff
    table_einsum    the same; rows of all heads are gathered first, then weighed, not head by head

Float32 with the exact loss of grokc (log1p form; its gradient never forms p_t - 1) and AdamW in
PyTorch's form, with jax_default_matmul_precision = highest; --tf32 for the rows that say so. Runs
with jax 0.10.
"""
import os

import common
from common import B, C, D, F, H, K, P


def exact_loss(jax, jnp):
    """The mean of -log softmax(x)[label]: with g_j = x_j - x_label, m = max(0, g), S = sum of
    exp(g_j - m) over the other j it is m + log(exp(-m) + S), and dx_label = -S / (exp(-m) + S)."""
    def parts(logits, labels):
        other = jnp.arange(C)[None, :] != labels[:, None]
        g = logits - jnp.take_along_axis(logits, labels[:, None], 1)
        m = jnp.maximum(g.max(1), 0)
        e = jnp.where(other, jnp.exp(g - m[:, None]), 0)
        return other, m, e, e.sum(1)

    @jax.custom_vjp
    def loss(logits, labels):
        return forward(logits, labels)[0]

    def forward(logits, labels):
        other, m, e, s = parts(logits, labels)
        z = jnp.exp(-m) + s
        mean = (m + jnp.log1p(s + jnp.expm1(-m))).mean()
        return mean, (other, e, s, z)

    def backward(kept, d):
        other, e, s, z = kept
        return jnp.where(other, e / z[:, None], (-s / z)[:, None]) * (d / B), None

    loss.defvjp(forward, backward)
    return loss


def forward_last(w, a, b, jax, jnp):
    tokens = jnp.stack([a, b, jnp.full_like(a, P)], 1)
    x = w["W_E"][tokens] + w["W_pos"]                   # (B,3,D)
    last = x[:, 2]
    q = (last @ w["W_Q"]).reshape(-1, H, K)
    k, v = ((x @ w[name]).reshape(-1, 3, H, K) for name in ("W_K", "W_V"))
    prob = jax.nn.softmax(jnp.einsum("bhk,bthk->bht", q, k) / K ** 0.5, -1)
    z = jnp.einsum("bht,bthk->bhk", prob, v).reshape(-1, H * K)
    x = last + z @ w["W_O"]
    x = x + jax.nn.relu(x @ w["W_in"] + w["b_in"]) @ w["W_out"] + w["b_out"]
    return x @ w["W_U"]


def tables(w, a, b, jax, jnp):
    """prob (3,B,H), row (P,H,F+C), shift (2,H,F+C), base (F+C), W_L. The barrier keeps the compiler
    from computing them again for every pair."""
    tokens, x_eq = w["W_E"][:P], w["W_E"][P] + w["W_pos"][2]
    query = (x_eq @ w["W_Q"]).reshape(H, K)
    u = jnp.einsum("dhk,hk->hd", w["W_K"].reshape(D, H, K), query) / K ** 0.5
    score = [((tokens + w["W_pos"][0]) @ u.T)[a], ((tokens + w["W_pos"][1]) @ u.T)[b],
             jnp.broadcast_to(u @ x_eq, (B, H))]
    value = (tokens @ w["W_V"]).reshape(P, H, K)
    v_eq = x_eq @ w["W_V"]
    shift = (w["W_pos"][:2] @ w["W_V"] - v_eq).reshape(2, H, K)
    tail = jnp.concatenate([w["W_in"], w["W_U"]], 1)    # (D,F+C)
    maps = (w["W_O"] @ tail).reshape(H, K, F + C)
    base = (x_eq + v_eq @ w["W_O"]) @ tail + jnp.concatenate([w["b_in"], w["b_out"] @ w["W_U"]])
    return jax.lax.optimization_barrier((
        jax.nn.softmax(jnp.stack(score), 0), jnp.einsum("nhk,hkw->nhw", value, maps),
        jnp.einsum("jhk,hkw->jhw", shift, maps), base, w["W_out"] @ w["W_U"]))


def forward_table(w, a, b, jax, jnp, whole=False):
    prob, row, shift, e, w_l = tables(w, a, b, jax, jnp)
    for j, token in enumerate((a, b)):
        if whole:
            e = e + jnp.einsum("bh,bhw->bw", prob[j], (row + shift[j])[token])
        else:
            e = e + sum(prob[j, :, h, None] * (row[:, h] + shift[j, h])[token] for h in range(H))
    e = jax.lax.optimization_barrier(e)
    return jax.nn.relu(e[:, :F]) @ w_l + e[:, F:]


def forward_table_einsum(w, a, b, jax, jnp):
    return forward_table(w, a, b, jax, jnp, whole=True)


FORWARD = {"last": forward_last, "table": forward_table, "table_einsum": forward_table_einsum}


def to_layout(arrays, jnp):
    """Heads side by side, as one product wants them."""
    w = {name: array for name, array in arrays.items()}
    for name in ("W_Q", "W_K", "W_V"):
        w[name] = w[name].transpose(1, 0, 2).reshape(D, H * K)
    w["W_O"] = w["W_O"].reshape(H * K, D)
    return {name: jnp.asarray(array) for name, array in w.items()}


def make_run(forward, jax, jnp):
    """run(state, epochs) -> state, the train loss before every update"""
    train = jnp.array(sorted(common.pairs()[0]), dtype=jnp.int32)   # any order of the sum will do
    a, b = train[:, 0], train[:, 1]
    labels, loss = (a + b) % P, exact_loss(jax, jnp)
    value_and_grad = jax.value_and_grad(lambda w: loss(forward(w, a, b, jax, jnp), labels))

    def update(state, _):
        w, m, v, step = state
        value, grad = value_and_grad(w)
        lr = common.LR * jnp.minimum(step / common.WARMUP, 1)
        correction1, correction2 = (1 - beta ** (step + 1) for beta in (common.BETA1, common.BETA2))
        tree_map, beta1, beta2 = jax.tree_util.tree_map, common.BETA1, common.BETA2
        m = tree_map(lambda m, g: beta1 * m + (1 - beta1) * g, m, grad)
        v = tree_map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, grad)
        w = tree_map(
            lambda w, m, v: w * (1 - lr * common.WEIGHT_DECAY)
            - lr / correction1 * m / (jnp.sqrt(v / correction2) + common.EPS), w, m, v)
        return (w, m, v, step + 1), value

    def run(state, epochs):
        return jax.lax.scan(update, state, None, length=epochs)

    return jax.jit(run, static_argnums=1, donate_argnums=0)


def main():
    args = common.arguments(tuple(FORWARD))
    os.environ["JAX_PLATFORMS"] = args.device
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import numpy
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if args.tf32 else "highest")
    w = to_layout(common.read_weights(args.init, numpy), jnp)
    zeros = [jax.tree_util.tree_map(jnp.zeros_like, w) for _ in range(2)]
    state = (w, *zeros, jnp.float32(0))
    run = make_run(FORWARD[args.variant], jax, jnp)
    epochs = 100 if args.device == "cuda" else 5        # of one scan; divides 100

    state, losses = run(state, epochs)                  # compiled before the clock starts
    checks = {0: common.check(args, 0, float(losses[0]))}
    if not args.quick_check:
        for _ in range(100 // epochs):
            state, losses = run(state, epochs)
        checks[100] = common.check(args, 100, float(losses[0]))
    jax.block_until_ready(state)

    def call(times):
        nonlocal state
        for _ in range(times):
            state, _ = run(state, epochs)
        jax.block_until_ready(state)

    times = common.time_blocks(args, call, epochs)
    common.finish(args, times, checks, library=f"jax {jax.__version__}",
                  gpu=jax.devices()[0].device_kind)


if __name__ == "__main__":
    main()
