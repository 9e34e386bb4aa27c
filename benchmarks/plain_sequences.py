"""The nets for sequences as a usual torch script writes and trains them: by torch's own layers, in padded batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Items

PADDING, BEGIN = 0, 1

Pair = tuple[Tensor, Tensor]


class LanguageLSTM(nn.Module):
    """Two layers of LSTM over words; the table of their vectors is the last layer's too."""

    def __init__(self, vocabulary: int, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, vocabulary)
        self.head.weight = self.embed.weight

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, state = self.lstm(self.embed(x), state)
        return self.head(h), state


class LanguageTransformer(nn.Module):
    """A small GPT of torch's encoder layers, with learned positions and a mask that hides what comes."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, longest: int) -> None:
        super().__init__()
        self.embed, self.places = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(width, vocabulary)
        self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        h = self.embed(x) + self.places(torch.arange(length))
        logits: Tensor = self.head(self.encoder(h, mask=nn.Transformer.generate_square_subsequent_mask(length)))
        return logits


class Translator(nn.Module):
    """`nn.Transformer` between two embeddings with sines and a layer that gives the logits."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, longest: int = 256) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.source, self.target = nn.Embedding(vocabulary, width), nn.Embedding(vocabulary, width)
        self.drop = nn.Dropout(0.1)
        self.transformer = nn.Transformer(width, heads, layers, layers, 4 * width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)
        angle = torch.arange(longest)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10000) / width))
        self.register_buffer("code", torch.stack((angle.sin(), angle.cos()), -1).flatten(1))

    def placed(self, table: nn.Module, x: Tensor) -> Tensor:
        """The tokens' vectors with what says where they stand."""
        h: Tensor = self.drop(table(x) * self.scale + self.code[: x.shape[1]])
        return h

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        hidden = source == PADDING
        out = self.transformer(
            self.placed(self.source, source),
            self.placed(self.target, target),
            tgt_mask=torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1),
            src_key_padding_mask=hidden,
            tgt_key_padding_mask=target == PADDING,
            memory_key_padding_mask=hidden,
        )
        logits: Tensor = self.head(out)
        return logits


class WindowsOf(Items[Pair]):
    """Windows onto a text, and the tokens behind them."""

    def __init__(self, tokens: Tensor, length: int) -> None:
        self.tokens, self.length = tokens.long(), length

    def __len__(self) -> int:
        return (len(self.tokens) - 1) // self.length

    def __getitem__(self, index: int) -> Pair:
        first = index * self.length
        return self.tokens[first : first + self.length], self.tokens[first + 1 : first + self.length + 1]


def streams_of(tokens: Tensor, count: int, length: int) -> Iterator[Pair]:
    """Streams side by side, so many positions at a time."""
    streams = tokens.long()[: len(tokens) // count * count].view(count, -1)
    for first in range(0, streams.shape[1] - 1, length):
        last = min(first + length, streams.shape[1] - 1)
        yield streams[:, first:last], streams[:, first + 1 : last + 1]


def padded(pairs: list[Pair]) -> Pair:
    """A batch of pairs, each side padded to its longest."""
    sources, targets = zip(*pairs, strict=True)
    return pad_sequence(sources, True, PADDING), pad_sequence(targets, True, PADDING)


def shuffled(pairs: list[Pair], batch: int) -> DataLoader[Pair]:
    """Pairs in an order that is the same whenever it begins anew."""
    draw = torch.Generator().manual_seed(0)
    return DataLoader(pairs, batch, shuffle=True, collate_fn=padded, generator=draw)  # type: ignore[arg-type]


def step(optimizer: torch.optim.Optimizer, logits: Tensor, target: Tensor, ignore: int = -100) -> None:
    """Loss, gradient, update."""
    loss = nn.CrossEntropyLoss(ignore_index=ignore)(logits.flatten(0, 1), target.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss.item()


def train_lstm(net: nn.Module, tokens: Tensor, streams: int, length: int, steps: int) -> None:
    """So many updates, each from the state behind the one before."""
    optimizer, state = torch.optim.Adam(net.parameters()), None
    for x, y in islice(streams_of(tokens, streams, length), steps):
        state = None if state is None else tuple(part.detach() for part in state)
        logits, state = net(x, state)
        step(optimizer, logits, y)


def train_gpt(net: nn.Module, tokens: Tensor, batch: int, length: int, steps: int) -> None:
    """So many updates on windows in random order."""
    optimizer = torch.optim.Adam(net.parameters())
    for x, y in islice(DataLoader(WindowsOf(tokens, length), batch, shuffle=True), steps):
        step(optimizer, net(x), y)


def train_translator(net: nn.Module, pairs: list[Pair], batch: int, steps: int) -> None:
    """So many updates on pairs in random order; a target begins with `BEGIN`."""
    optimizer = torch.optim.Adam(net.parameters())
    for source, target in islice(shuffled(pairs, batch), steps):
        step(optimizer, net(source, target[:, :-1]), target[:, 1:], PADDING)
