"""Attention on the tape: the fused kernels, and the eager ways that write the whole matrix of scores."""

from __future__ import annotations

from envdoctor.memory.ops import cast, copy, scale, softcap, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.tape import Gradients, Tape, Tensor


def sdpa(tape: Tape, q: Tensor, k: Tensor, v: Tensor, *, size: int, shared: int, mask: int) -> Tensor:
    """Run the attention kernel: saves q, k, v, its output and one fp32 figure a row and head, and the mask where there is one.

    `mask` is its cells: `sdpa_attention_forward` repeats keys and values before a masked call, and the kernel takes a bool mask as a
    tensor of the type of q. Backward, cuDNN takes an fp32 sum of dq, one more fp32 figure a row and head, and 16-bit dk and dv of every
    query head where heads share keys: read from the allocator's record of ten shapes on sm_90, and what flash-attention 2 allocates in
    `mha_bwd` too.
    """
    if mask and shared > 1:
        k, v = repeat(tape, k, shared, q.elements), repeat(tape, v, shared, q.elements)
    if tape.autocast:
        q, k, v = cast(tape, q, tape.half), cast(tape, k, tape.half), cast(tape, v, tape.half)
    of_q, of_k, width = q.elements, k.elements, q.width
    rows = of_q // size  # tokens x heads

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_q, to_k, to_v = tape.new(of_q, width), tape.new(of_k, width), tape.new(of_k, width)
        tape.new(rows * (4 * size + (4 * size if of_k != of_q else 0) + 4), 1)
        return to_q, to_k, to_v

    bias = [tape.new(mask, width)] if mask else []
    node = tape.node((q, k, v), [q, k, v, *bias], backward)
    out = tape.new(of_q, width, node)
    sums = tape.new(rows, 4)
    tape.save(node, [out, sums])
    return out


def composed(tape: Tape, q: Tensor, k: Tensor, v: Tensor, *, shared: int, cells: int, batch: int) -> Tensor:
    """Run `_scaled_dot_product_attention_math`, which PyTorch falls back on where keys have other heads than queries, as Falcon's one has.

    Everything is in fp32; the one key head is spread by `matmul`, which copies it where there is more than one sample.
    """
    before, size = q.width, q.elements
    if tape.autocast:
        q, k, v = cast(tape, q, tape.half), cast(tape, k, tape.half), cast(tape, v, tape.half)
        before = tape.half
    wide_q, wide_k, wide_v = cast(tape, q, 4), cast(tape, k, 4), cast(tape, v, 4)
    scaled = scale(tape, wide_q)
    square = cells // (batch * shared)
    allowed = tape.new(square, 1)
    mask = tape.new(square, before)
    del allowed
    scores = product(tape, scaled, spread(tape, scale(tape, wide_k), shared, batch), cells)  # the mask is added in place
    weights = safe_softmax(tape, scores)
    del scores
    narrow = tape.new(cells, before)  # the weights are handed out too, and dropped
    out = cast(tape, product(tape, weights, spread(tape, wide_v, shared, batch), size), before)
    del wide_k, wide_q, narrow, mask
    return copy(tape, out)  # heads are put side by side


def spread(tape: Tape, x: Tensor, times: int, batch: int) -> Tensor:
    """Expand one head to many, as `matmul` does: a view for one sample, a copy for more."""
    if batch > 1:
        return copy(tape, x, times)
    before, width = x.elements, x.width
    return x.view(before * times, tape.node((x,), [], lambda gradient, _: (tape.new(before, width),)))


