"""Operations on the tape: what each allocates, saves and hands back.

Saved tensors and temporaries follow PyTorch's `derivatives.yaml`, `FunctionsManual.cpp` and the CUDA kernels; widths under autocast
follow `autocast_mode.h` (linear, matmul and scaled_dot_product_attention run in 16 bit; pow, rsqrt and softmax in fp32).
"""

from __future__ import annotations

from envdoctor.memory.tape import Leaf, Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.memory.tape import Gradients, Tape


class Weight:
    """A matrix or vector of the model: what it takes, whether it is trained, and how a quantised one is stored."""

    __slots__ = ("columns", "four_bit", "leaf", "rows", "tensor")

    def __init__(self, rows: int, columns: int, width: int, *, trained: bool, four_bit: bool = False) -> None:
        self.rows = rows  # outputs
        self.columns = columns  # inputs
        self.four_bit = four_bit
        self.leaf = Leaf() if trained else None
        self.tensor = Tensor(None, rows * columns, width, self.leaf)


def cast(tape: Tape, x: Tensor, width: int) -> Tensor:
    """Convert to another width; the same tensor when it already has it."""
    before = x.width
    if before == width:
        return x
    elements = x.elements

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (cast_plain(tape, gradient, before) if gradient.width != before else gradient,)

    node = tape.node((x,), [], backward)
    return tape.new(elements, width, node)


def passage(tape: Tape, x: Tensor, call: Callable[[], None]) -> Tensor:
    """Hand on the same tensor, and call when its gradient comes by on the way back."""

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        call()
        return (gradient,)

    return x.view(node=tape.node((x,), [], backward))


def cast_plain(tape: Tape, x: Tensor, width: int) -> Tensor:
    """Convert without a way back."""
    return x if x.width == width else tape.new(x.elements, width)


def weight_of(tape: Tape, weight: Weight, width: int) -> Tensor:
    """Give a parameter in the width that an operation runs in; autocast keeps casts of trained leaves (`cached_cast`)."""
    tensor = weight.tensor
    if tensor.width == width:
        return tensor
    if weight.leaf is None:
        return cast(tape, tensor, width)
    kept = tape.casts.get(id(weight))
    if kept is None:
        kept = tape.casts[id(weight)] = cast(tape, tensor, width)
    return kept


def linear(tape: Tape, x: Tensor, weight: Weight, bias: Weight | None = None) -> Tensor:
    """Multiply by a matrix: saves its input when the matrix is trained, and the matrix when the input needs a gradient."""
    if weight.four_bit:
        return linear_4bit(tape, x, weight)
    rows = x.elements // weight.columns
    width = tape.half if tape.autocast else x.width
    x = cast(tape, x, width)
    matrix = weight_of(tape, weight, width)
    added = weight_of(tape, bias, width) if bias is not None else None
    trained, needs = matrix.node is not None, x.node is not None
    outputs, inputs = weight.rows, weight.columns

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_bias = tape.new(outputs, width) if added_trained else None
        to_matrix = tape.new(outputs * inputs, width) if trained else None
        tape.work(1)
        to_x = tape.new(rows * inputs, width) if needs else None
        # both are handed on as views: transposed, and with the batch unfolded
        return to_x and to_x.view(), to_matrix and to_matrix.view(), to_bias

    added_trained = added is not None and added.node is not None
    saved = ([x] if trained else []) + ([matrix] if needs else [])
    node = tape.node((x, matrix, added), saved, backward)
    return tape.new(rows * outputs, width, node)


