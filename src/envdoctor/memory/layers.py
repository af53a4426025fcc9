"""Layers on the tape, line by line as transformers' modelling files and peft's `Linear.forward` run them."""

from __future__ import annotations

from envdoctor.memory.ops import (
    add,
    cast,
    concatenate,
    copy,
    halves,
    linear,
    mean_of,
    mul,
    negate,
    rsqrt,
    scale,
    square_mean,
    take,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.tape import Gradients, Tape, Tensor


class Linear:
    """A projection, with LoRA around it or not; DoRA adds a magnitude for each output."""

    __slots__ = ("a", "b", "base", "bias", "magnitude")

    def __init__(self, base: Weight, bias: Weight | None, a: Weight | None, b: Weight | None, magnitude: Weight | None) -> None:
        self.base = base
        self.bias = bias
        self.a = a
        self.b = b
        self.magnitude = magnitude


def project(tape: Tape, x: Tensor, layer: Linear) -> Tensor:
    """Run a projection and its adapter: peft `lora.Linear.forward`, or `lora.bnb.Linear4bit.forward` on a 4-bit base."""
    result = linear(tape, x, layer.base, layer.bias)
    if layer.a is None or layer.b is None:
        return result
    if layer.magnitude is not None:
        return dora(tape, x, result, layer)
    width = result.width
    if layer.base.four_bit:
        result = copy(tape, result)  # "defensively clone here"
        if not tape.autocast:
            x = cast(tape, x, layer.a.tensor.width)
        return add(tape, result, scale(tape, linear(tape, linear(tape, x, layer.a), layer.b)))
    x = cast(tape, x, layer.a.tensor.width)
    result = add(tape, result, scale(tape, linear(tape, linear(tape, x, layer.a), layer.b)))
    return cast(tape, result, width)


def norm(tape: Tape, x: Tensor, weight: Weight, style: str) -> Tensor:
    """Run RMSNorm in fp32: `llama` scales after the cast back, `olmo` before it, `gemma` by one plus the weight before it."""
    before, columns = x.width, weight.columns
    if style in ("layer", "bare", "narrow"):
        return layer_norm(tape, x, weight, wide=style != "narrow")
    if style == "fused":
        return fused_norm(tape, x, weight)
    if style == "centred":
        return centred_norm(tape, x, weight)
    x = cast(tape, x, 4)
    factor = rsqrt(tape, square_mean(tape, x, columns))
    x = mul(tape, x, factor)
    del factor
    if style == "llama":
        return mul(tape, weight.tensor, cast(tape, x, before))
    if style == "olmo":
        return cast(tape, mul(tape, weight.tensor, x), before)
    x = mul(tape, x, cast(tape, weight.tensor, 4) if weight.leaf is not None else weight.tensor)
    return cast(tape, x, before)


def centred_norm(tape: Tape, x: Tensor, weight: Weight) -> Tensor:
    """Run `CohereLayerNorm`: a layer norm written out in fp32, which takes the mean off twice."""
    before, columns = x.width, weight.columns
    x = cast(tape, x, 4)
    mean = mean_of(tape, x, columns)
    factor = rsqrt(tape, square_mean(tape, add(tape, x, mean), columns))
    x = mul(tape, add(tape, x, mean), factor)
    del mean, factor
    return cast(tape, mul(tape, cast(tape, weight.tensor, 4), x), before)


def layer_norm(tape: Tape, x: Tensor, weight: Weight, *, wide: bool) -> Tensor:
    """Run LayerNorm, which autocast does in fp32, Nemotron itself in 16 bit; saves its input, mean and deviation (`native_layer_norm`)."""
    x = cast(tape, x, 4 if tape.autocast and wide else x.width)
    elements, width, rows, leaf = x.elements, x.width, x.elements // weight.columns, weight.leaf

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return tape.new(elements, width), tape.new(weight.columns, weight.tensor.width) if leaf is not None else None

    node = tape.node((x, weight.tensor), [x], backward)
    out = tape.new(elements, width, node)
    mean, deviation = tape.new(rows, 4), tape.new(rows, 4)
    tape.save(node, [mean, deviation])
    return out


def fused_norm(tape: Tape, x: Tensor, weight: Weight) -> Tensor:
    """Run Liger's RMSNorm: saves its input and one figure a row, and writes the gradient over the one it is given."""
    rows, leaf = x.elements // weight.columns, weight.leaf

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return gradient, tape.new(weight.columns, weight.tensor.width) if leaf is not None else None

    node = tape.node((x, weight.tensor), [x], backward)
    out = tape.new(x.elements, x.width, node)
    tape.save(node, [tape.new(rows, 4)])
    return out


def fused_gate(tape: Tape, gate: Tensor, up: Tensor) -> Tensor:
    """Run Liger's SwiGLU: saves both inputs, and writes their gradients over them."""

    def backward(gradient: Tensor, saved: list[Tensor]) -> Gradients:
        return saved[0], saved[1]

    return tape.new(gate.elements, gate.width, tape.node((gate, up), [gate, up], backward))


def rotate(tape: Tape, x: Tensor, cos: Tensor, sin: Tensor, style: str) -> Tensor:
    """Run one half of `apply_rotary_pos_emb`; gpt-oss turns two chunks (`_apply_rotary_emb`), all others `rotate_half`, Cohere in fp32."""
    if style == "chunk":
        left, right = halves(tape, x)
        first = add(tape, mul(tape, left, cos), mul(tape, right, sin))
        second = add(tape, mul(tape, right, cos), mul(tape, left, sin))
        return concatenate(tape, first, second)
    if not style:
        return x
    before = x.width
    if style == "wide":
        x = cast(tape, x, 4)
    first = mul(tape, x, cos)
    return cast(tape, add(tape, first, mul(tape, rotate_half(tape, x), sin)), before)


def rotate_half(tape: Tape, x: Tensor) -> Tensor:
    """Run `rotate_half`."""
    left = take(tape, x, x.elements // 2)
    right = take(tape, x, x.elements // 2)
    return concatenate(tape, negate(tape, right), left)


def dora(tape: Tape, x: Tensor, result: Tensor, layer: Linear) -> Tensor:
    """Run `DoraLinearLayer.forward`: the adapter's whole matrix is built for its norm, in the width of the adapter."""
    assert layer.a is not None and layer.b is not None and layer.magnitude is not None
    outputs, inputs, width = layer.base.rows, layer.base.columns, layer.a.tensor.width
    before = result.width
    x = cast(tape, x, width)
    eye = tape.new(inputs * inputs, width)
    tape.detached = True
    whole = linear(tape, linear(tape, eye, layer.a), layer.b)
    tape.detached = False
    del eye
    whole = cast(tape, whole, width)
    wide = cast(tape, layer.base.tensor, width)
    summed = tape.new(outputs * inputs, width)  # weight + scaling * lora_weight, after the product
    del summed, wide, whole
    magnitude = scale(tape, layer.magnitude.tensor)
    low = linear(tape, linear(tape, x, layer.a), layer.b)
    first = mul(tape, scale(tape, magnitude), result)
    second = scale(tape, mul(tape, magnitude, low))
    del low
    return cast(tape, add(tape, result, add(tape, first, second)), before)