def safe_softmax(tape: Tape, x: Tensor) -> Tensor:
    """Run `_safe_softmax`: the softmax, and a bool for each score that is minus infinity; rows of those alone are filled in place."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        between = tape.new(elements, width)
        out = tape.new(elements, width)
        del between
        return (out,)

    node = tape.node((x,), [], backward)
    out = tape.new(elements, width, node)
    masked = tape.new(elements, 1)
    del masked
    tape.save(node, [out])
    return out


def repeat(tape: Tape, x: Tensor, times: int, elements: int) -> Tensor:
    """Run `repeat_kv`: a copy, but a view where one head serves all."""
    if times == 1:
        return x
    if elements // times != x.elements:
        raise ValueError("heads do not divide")
    if tape.one_key_head:
        before, width = x.elements, x.width
        return x.view(elements, tape.node((x,), [], lambda gradient, _: (tape.new(before, width),)))
    return copy(tape, x, times)


def eager(tape: Tape, q: Tensor, k: Tensor, v: Tensor, *, shared: int, cells: int, capped: bool) -> tuple[Tensor, Tensor]:
    """Run `eager_attention_forward` over `cells` scores (batch x heads x length squared): the whole matrix, several times.

    The weights are returned too: a layer holds them (`hidden_states, _ = self.self_attn(...)`) until it is done.
    """
    k, v = repeat(tape, k, shared, q.elements), repeat(tape, v, shared, q.elements)
    before, size = q.width, q.elements
    q = copy(tape, q)  # bmm wants it in one piece
    scores = scale(tape, matmul(tape, q, k, cells))
    if capped:
        scores = softcap(tape, scores)
    scores = masked(tape, scores)
    weights = softmax(tape, scores)
    scores = weights = cast(tape, weights, before)
    del scores
    return copy(tape, matmul(tape, weights, v, size)), weights


def sinks(tape: Tape, q: Tensor, k: Tensor, v: Tensor, *, shared: int, cells: int, rows: int) -> tuple[Tensor, Tensor]:
    """Run gpt-oss's `eager_attention_forward`: one more column for the sink, and the softmax in the type of the scores."""
    k, v = repeat(tape, k, shared, q.elements), repeat(tape, v, shared, q.elements)
    scores = scale(tape, matmul(tape, q, k, cells))
    scores = masked(tape, scores)
    width, whole = scores.width, cells + rows

    def back_join(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (gradient.view(cells),)

    def back_less(gradient: Tensor, _: list[Tensor]) -> Gradients:
        negative = tape.new(whole, width)
        most = tape.new(rows, width)
        del negative
        scattered = tape.new(whole, width)  # the maximum's own way back; added to the gradient in place
        del most, scattered
        return (gradient,)

    def back_softmax(gradient: Tensor, _: list[Tensor]) -> Gradients:
        product = tape.new(whole, width)
        out = tape.new(whole, width)
        del product
        return (out,)

    joined = tape.new(whole, width, tape.node((scores,), [], back_join))
    most = tape.new(rows, width)
    lowered = tape.new(whole, width, tape.node((joined,), [], back_less))
    del joined, most
    node = tape.node((lowered,), [], back_softmax)
    weights = tape.new(whole, width, node)
    tape.save(node, [weights])
    scores = take(tape, weights, cells)
    out = copy(tape, matmul(tape, scores, v, q.elements))
    del lowered
    return out, scores


def matmul(tape: Tape, a: Tensor, b: Tensor, elements: int) -> Tensor:
    """Multiply two batches of matrices; saves both."""
    width = tape.half if tape.autocast else a.width
    return product(tape, cast(tape, a, width), cast(tape, b, width), elements)


def product(tape: Tape, a: Tensor, b: Tensor, elements: int) -> Tensor:
    """Multiply two batches of matrices in the width they have; saves both."""
    width = a.width
    of_a, of_b, needs_a, needs_b = a.elements, b.elements, a.node is not None, b.node is not None

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_b = tape.new(of_b, width) if needs_b else None  # first, as `BmmBackward0` does
        to_a = tape.new(of_a, width) if needs_a else None
        return to_a, to_b

    node = tape.node((a, b), ([b] if needs_a else []) + ([a] if needs_b else []), backward)
    return tape.new(elements, width, node)


def masked(tape: Tape, scores: Tensor) -> Tensor:
    """Add the mask, which wants no gradient."""
    return tape.new(scores.elements, scores.width, tape.node((scores,), [], lambda gradient, _: (gradient,)))


def softmax(tape: Tape, x: Tensor) -> Tensor:
    """Take the softmax in fp32: saves its output, and goes back with a product of its own size (`_softmax_backward_data`).

    From 16 bit the conversion is a kernel of its own under autocast; without autocast, fp16 is read by the softmax kernel itself.
    """
    elements = x.elements
    x = cast(tape, x, 4)

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        product = tape.new(elements, 4)
        out = tape.new(elements, 4)
        del product
        return (out,)

    node = tape.node((x,), [], backward)
    out = tape.new(elements, 4, node)
    tape.save(node, [out])
    return out
