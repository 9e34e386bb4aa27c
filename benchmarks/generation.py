"""Writing token by token: from a cache, from the whole text each time, and by another library where there is one."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from typing import Any, NamedTuple

import torch

import lamina as la
from benchmarks.measure import Timing, in_turn
from lamina.ends.write import Write, beginnings
from lamina.kinds import BEGIN_TOKEN, END_TOKEN, Padded
from lamina.search import beam, drawn, greedy
from lamina.stage import State
from lamina.writing import continuation

COUNT, LONGEST, CONTEXT = 256, 20, 512
VOCABULARY = 68


class Size(NamedTuple):
    """Of a language model."""

    layers: int
    heads: int
    width: int

    def net(self) -> la.Net:
        """Ours of that size, with first weights."""
        layers = f"Transformer({self.layers}, heads={self.heads}, causal=True, rotary=True)"
        kind = la.Tokens(VOCABULARY)
        return la.build(f"Embed({self.width}) >> {layers} >> NextToken(tied=True)", kind, kind).eval()


SIZES = (Size(4, 4, 128), Size(6, 6, 192))
"""Those of tiny Shakespeare in 100 s and in an hour."""


def generating(size: Size, rounds: int, count: int = COUNT) -> tuple[dict[str, Timing], str]:
    """The time that a language model takes to write so many tokens, and what is to be said below the table."""
    net, first = size.net(), torch.tensor([BEGIN_TOKEN])
    going = continuation(net, CONTEXT)

    @torch.inference_mode()
    def cached() -> None:
        for _ in islice(drawn(going.further, first, None), count):
            pass

    def further(newest: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        read = newest[:, None] if state is None else torch.cat((state, newest[:, None]), 1)
        h = net.features(Padded(read, torch.ones_like(read, dtype=torch.bool)))
        return net.end.head(h.values[:, -1]), read

    @torch.inference_mode()
    def whole() -> None:
        for _ in islice(drawn(further, first, None), count):
            pass

    contenders: dict[str, Callable[[], Any]] = {"lamina, cached": cached, "whole text each time": whole}
    other = by_transformers(size, count)
    note = (
        "" if other is not None else "\ntransformers is not installed, so its row is left out: pip install transformers"
    )
    return in_turn(contenders | ({} if other is None else {"transformers": other}), rounds), note


def by_transformers(size: Size, count: int) -> Callable[[], Any] | None:
    """The same by Hugging Face's `generate`, with a GPT-2 of that size; None where it is not installed."""
    if find_spec("transformers") is None:
        return None
    import transformers

    layers, heads, width = size
    config = transformers.GPT2Config(
        n_layer=layers, n_head=heads, n_embd=width, vocab_size=VOCABULARY, n_positions=CONTEXT
    )
    config.bos_token_id = config.eos_token_id = config.pad_token_id = None
    net, first = transformers.GPT2LMHeadModel(config).eval(), torch.tensor([[BEGIN_TOKEN]])
    ask = {"attention_mask": torch.ones_like(first), "do_sample": True, "use_cache": True, "pad_token_id": 0}

    def run() -> None:
        made = net.generate(first, max_new_tokens=count, min_new_tokens=count, **ask)
        assert made.shape[1] == count + 1

    return run


def searching(net: la.Net, sources: Padded, rounds: int, longest: int = LONGEST) -> dict[str, Timing]:
    """The time that a translator takes for some sentences: by a beam of five, and greedily.

    A net that was never trained ends no sentence, so all have the same length.
    """
    end = net.end
    assert isinstance(end, Write)

    @torch.inference_mode()
    def by_beam() -> None:
        h = net.features(sources)
        beam(end.step, beginnings(h), end.begin(h), longest, END_TOKEN, width=5)

    @torch.inference_mode()
    def greedily() -> None:
        h = net.features(sources)
        greedy(end.step, beginnings(h), end.begin(h), longest, END_TOKEN)

    return in_turn({"beam of 5": by_beam, "greedy": greedily}, rounds)
