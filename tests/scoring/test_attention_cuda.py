"""The GPU path's bookkeeping, with torch's kernel written out on the CPU.

The kernel itself runs in the tests marked `gpu`; here a slow stand-in takes its place, so that
which rows see which keys is checked on every machine.
"""

import pytest
import torch
from scored import largest_difference, make_requests, plain_scores

from idiolect.models.attention import Rule, plain
from idiolect.scoring import attention, attention_cuda
from idiolect.scoring.packed import PackedScorer

GROUPS = [(37, (11, 1, 24, 23)), (5, (33, 2)), (1, (3,)), (61, (1,))]


def written_out_kernel(q, k, v, q_ends, k_ends, max_q, max_k, *, window_size, scale, **_):
    """Do what torch's varlen attention documents, one sequence after another."""
    assert q_ends[-1] == len(q)
    assert k_ends[-1] == len(k)
    out = torch.zeros(len(q), q.shape[1], v.shape[2])
    lse = torch.zeros(q.shape[1], len(q))
    rule = Rule(scale, None, None, None)
    for index in range(len(q_ends) - 1):
        rows = slice(int(q_ends[index]), int(q_ends[index + 1]))
        keys = slice(int(k_ends[index]), int(k_ends[index + 1]))
        assert rows.stop - rows.start <= max_q
        assert keys.stop - keys.start <= max_k
        is_causal = window_size == (-1, 0)
        shape = (rows.stop - rows.start, keys.stop - keys.start)
        mask = torch.ones(shape, dtype=torch.bool).tril() if is_causal else None
        parts = (x.transpose(0, 1) for x in (q[rows], k[keys], v[keys]))
        part_out, part_lse = plain(*attention._grouped(*parts), rule, mask)
        out[rows] = part_out.flatten(0, 1).transpose(0, 1)
        lse[:, rows] = part_lse.flatten(0, 1)
    return out, lse


@pytest.mark.parametrize("newer", [True, False], ids=["torch 2.13", "torch 2.10"])
@pytest.mark.parametrize("budget", [4096, 64, 8])
def test_each_row_sees_what_it_should(load, monkeypatch, budget, newer):
    def older_kernel(q, k, v, *arguments, is_causal):
        window = (-1, 0) if is_causal else (-1, -1)
        scale = q.shape[-1] ** -0.5
        assert q.shape[1] == k.shape[1]
        return written_out_kernel(q, k, v, *arguments, window_size=window, scale=scale)

    kernel = (
        (written_out_kernel, frozenset({"window_size", "scale", "enable_gqa"}))
        if newer
        else (older_kernel, frozenset({"is_causal"}))
    )
    monkeypatch.setattr(attention, "can_use_varlen", lambda query, value: True)
    monkeypatch.setattr(attention_cuda, "_kernel", lambda: kernel)
    module = load("chatml").module
    requests = make_requests(module.config.vocab_size, GROUPS)
    scorer = PackedScorer(module, 256, budget)
    scorer._branching = False  # as on a GPU
    found = scorer.score(requests)
    assert largest_difference(plain_scores(module, requests), found) < 1e-4
