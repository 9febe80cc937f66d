#!/usr/bin/env python3
"""Prints families.h: the losses of the first 20 updates of a small model of each family.

    python3 families.py > families.h

The models are stated here in plain PyTorch, in float64 and with its autograd and its optimisers; the
examples are made here from the tasks' definitions; the initial weights come from the few lines of
Philox below. Nothing of grokc is run. Needs numpy and torch; the tests do not.
"""
import math
import sys
import textwrap

import numpy as np
import torch

INIT, STEPS = 1000, 20
IDS = {name: i for i, name in enumerate(
    'w_e w_pos w_q w_k w_v w_o w_in b_in w_out b_out w_u b_u b_q b_k b_v b_o'.split())}  # the last four in the place of norms, which are not drawn
F64 = torch.float64


# Initial weights: include/gk/config.def (model.init) and src/init.c say in words what they are.

def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        even, odd = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [odd >> 32 ^ c[1] ^ k[0], odd & 0xFFFFFFFF, even >> 32 ^ c[3] ^ k[1], even & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def uniforms(n, seed, purpose):
    return [((x >> 8) + 0.5) * 2 ** -24 for i in range((n + 3) // 4)
            for x in philox([i, 0, purpose, 0], [seed, 0])]


def normals(n, seed, purpose):
    u, out = uniforms(n, seed, purpose), []
    for a, b in zip(u[::2], u[1::2]):
        r = math.sqrt(-2 * math.log(a))
        out += [r * math.cos(2 * math.pi * b), r * math.sin(2 * math.pi * b)]
    return out


def tensor(values, shape):
    n = int(np.prod(shape))
    values = np.array(values[:n], dtype=np.float64).astype(np.float32).astype(np.float64)
    return torch.tensor(values.reshape(shape), dtype=F64)


class Weights:
    """init philox:S (paper's deviations) or linear:S (PyTorch's defaults of nn.Linear, nn.Embedding)"""

    def __init__(self, how, seed):
        self.how, self.seed, self.all = how, seed, {}

    def add(self, name, shape, root, fan_in, layer=0):
        purpose = INIT + 16 * layer + IDS[name]
        n = int(np.prod(shape))
        if self.how == 'linear' and name not in ('w_e', 'w_pos'):
            value = [(2 * u - 1) / math.sqrt(fan_in) for u in uniforms(n, self.seed, purpose)]
        elif name[0] == 'b':
            value = [0.0] * n
        else:
            scale = 1 if self.how == 'linear' else root
            value = [x / scale for x in normals(n, self.seed, purpose)]
        self.all[name, layer] = tensor(value, shape).requires_grad_()

    def constant(self, name, shape, value, layer=0):
        self.all[name, layer] = torch.full(shape, value, dtype=F64, requires_grad=True)

    def __getitem__(self, key):
        return self.all[key if isinstance(key, tuple) else (key, 0)]


def sines(T, D):
    angle = torch.tensor([[t / 10000 ** ((j - j % 2) / D) for j in range(D)] for t in range(T)], dtype=F64)
    even = torch.arange(D) % 2 == 0
    return torch.where(even, angle.sin(), angle.cos()).float().double()


# The two kinds of model: functions of weights and tokens.

def transformer(f):
    L, V, T, S, D, H, K, F, C = (f[k] for k in 'L V T S D H K F C'.split())
    w, norm = Weights(f['how'], f['seed']), f.get('norm')
    root = math.sqrt(D)
    w.add('w_e', (V, D), root, 0)
    if f.get('positions', 'learned') == 'learned':
        w.add('w_pos', (T, D), root, 0)
    biased = f.get('attention_biases')
    for l in range(L):
        for name in 'w_q', 'w_k', 'w_v':
            w.add(name, (D, H * K), root, D, l)
        w.add('w_o', (H * K, D), root, H * K, l)
        for name in ('b_q', 'b_k', 'b_v') if biased else ():
            w.add(name, (H * K,), 1, D, l)
        if biased:
            w.add('b_o', (D,), 1, H * K, l)
        if F:
            w.add('w_in', (D, F), root, D, l)
            w.add('b_in', (F,), root, D, l)
            w.add('w_out', (F, D), root, F, l)
            w.add('b_out', (D,), root, F, l)
        for name in ('ln1', 'ln2') if norm else ():
            w.constant(name + 'w', (D,), 1.0, l)
            w.constant(name + 'b', (D,), 0.0, l)
    w.add('w_u', (D, C), math.sqrt(V), D)
    if biased:
        w.add('b_u', (C,), 1, D)
    if f.get('final_norm'):
        w.constant('lnfw', (D,), 1.0)
        w.constant('lnfb', (D,), 0.0)
    fixed = {'sinusoidal': sines(T, D), 'none': torch.zeros(T, D, dtype=F64)}.get(f.get('positions'))
    act = torch.relu if f.get('act') != 'gelu_erf' else torch.nn.functional.gelu

    def ln(name, x, l=0):
        return torch.nn.functional.layer_norm(x, (D,), w[name + 'w', l], w[name + 'b', l], 1e-5)

    def attention(x, l):
        q, k, v = (torch.einsum('btd,dhk->bhtk', x, w['w_' + n, l].reshape(D, H, K)) for n in 'qkv')
        if biased:
            q, k, v = (x + w['b_' + n, l].reshape(H, 1, K) for n, x in (('q', q), ('k', k), ('v', v)))
        scores = q @ k.transpose(-1, -2) / math.sqrt(K)
        scores = scores.masked_fill(torch.triu(torch.ones(T, T, dtype=torch.bool), 1), -math.inf)
        z = torch.einsum('bhtk->bthk', scores.softmax(-1) @ v).reshape(*x.shape[:2], H * K)
        return z @ w['w_o', l] + (w['b_o', l] if biased else 0)

    def mlp(x, l):
        return act(x @ w['w_in', l] + w['b_in', l]) @ w['w_out', l] + w['b_out', l]

    def forward(tokens):
        x = w['w_e'][tokens] + (w['w_pos'] if fixed is None else fixed)
        for l in range(L):
            if norm == 'pre':
                x = x + attention(ln('ln1', x, l), l)
                x = x + mlp(ln('ln2', x, l), l) if F else x
            elif norm == 'post':
                x = ln('ln1', x + attention(x, l), l)
                x = ln('ln2', x + mlp(x, l), l) if F else x
            else:
                x = x + attention(x, l)
                x = x + mlp(x, l) if F else x
        if f.get('final_norm'):
            x = ln('lnf', x)
        return x[:, T - S:] @ w['w_u'] + (w['b_u'] if biased else 0)

    return w, forward


def hidden_layer(f):
    T, V, D, F, C, kind = (f[k] for k in 'T V D F C input'.split())
    w = Weights(f['how'], f['seed'])
    rows = {'sum': D, 'onehot': T * V, 'signs': T}[kind]
    if kind == 'sum':
        w.add('w_e', (V, D), math.sqrt(D), 0)
    w.add('w_in', (rows, F), math.sqrt(D if kind == 'sum' else T), rows)
    w.add('b_in', (F,), 1, rows)
    w.add('w_u', (F, C), math.sqrt(F), F)
    w.add('b_u', (C,), 1, F)

    def forward(tokens):
        if kind == 'sum':
            x = w['w_e'][tokens].sum(1)
        elif kind == 'onehot':
            x = torch.nn.functional.one_hot(tokens, V).reshape(len(tokens), T * V).double()
        else:
            x = 2.0 * tokens.double() - 1
        return (torch.relu(x @ w['w_in'] + w['b_in']) @ w['w_u'] + w['b_u'])[:, None]

    return w, forward


# Losses: means over scored positions.

def loss_of(f, logits, labels):
    scored = labels >= 0
    x, y = logits[scored], labels[scored]
    if f.get('loss') == 'hinge':
        sign = 2.0 * y.double() - 1
        return torch.relu(1 - sign * x[:, 0]).mean()
    if f.get('loss') == 'mse':
        return ((x - torch.nn.functional.one_hot(y, x.shape[1])) ** 2).mean()
    return torch.nn.functional.cross_entropy(x, y)


def train(f):
    w, forward = (hidden_layer if 'input' in f else transformer)(f)
    tokens, labels = torch.tensor(f['tokens']), torch.tensor(f['labels'])
    params = list(w.all.values())
    initial = [p.detach().clone() for p in params]
    lr, wd, to_init = f.get('lr', 1e-3), f['wd'], f.get('to_init')
    inner = 0 if to_init else wd  # towards the initial weights: written out below
    if f.get('optim') == 'sgd':
        opt = torch.optim.SGD(params, lr=lr, momentum=f.get('momentum', 0), weight_decay=inner)
    else:
        opt = torch.optim.AdamW(params, lr=lr, betas=(0.9, 0.98), eps=1e-8, weight_decay=inner)
    losses = []
    for step in range(STEPS):
        opt.param_groups[0]['lr'] = now = lr * min(step / f['warmup'], 1) if f['warmup'] else lr
        opt.zero_grad()
        loss = loss_of(f, forward(tokens), labels)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for p, p0 in zip(params, initial) if to_init else ():
                if f.get('optim') == 'sgd':
                    p.grad += wd * (p - p0)
                else:
                    p -= now * wd * (p - p0)
        opt.step()
    return losses


# Examples, as the tasks of the same names define them.

def pairs(rng, p, n, sequence, end):
    tokens, labels = [], []
    for i in rng.permutation(p * p)[:n]:
        a, b = int(i) // p, int(i) % p
        c = (a + b) % p
        row = {'ab=': [a, b, p], 'aopb=': [a, p + 1, b, p], 'ab': [a, b]}[sequence]
        tokens.append(row + ([c] if end else []))
        labels.append([c] + ([p] if end else []))
    return tokens, labels


def digits(rng, n, N=5):
    tokens, labels = [], []
    for _ in range(n):
        a, b = (int(x) for x in rng.integers(0, 10 ** N, 2))
        split = lambda x, k: [int(c) for c in str(x).zfill(k)]
        answer = split(a + b, N + 1)
        tokens.append(split(a, N) + [10] + split(b, N) + [11] + answer[:-1])
        labels.append(answer)
    return tokens, labels


def repeats(rng, n, T=85, V=128, times=3, length=16):
    """Random tokens after a 0; the subsequence of the first part comes again once in each other one."""
    part, tokens, labels = (T - 1) // times, [], []
    for _ in range(n):
        row, label = [0] + [int(x) for x in rng.integers(1, V, T - 1)], [-1] * T
        at = [1 + r * part + int(rng.integers(0, part - length)) for r in range(times)]
        for r in range(1, times):
            row[at[r]:at[r] + length] = row[at[0]:at[0] + length]
            for i in range(1, length):
                label[at[r] + i - 1] = row[at[r] + i]
        tokens.append(row)
        labels.append(label[1 + part:])
    return tokens, labels


def parity(rng, n, bits=40, support=3):
    tokens = rng.integers(0, 2, (n, bits))
    labels = (np.prod(2 * tokens[:, :support] - 1, 1) == 1).astype(int)
    return tokens.tolist(), labels[:, None].tolist()


def families():
    rng = np.random.default_rng(1)
    one = dict(how='philox', seed=3, wd=1.0, warmup=10)
    examples = lambda made: dict(tokens=made[0], labels=made[1])
    yield 'power', ('task.p=7 task.train_fraction=0.5 task.sequence=aopb= task.end_token=on model.layers=2 '
                    'model.d_model=12 model.heads=3 model.d_head=4 model.d_mlp=20 model.norm=post '
                    'model.positions=sinusoidal model.init=philox:3'), dict(
        one, L=2, V=9, T=5, S=2, D=12, H=3, K=4, F=20, C=8, norm='post', positions='sinusoidal',
        **examples(pairs(rng, 7, 24, 'aopb=', True)))
    yield 'digits', ('task.name=digits task.examples=12 task.test_examples=4 model.d_model=16 model.heads=2 '
                     'model.d_head=6 model.d_mlp=24 model.init=philox:3 optim.weight_decay=0.1'), dict(
        one, wd=0.1, L=1, V=12, T=17, S=6, D=16, H=2, K=6, F=24, C=10, **examples(digits(rng, 12)))
    yield 'induction', ('task.name=repeats task.examples=3 task.test_examples=4 model.layers=2 '
                        'model.d_model=16 model.heads=2 model.d_head=8 model.d_mlp=0 model.init=philox:3'), dict(
        one, L=2, V=128, T=85, S=56, D=16, H=2, K=8, F=0, C=128, **examples(repeats(rng, 3)))
    yield 'pre_norm', ('task.p=5 task.train_fraction=0.6 model.layers=2 model.d_model=10 model.heads=2 '
                       'model.d_head=4 model.d_mlp=14 model.norm=pre model.final_norm=on model.positions=none '
                       'model.activation=gelu_erf model.init=linear:9 loss.name=mse optim.name=sgd optim.lr=0.1 '
                       'optim.momentum=0.9 optim.decay_to=init optim.weight_decay=0.5 optim.warmup=0'), dict(
        how='linear', seed=9, wd=0.5, warmup=0, lr=0.1, optim='sgd', momentum=0.9, to_init=True, loss='mse',
        L=2, V=6, T=3, S=1, D=10, H=2, K=4, F=14, C=5, norm='pre', final_norm=True, positions='none',
        act='gelu_erf', **examples(pairs(rng, 5, 15, 'ab=', False)))
    mlp = 'task.p=11 task.train_fraction=0.3 task.sequence=ab model.kind=mlp model.d_mlp=20 '
    yield 'mlp', mlp + 'model.d_model=9 model.init=philox:3', dict(
        one, input='sum', V=11, T=2, D=9, F=20, C=11, **examples(pairs(rng, 11, 36, 'ab', False)))
    yield 'one_hot', mlp + ('model.input=onehot model.init=linear:9 optim.decay_to=init '
                            'optim.warmup=0 optim.lr=0.01'), dict(
        how='linear', seed=9, wd=1.0, warmup=0, lr=0.01, to_init=True, input='onehot', V=11, T=2, D=0, F=20,
        C=11, **examples(pairs(rng, 11, 36, 'ab', False)))
    yield 'parity', ('task.name=parity task.examples=32 task.test_examples=4 model.kind=mlp model.input=signs '
                     'model.d_mlp=50 model.init=linear:9 loss.name=hinge optim.name=sgd optim.lr=0.1 '
                     'optim.weight_decay=0.01 optim.warmup=0'), dict(
        how='linear', seed=9, wd=0.01, warmup=0, lr=0.1, optim='sgd', loss='hinge', input='signs', V=2, T=40,
        D=0, F=50, C=1, **examples(parity(rng, 32)))
    yield 'attention_biases', (
        'task.p=7 task.train_fraction=0.5 model.layers=2 model.d_model=12 model.heads=3 model.d_head=4 '
        'model.d_mlp=20 model.attention_biases=on model.unembed_bias=on model.init=linear:9'), dict(
        one, how='linear', seed=9, attention_biases=True, L=2, V=8, T=3, S=1, D=12, H=3, K=4, F=20, C=7,
        **examples(pairs(rng, 7, 24, 'ab=', False)))


def numbers(values, form='{}'):
    return textwrap.fill(', '.join(form.format(v) for v in values), 96, initial_indent='    ',
                         subsequent_indent='    ')


def main():
    out = sys.stdout.write
    out('/* Losses of the first updates of a small model of each family, and the examples they come from. Made by\n'
        f' * families.py, with PyTorch {torch.__version__} in float64; not to be edited. */\n'
        '#ifndef GK_TESTS_FAMILIES_H\n#define GK_TESTS_FAMILIES_H\n\n#include <stdint.h>\n\n/* clang-format off */\n')
    table = []
    for name, sets, f in families():
        flat = {k: [x for row in f[k] for x in row] for k in ('tokens', 'labels')}
        for k in flat:
            out(f'static const int32_t {name}_{k}[] = {{\n{numbers(flat[k])}}};\n')
        B = len(f['tokens'])
        words = ', '.join(f'"{s}"' for s in sets.split())
        words = textwrap.fill(words, 96, initial_indent='     ', subsequent_indent='     ',
                              break_on_hyphens=False)
        table.append(f'    {{"{name}", {B}, {len(flat["tokens"]) // B}, {len(flat["labels"]) // B}, '
                     f'{name}_tokens, {name}_labels,\n     {{\n{words}}},\n     {{\n'
                     f'{numbers(train(f), "{!r}")}}}}},\n')
    out(f'\n/* label -1: not scored; loss[t]: before update t */\nenum {{ GOLDEN_STEPS = {STEPS} }};\n'
        'static const struct golden_family {\n    const char *name;\n    int B, T, S;\n'
        '    const int32_t *token, *label;\n    const char *sets[24];\n    double loss[GOLDEN_STEPS];\n'
        '} golden_families[] = {\n' + ''.join(table) + '};\n/* clang-format on */\n\n#endif\n')


if __name__ == '__main__':
    main()