def linear_4bit(tape: Tape, x: Tensor, weight: Weight) -> Tensor:
    """Multiply by an NF4 matrix (bitsandbytes `Linear4bit.forward` and `MatMul4Bit`): the 16-bit matrix exists only meanwhile."""
    before = x.width
    rows = x.elements // weight.columns
    x = cast(tape, x, tape.half)
    outputs, inputs = weight.rows, weight.columns

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        dequantised = dequantise(tape, outputs * inputs)
        to_x = tape.new(rows * inputs, tape.half)
        del dequantised
        return (to_x,)

    dequantised = dequantise(tape, outputs * inputs) if rows > 1 else None
    node = tape.node((x,), [], backward)
    out = tape.new(rows * outputs, tape.half, node)
    del dequantised
    return cast(tape, out, before)


def dequantise(tape: Tape, elements: int) -> Tensor:
    """Give the 16-bit matrix of an NF4 one; its scales, one per 64 elements, are in fp32 while it is made."""
    scales = tape.new(elements // 64, 4)
    out = tape.new(elements, tape.half)
    del scales
    return out


def add(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """Add: saves nothing, and hands the same gradient to both."""
    width = max(a.width, b.width)
    to_a, to_b = a.width, b.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return cast_plain(tape, gradient, to_a), cast_plain(tape, gradient, to_b)

    node = tape.node((a, b), [], backward)
    return tape.new(max(a.elements, b.elements), width, node)


def dropped(tape: Tape, x: Tensor) -> Tensor:
    """Leave some out (`native_dropout`): saves one byte an element."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width),)

    node = tape.node((x,), [], backward)
    out = tape.new(elements, width, node)
    tape.save(node, [tape.new(elements, 1)])
    return out


def squared_relu(tape: Tape, x: Tensor) -> Tensor:
    """Apply `ReLUSquaredActivation`: relu saves its output, and autocast squares it in fp32, which saves its input."""
    x = keeping(tape, x)
    x = cast(tape, x, 4 if tape.autocast else x.width)
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        power = tape.new(elements, width)
        doubled = tape.new(elements, width)
        out = tape.new(elements, width)
        del power, doubled
        return (out,)

    return tape.new(elements, width, tape.node((x,), [x], backward))


def plus(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """Add the second to the first in place (`+=`)."""
    return a.view(node=tape.node((a, b), [], lambda gradient, _: (gradient, gradient)))


def mul(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """Multiply elementwise; the smaller operand is broadcast, so its full-sized gradient is summed afterwards."""
    width, elements = max(a.width, b.width), max(a.elements, b.elements)
    needs_a, needs_b = a.node is not None, b.node is not None
    of_a, of_b, width_a, width_b = a.elements, b.elements, a.width, b.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_b = tape.new(elements, width) if needs_b else None
        to_a = tape.new(elements, width) if needs_a else None
        if to_a is not None and (of_a != elements or width_a != width):
            to_a = tape.new(of_a, width_a)
        if to_b is not None and (of_b != elements or width_b != width):
            to_b = tape.new(of_b, width_b)
        return to_a, to_b

    node = tape.node((a, b), ([b] if needs_a else []) + ([a] if needs_b else []), backward)
    return tape.new(elements, width, node)


def scale(tape: Tape, x: Tensor) -> Tensor:
    """Multiply by a number."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width),)

    return tape.new(elements, width, tape.node((x,), [], backward))


def activation(tape: Tape, x: Tensor) -> Tensor:
    """Apply silu or gelu: saves its input."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width),)

    return tape.new(elements, width, tape.node((x,), [x], backward))


def square_mean(tape: Tape, x: Tensor, columns: int) -> Tensor:
    """Take `x.pow(2).mean(-1)`; its way back makes three tensors of the size of x for a moment (`pow_backward`)."""
    elements = x.elements

    def backward_pow(gradient: Tensor, _: list[Tensor]) -> Gradients:
        power = tape.new(elements, 4)
        scaled = tape.new(elements, 4)
        out = tape.new(elements, 4)
        del power, scaled
        return (out,)

    def backward_mean(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, 4),)

    squared = tape.new(elements, 4, tape.node((x,), [x], backward_pow))
    return tape.new(elements // columns, 4, tape.node((squared,), [], backward_mean))


def mean_of(tape: Tape, x: Tensor, columns: int) -> Tensor:
    """Take the mean of each row; the way back is a row spread out and divided."""
    elements, width = x.elements, x.width
    return tape.new(elements // columns, width, tape.node((x,), [], lambda gradient, _: (tape.new(elements, width),)))


def rsqrt(tape: Tape, x: Tensor) -> Tensor:
    """Take one over the root: saves its output."""
    elements = x.elements

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, 4),)

    moved = tape.new(elements, 4, tape.node((x,), [], lambda gradient, _: (gradient,)))
    node = tape.node((moved,), [], backward)
    out = tape.new(elements, 4, node)
    tape.save(node, [out])
    return out


def take(tape: Tape, x: Tensor, elements: int) -> Tensor:
    """Take a slice: a view, whose way back fills a whole tensor with zeros (`slice_backward`)."""
    before, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(before, width),)

    return Tensor(x.buffer, elements, width, tape.node((x,), [], backward))


def negate(tape: Tape, x: Tensor) -> Tensor:
    """Take the negative."""
    elements, width = x.elements, x.width
    return tape.new(elements, width, tape.node((x,), [], lambda gradient, _: (tape.new(elements, width),)))


def concatenate(tape: Tape, a: Tensor, b: Tensor) -> Tensor:
    """Join two tensors; the way back is two views."""
    of_a, of_b = a.elements, b.elements

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return gradient.view(of_a), gradient.view(of_b)

    return tape.new(of_a + of_b, a.width, tape.node((a, b), [], backward))


def copy(tape: Tape, x: Tensor, times: int = 1) -> Tensor:
    """Copy, `times` over (repeat_kv of grouped heads): the way back sums the copies."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width) if times > 1 else gradient,)

    return tape.new(elements * times, width, tape.node((x,), [], backward))


def halves(tape: Tape, x: Tensor) -> tuple[Tensor, Tensor]:
    """Take both halves of the last dimension as views (`chunk`); the way back joins their gradients when the second arrives."""
    elements, width = x.elements, x.width
    whole = tape.node((x,), [], lambda gradient, _: (gradient,))
    if whole is None:
        return x.view(elements // 2), x.view(elements // 2)
    kept: list[Tensor] = []

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        if not kept:
            kept.append(gradient)
            return (None,)
        joined = tape.new(elements, width)
        kept.clear()
        return (joined,)

    left = Tensor(x.buffer, elements // 2, width, whole)
    first = tape.node((left,), [], backward)
    second = tape.node((left,), [], backward)
    return x.view(elements // 2, first), x.view(elements // 2, second)


def gather(tape: Tape, x: Tensor, elements: int) -> Tensor:
    """Pick rows by index: the way back adds them into zeros, after sorting the indices."""
    before, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(before, width),)

    return tape.new(elements, width, tape.node((x,), [], backward))


def softcap(tape: Tape, x: Tensor) -> Tensor:
    """Divide, take tanh and multiply, as gemma 2 does with scores and logits; tanh saves its output."""
    return scale(tape, keeping(tape, scale(tape, x)))


def keeping(tape: Tape, x: Tensor) -> Tensor:
    """Apply a function that saves its output: tanh, sigmoid."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width),)

    node = tape.node((x,), [], backward)
    out = tape.new(elements, width, node)
    tape.save(node, [out])
    return out


def new_gelu(tape: Tape, x: Tensor) -> Tensor:
    """Run `NewGELUActivation` of transformers, which is no kernel: a power, in fp32 under autocast, a tanh, and six products and sums."""
    half = scale(tape, x)
    wide = cast(tape, x, 4) if tape.autocast else x
    cubed = scale(tape, activation(tape, wide))  # a power saves its input, as an activation does
    cubed = scale(tape, add(tape, x, cubed))
    cubed = keeping(tape, cubed)
    cubed = scale(tape, cubed)
    return mul(tape, half, cubed)
