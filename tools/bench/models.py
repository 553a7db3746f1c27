"""Models of the usual families in plain PyTorch, small and with random weights: what the PyTorch front end is measured and tested on.

Shapes in the docstrings: B is the batch, L the length of a sequence, W the width, H the heads, D = W / H the width of one. Models that
decode take the keys and values of earlier calls after their tokens, and give the ones for the next call after their logits; so
the cache grows by the tokens of a call.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

VOCABULARY = 211
"""Tokens that the language models know."""

POSITIONS = 512
"""The longest sequence of models that learn a vector for each position."""

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True)
class Decoder:
    """How a model generates: `start` gives the arguments of the first call beside the tokens."""

    start: Callable[[nn.Module, int], Inputs]
    """For a model and a batch."""
    fixed: int = 0
    """How many of them stay the same through the loop; the others are replaced by what each call gives."""


@dataclass(frozen=True)
class Model:
    """A model, how to make its arguments for a size, and the sizes that it is measured at."""

    make: Callable[..., nn.Module]
    """Takes `width` and `layers`."""
    inputs: Callable[[int], Inputs]
    sizes: tuple[int, ...]
    decoder: Decoder | None = None


def _split(x: Tensor, heads: int) -> Tensor:
    """[B, L, W] to [B, H, L, D]."""
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    """[B, H, L, D] to [B, L, W]."""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


def _linear(inner: int, outer: int, *, bias: bool = True) -> nn.Linear:
    return nn.Linear(inner, outer, bias=bias)


class BertLayer(nn.Module):
    """Attention over what the mask leaves, and two products with a gelu between; each added and normalised after. [B, L, W]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = _linear(width, width), _linear(width, width), _linear(width, width)
        self.out = _linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = _linear(width, 4 * width), _linear(4 * width, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        query, key, value = (_split(part(x), self.heads) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias
        x = self.attention_norm(x + self.out(_joined(scores.softmax(-1) @ value)))
        return self.norm(x + self.down(nnf.gelu(self.up(x))))


class Bert(nn.Module):
    """An encoder after BERT: tokens [B, L] and a mask [B, L] that is 1 for tokens that count, to [B, L, W] and a pooled [B, W]."""

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, width)
        self.position = nn.Embedding(POSITIONS, width)
        self.kind = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(BertLayer(width, heads) for _ in range(layers))
        self.pooler = _linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.token(tokens) + self.position(positions) + self.kind(torch.zeros_like(tokens))
        x = self.norm(x)
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        return x, torch.tanh(self.pooler(x[:, 0]))


class Gpt2Layer(nn.Module):
    """Causal attention with a cache [B, H, past, D] of keys and of values, and two products with a gelu; normalised before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = _linear(width, 3 * width), _linear(width, width)
        self.up, self.down = _linear(width, 4 * width), _linear(4 * width, width)

    def forward(self, x: Tensor, past_key: Tensor | None, past_value: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (_split(part, self.heads) for part in self.qkv(self.attention_norm(x)).chunk(3, -1))
        if past_key is not None and past_value is not None:
            key, value = torch.cat((past_key, key), 2), torch.cat((past_value, value), 2)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        below = torch.ones(scores.shape[-2:], dtype=torch.bool).tril(key.shape[2] - query.shape[2])
        scores = scores.masked_fill(~below, torch.finfo(scores.dtype).min)
        x = x + self.out(_joined(scores.softmax(-1) @ value))
        return x + self.down(nnf.gelu(self.up(self.norm(x)), approximate="tanh")), key, value


class Gpt2(nn.Module):
    """A decoder after GPT-2: tokens [B, L] and, for each layer, past keys and values, to logits [B, L, vocabulary] and these."""

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, width)
        self.position = nn.Embedding(POSITIONS, width)
        self.layers = nn.ModuleList(Gpt2Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, *past: Tensor) -> Inputs:
        seen = past[0].shape[2] if past else 0
        x = self.token(tokens) + self.position(torch.arange(seen, seen + tokens.shape[1], device=tokens.device))
        cache: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            key, value = past[2 * number : 2 * number + 2] if past else (None, None)
            x, key, value = layer(x, key, value)
            cache += [key, value]
        return nnf.linear(self.norm(x), self.token.weight), *cache


class RmsNorm(nn.Module):
    """x / sqrt(mean of x**2 + eps) * weight over the last dim, in f32 whatever the element type of x, as Llama and T5 do it."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x if x.dtype == torch.float64 else x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary embedding: pairs of elements of each head, halves apart, turned by their position's angles [L, D]."""
    one, two = x.chunk(2, -1)
    return x * cosine + torch.cat((-two, one), -1) * sine


class LlamaLayer(nn.Module):
    """Causal attention of H heads over fewer heads of keys and values, and SwiGLU; normalised before. The cache is [B, H / group, past, D]."""

    def __init__(self, width: int, heads: int, groups: int) -> None:
        super().__init__()
        self.heads, self.groups = heads, groups
        self.attention_norm, self.norm = RmsNorm(width), RmsNorm(width)
        shared = width // heads * groups
        self.query, self.out = _linear(width, width, bias=False), _linear(width, width, bias=False)
        self.key, self.value = _linear(width, shared, bias=False), _linear(width, shared, bias=False)
        inner = width * 8 // 3 // 8 * 8
        self.gate, self.up = _linear(width, inner, bias=False), _linear(width, inner, bias=False)
        self.down = _linear(inner, width, bias=False)

    def forward(
        self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor, past_key: Tensor | None, past_value: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        y = self.attention_norm(x)
        query = _rotated(_split(self.query(y), self.heads), cosine, sine)
        key = _rotated(_split(self.key(y), self.groups), cosine, sine)
        value = _split(self.value(y), self.groups)
        if past_key is not None and past_value is not None:
            key, value = torch.cat((past_key, key), 2), torch.cat((past_value, value), 2)
        found = nnf.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)
        x = x + self.out(_joined(found))
        y = self.norm(x)
        return x + self.down(nnf.silu(self.gate(y)) * self.up(y)), key, value


class Llama(nn.Module):
    """A decoder after Llama: RMSNorm, rotary embedding, grouped queries, SwiGLU. Tokens and cache to logits and cache, as `Gpt2`."""

    inverse: Tensor

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4, groups: int = 2) -> None:
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, width)
        self.layers = nn.ModuleList(LlamaLayer(width, heads, groups) for _ in range(layers))
        self.norm = RmsNorm(width)
        self.out = _linear(width, VOCABULARY, bias=False)
        even = torch.arange(0, width // heads, 2, dtype=torch.float32)
        self.register_buffer("inverse", 10000.0 ** (-even * heads / width), persistent=False)

    def forward(self, tokens: Tensor, *past: Tensor) -> Inputs:
        seen = past[0].shape[2] if past else 0
        x = self.token(tokens)
        steps = seen + tokens.shape[1]
        positions = torch.arange(seen, steps, device=tokens.device)
        angles = torch.outer(positions.to(self.inverse.dtype), self.inverse)
        angles = torch.cat((angles, angles), -1)
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        mask = torch.arange(steps, device=tokens.device) <= positions[:, None]
        cache: list[Tensor] = []
        for number, layer in enumerate(self.layers):
            key, value = past[2 * number : 2 * number + 2] if past else (None, None)
            x, key, value = layer(x, cosine, sine, mask, key, value)
            cache += [key, value]
        return self.out(self.norm(x)), *cache


class RelativeBias(nn.Module):
    """T5's bias of attention, [1, H, queries, keys]: a learned number for each bucket of distances, wider the farther."""

    def __init__(self, heads: int, *, both_ways: bool, buckets: int = 32, farthest: int = 128) -> None:
        super().__init__()
        self.both_ways, self.buckets, self.farthest = both_ways, buckets, farthest
        self.bias = nn.Embedding(buckets, heads)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        distance = keys[None, :] - queries[:, None]
        count, first = self.buckets, torch.zeros_like(distance)
        if self.both_ways:
            count //= 2
            first = (distance > 0).to(torch.long) * count
            distance = distance.abs()
        else:
            distance = -torch.minimum(distance, torch.zeros_like(distance))
        exact = count // 2
        far = torch.log(distance.float() / exact) / log(self.farthest / exact) * (count - exact)
        far = torch.minimum(exact + far.to(torch.long), torch.full_like(distance, count - 1))
        return self.bias(first + torch.where(distance < exact, distance, far)).permute(2, 0, 1)[None]


class T5Attention(nn.Module):
    """T5's attention: unscaled scores plus a bias. [B, L, W] and what is attended to, or its keys and values, to [B, L, W]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = _linear(width, width, bias=False), _linear(width, width, bias=False)
        self.value, self.out = _linear(width, width, bias=False), _linear(width, width, bias=False)

    def seen(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The keys and values [B, H, L, D] of what is attended to."""
        return _split(self.key(x), self.heads), _split(self.value(x), self.heads)

    def forward(self, x: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        scores = _split(self.query(x), self.heads) @ key.transpose(-1, -2)
        if bias is not None:
            scores = scores + bias
        return self.out(_joined(scores.float().softmax(-1).type_as(scores) @ value))


class T5Layer(nn.Module):
    """Attention to itself, in a decoder also to the encoder, and a gated gelu; normalised before."""

    def __init__(self, width: int, heads: int, *, decodes: bool) -> None:
        super().__init__()
        self.attention_norm, self.attention = RmsNorm(width), T5Attention(width, heads)
        self.cross_norm = RmsNorm(width) if decodes else None
        self.cross = T5Attention(width, heads) if decodes else None
        self.norm = RmsNorm(width)
        self.gate, self.up = _linear(width, 2 * width, bias=False), _linear(width, 2 * width, bias=False)
        self.down = _linear(2 * width, width, bias=False)

    def forward(
        self, x: Tensor, bias: Tensor, past: tuple[Tensor, ...] = (), encoded: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        y = self.attention_norm(x)
        key, value = self.attention.seen(y)
        if past:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        x = x + self.attention(y, key, value, bias)
        if self.cross is not None and self.cross_norm is not None and encoded is not None:
            x = x + self.cross(self.cross_norm(x), *self.cross.seen(encoded), None)
        y = self.norm(x)
        gated = nnf.gelu(self.gate(y), approximate="tanh") * self.up(y)
        return x + self.down(gated), key, value


class T5(nn.Module):
    """An encoder and a decoder after T5. Without a cache: source [B, S] and tokens [B, L] to logits, and the cache of the decoder.

    `encode` gives [B, S, W] for a source; given that in place of the source the encoder is not run.
    """

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.token = nn.Embedding(VOCABULARY, width)
        self.encoder_bias = RelativeBias(heads, both_ways=True)
        self.decoder_bias = RelativeBias(heads, both_ways=False)
        self.encoder = nn.ModuleList(T5Layer(width, heads, decodes=False) for _ in range(layers))
        self.decoder = nn.ModuleList(T5Layer(width, heads, decodes=True) for _ in range(layers))
        self.encoder_norm, self.norm = RmsNorm(width), RmsNorm(width)

    def encode(self, source: Tensor) -> Tensor:
        """Source tokens [B, S] to [B, S, W]."""
        x = self.token(source)
        positions = torch.arange(source.shape[1], device=source.device)
        bias = self.encoder_bias(positions, positions)
        for layer in self.encoder:
            x, _, _ = layer(x, bias)
        return self.encoder_norm(x)

    def forward(self, tokens: Tensor, source: Tensor, *past: Tensor) -> Inputs:
        encoded = source if source.is_floating_point() else self.encode(source)
        seen = past[0].shape[2] if past else 0
        x = self.token(tokens)
        keys = torch.arange(seen + tokens.shape[1], device=tokens.device)
        queries = keys[seen:]
        bias = self.decoder_bias(queries, keys)
        bias = bias.masked_fill(keys > queries[:, None], torch.finfo(bias.dtype).min)
        cache: list[Tensor] = []
        for number, layer in enumerate(self.decoder):
            x, key, value = layer(x, bias, past[2 * number : 2 * number + 2], encoded)
            cache += [key, value]
        return nnf.linear(self.norm(x) * self.scale, self.token.weight), *cache


class VitLayer(nn.Module):
    """Attention without a mask, and two products with a gelu; normalised before. [B, L, W]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.norm = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.out = _linear(width, 3 * width), _linear(width, width)
        self.up, self.down = _linear(width, 4 * width), _linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.out(_joined(nnf.scaled_dot_product_attention(query, key, value)))
        return x + self.down(nnf.gelu(self.up(self.norm(x))))


class Vit(nn.Module):
    """A vision transformer: images [B, 3, Y, X], of up to 16 patches of 8 either way, to logits [B, 10]."""

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4, patch: int = 8) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.first = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = nn.Parameter(torch.randn(1, width, 16, 16) * 0.02)
        self.layers = nn.ModuleList(VitLayer(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), _linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images)
        x = (x + self.position[:, :, : x.shape[2], : x.shape[3]]).flatten(2).transpose(1, 2)
        x = torch.cat((self.first.expand(x.shape[0], -1, -1), x), 1)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)[:, 0])


class ResNetBlock(nn.Module):
    """Two 3x3 convolutions, normalised over the batch, and what came in added. [B, C, Y, X] to [B, C', Y / stride, X / stride]."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.one_norm = nn.BatchNorm2d(outer)
        self.two = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.two_norm = nn.BatchNorm2d(outer)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inner != outer:
            self.shortcut = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x: Tensor) -> Tensor:
        y = nnf.relu(self.one_norm(self.one(x)), inplace=True)
        y = self.two_norm(self.two(y))
        y += self.shortcut(x)
        return nnf.relu(y, inplace=True)


class ResNet(nn.Module):
    """A residual network: images [B, 3, Y, X] to logits [B, 10]. Each further layer halves the sides and doubles the channels."""

    def __init__(self, width: int = 16, layers: int = 2) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(
            *(
                ResNetBlock(width << max(number - 1, 0), width << number, 1 if number == 0 else 2)
                for number in range(layers)
            )
        )
        self.head = _linear(width << (layers - 1), 10)
        for norm in self._norms():  # as after some training
            nn.init.normal_(norm.weight, 1.0, 0.1)
            nn.init.normal_(norm.bias, 0.0, 0.1)
            if norm.running_mean is not None and norm.running_var is not None:
                nn.init.normal_(norm.running_mean, 0.0, 0.1)
                nn.init.uniform_(norm.running_var, 0.5, 1.5)

    def _norms(self) -> Iterator[nn.BatchNorm2d]:
        return (module for module in self.modules() if isinstance(module, nn.BatchNorm2d))

    def forward(self, images: Tensor) -> Tensor:
        x = nnf.relu(self.stem_norm(self.stem(images)))
        return self.head(nnf.adaptive_avg_pool2d(self.blocks(x), 1).flatten(1))


def _tokens(batch: int, length: int) -> Tensor:
    return torch.randint(0, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(length))


def _sentences(length: int) -> Inputs:
    """Two sentences, the second of them shorter and padded."""
    mask = torch.ones(2, length, dtype=torch.int64)
    mask[1, length - length // 3 :] = 0
    return _tokens(2, length), mask


def _images(side: int) -> Inputs:
    return (torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(side)),)


def _empty_cache(layers: int, heads: int, head: int, batch: int, kind: torch.dtype) -> Inputs:
    return tuple(torch.zeros(batch, heads, 0, head, dtype=kind) for _ in range(2 * layers))


def _first_of_gpt2(model: nn.Module, batch: int) -> Inputs:
    assert isinstance(model, Gpt2)
    layer = model.layers[0]
    assert isinstance(layer, Gpt2Layer)
    weight = model.token.weight
    return _empty_cache(len(model.layers), layer.heads, weight.shape[1] // layer.heads, batch, weight.dtype)


def _first_of_llama(model: nn.Module, batch: int) -> Inputs:
    assert isinstance(model, Llama)
    layer = model.layers[0]
    assert isinstance(layer, LlamaLayer)
    weight = model.token.weight
    return _empty_cache(len(model.layers), layer.groups, weight.shape[1] // layer.heads, batch, weight.dtype)


def _first_of_t5(model: nn.Module, batch: int) -> Inputs:
    assert isinstance(model, T5)
    layer = model.decoder[0]
    assert isinstance(layer, T5Layer)
    weight = model.token.weight
    heads = layer.attention.heads
    cache = _empty_cache(len(model.decoder), heads, weight.shape[1] // heads, batch, weight.dtype)
    return model.encode(_tokens(batch, 13)), *cache


MODELS: dict[str, Model] = {
    "bert": Model(Bert, _sentences, (5, 17, 30, 43, 64)),
    "gpt2": Model(Gpt2, lambda length: (_tokens(2, length),), (5, 17, 30, 43, 64), Decoder(_first_of_gpt2)),
    "llama": Model(Llama, lambda length: (_tokens(2, length),), (5, 17, 30, 43, 64), Decoder(_first_of_llama)),
    "t5": Model(
        T5,
        lambda length: (_tokens(2, length // 2 + 2), _tokens(2, length)),
        (7, 17, 30, 43, 64),
        Decoder(_first_of_t5, fixed=1),
    ),
    "vit": Model(Vit, _images, (24, 40, 48, 64, 96)),
    "resnet": Model(ResNet, _images, (16, 24, 30, 40, 56)),
}
"""The models, by name."""


def made(name: str, *, seed: int = 0, kind: torch.dtype = torch.float32, **sizes: int) -> nn.Module:
    """A model with random weights, in evaluation; `sizes` go to its constructor (`width`, `layers`)."""
    state = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    model = MODELS[name].make(**sizes).to(kind).eval()
    torch.default_generator.set_state(state)
    return model


def decode(
    model: nn.Module, name: str, run: Callable[..., Inputs], steps: int, *, batch: int = 2, prompt: int = 5
) -> list[Tensor]:
    """Generate greedily, with `run` in place of calls of the model: the logits [B, tokens, vocabulary] of each step.

    The first step takes all of the prompt and a cache of length 0, each further one a token and a cache grown by the step before.
    """
    decoder = MODELS[name].decoder
    assert decoder is not None
    tokens = _tokens(batch, prompt)
    rest = decoder.start(model, batch)
    found: list[Tensor] = []
    for _ in range(steps):
        logits, *cache = run(tokens, *rest)
        found.append(logits)
        rest = (*rest[: decoder.fixed], *cache)
        tokens = logits[:, -1:].argmax(-1)
    return found
