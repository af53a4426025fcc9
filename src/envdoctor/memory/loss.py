"""The head and the loss on the tape, as each library computes them."""

from __future__ import annotations

from envdoctor.memory.layers import project
from envdoctor.memory.ops import cast, copy, scale, softcap, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.layers import Linear
    from envdoctor.memory.ops import Weight
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Gradients, Tape, Tensor


def loss_of(tape: Tape, x: Tensor, head: Linear, shape: Shape, run: Run) -> Tensor:
    """Compute the loss of the last hidden states. Only the full one runs the head's adapter: the others take its weight."""
    if run.loss == "chunked":
        return chunked(tape, x, head.base, run.tokens - run.batch)
    if run.loss == "rows":
        return by_rows(tape, x, head.base, run.tokens - run.batch)
    if run.loss == "liger":
        return liger(tape, x, head.base, run.tokens, shape)
    return full(tape, x, head, shape, run)


def full(tape: Tape, x: Tensor, head: Linear, shape: Shape, run: Run) -> Tensor:
    """Run `ForCausalLMLoss` of transformers: all logits, in 16 bit, in fp32, and their log_softmax.

    Under autocast accelerate converts the logits a model returns to fp32 once more (`convert_outputs_to_fp32`), and DDP clones what is
    returned when it looks for unused parameters (`_DDPSink`).
    """
    logits = project(tape, x, head)
    if tape.watched is not None:
        logits = tape.watched(logits)
    if shape.capped_logits:
        logits = softcap(tape, logits)
    elif shape.scaled_logits:
        logits = scale(tape, logits)
    loss = cross_entropy(tape, logits, shifted=run.shifted_logits)
    if tape.sent is not None:
        logits = tape.sent(logits)
    tape.casts.clear()  # autocast's region ends with the model, before what it returns is converted
    out = cast(tape, logits, 4) if tape.autocast and run.fp32_logits_out else logits
    del logits
    if run.cloned_outputs:
        _ = tape.new(out.elements, out.width)
        del _
    del out
    return loss


def chunked(tape: Tape, x: Tensor, head: Weight, rows: int) -> Tensor:
    """Run trl's fused head (`trl.models.chunked_logprob`): scores of 32,768 words for 4,096 rows at a time, both ways."""
    width, words, some, hidden = tape.half, 32768, min(rows, 4096), head.columns
    trained, of_head = head.leaf is not None, head.tensor.elements

    def back_rows(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(rows * hidden, width),)

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_head = tape.new(of_head, 4) if trained else None
        wide = tape.new(rows * hidden, 4)
        scores = tape.new(some * words, width)
        to_x = tape.new(rows * hidden, width)
        del wide, scores
        return to_x, tape.new(of_head, head.tensor.width) if to_head is not None and head.tensor.width != 4 else to_head

    x = cast(tape, x, width)
    chosen = tape.new(rows * hidden, width, tape.node((x,), [], back_rows))
    node = tape.node((chosen, head.tensor), [chosen], backward)
    scores = tape.new(some * words, width)
    del scores
    return tape.new(1, 4, node)


def by_rows(tape: Tape, x: Tensor, head: Weight, rows: int) -> Tensor:
    """Run trl's `_chunked_cross_entropy_loss`: 256 rows of logits at a time, with the head in fp32 and cast again, checkpointed."""
    hidden, words, some, trained = head.columns, head.rows, min(rows, 256), head.leaf is not None
    of_head, width = head.tensor.elements, head.tensor.width

    def part() -> None:
        wide, half = tape.new(of_head, 4), tape.new(of_head, tape.half)
        logits, likely = tape.new(some * words, tape.half), tape.new(some * words, 4)
        back, more = tape.new(some * words, 4), tape.new(some * words, 4)
        del wide, half, logits, likely, back, more

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_x = tape.new(rows * hidden, tape.half)
        to_head = tape.new(of_head, width) if trained else None
        part()
        return to_x, to_head

    x = cast(tape, x, tape.half)
    chosen = tape.new(rows * hidden, tape.half, tape.node((x,), [], lambda gradient, _: (tape.new(rows * hidden, tape.half),)))
    part()
    return tape.new(1, 4, tape.node((chosen, head.tensor), [chosen], backward))


def liger(tape: Tape, x: Tensor, head: Weight, tokens: int, shape: Shape) -> Tensor:
    """Run Liger's fused linear cross entropy: gradients are computed going forward, a few rows of logits at a time.

    The rows are those of `fused_linear_cross_entropy_forward`: tokens over ceil(vocabulary / hidden), up to a power of two.
    """
    width, parts = tape.half, -(-shape.vocab // shape.hidden)
    rows = min(tokens, 1 << (max(1, -(-tokens // parts)) - 1).bit_length())
    x = cast(tape, x, width)
    to_x = tape.new(tokens * shape.hidden, width)
    to_head = tape.new(head.tensor.elements, head.tensor.width) if head.leaf is not None else None
    logits = tape.new(rows * shape.vocab, width)
    more = tape.new(head.tensor.elements, width) if to_head is not None else None
    del logits, more
    kept = [to_x] if to_head is None else [to_x, to_head]

    def backward(gradient: Tensor, saved: list[Tensor]) -> Gradients:
        return saved[0], saved[1] if len(saved) > 1 else None

    return tape.new(1, 4, tape.node((x, head.tensor), kept, backward))


def cross_entropy(tape: Tape, logits: Tensor, *, shifted: bool) -> Tensor:
    """Run `logits.float()` and `cross_entropy`: log_softmax keeps its output; nll_loss goes back with a tensor of zeros of its size.

    `shifted` is the way of transformers before 4.50, which copied `logits[..., :-1, :]`.
    """
    wide = cast(tape, logits, 4)
    x = copy(tape, take(tape, wide, wide.elements)) if shifted else wide
    elements = x.elements

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, 4),)

    node = tape.node((x,), [], backward)
    likely = tape.new(elements, 4, node)
    tape.save(node, [likely])
    return tape.new(1, 4, tape.node((likely,), [likely], backward))
