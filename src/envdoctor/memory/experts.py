"""Mixtures of experts on the tape: the router, and `grouped_mm_experts_forward` of transformers 5, which computes all experts at once.

Rows are tokens times experts per token, however they are routed, so routing changes nothing here. Where peft wraps the experts' parameters
(`ParamWrapper`), the weights of all experts are added to their adapters' product for the length of a layer.
"""

from __future__ import annotations

from envdoctor.memory.ops import Weight, activation, cast, gather, halves, keeping, linear, mul, scale, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Gradients, Tape, Tensor


class Experts:
    """The router and the experts of one layer; experts are one three-dimensional parameter each way, with biases the router's too."""

    __slots__ = ("adapted", "biases", "down", "gate_up", "router", "size")

    def __init__(self, shape: Shape, run: Run) -> None:
        trained = run.method == "full"
        self.size = size = shape.expert_size
        packed = run.four_bit_experts
        self.router = Weight(shape.experts, shape.hidden, run.other_width, trained=trained)
        self.gate_up = Weight(shape.experts * 2 * size, shape.hidden, run.width, trained=trained, four_bit=packed)
        self.down = Weight(shape.experts * shape.hidden, size, run.width, trained=trained, four_bit=packed)
        self.biases: list[Weight] = []
        if shape.expert_bias:
            self.biases = [Weight(shape.experts, columns, run.other_width, trained=trained) for columns in (2 * size, shape.hidden, 1)]

        self.adapted: dict[str, tuple[Weight, Weight]] = {}  # by parameter: what an adapter adds to it
        for name, inputs, outputs, rank in (
            ("gate_up", shape.hidden, 2 * size, 2 * run.rank * shape.experts),  # two projections in one: twice the rank
            ("down", size, shape.hidden, run.rank * shape.experts),
            ("router", shape.hidden, shape.experts, run.rank),
        ):
            if name in run.adapted_experts:
                a, b = (Weight(*sizes, run.adapter_width, trained=True) for sizes in ((rank, inputs), (outputs, rank)))
                self.adapted[name] = (a, b)

    def weights(self) -> list[Weight]:
        """Return all parameters."""
        return [self.router, self.gate_up, self.down, *self.biases]

    def adapters(self) -> list[Weight]:
        """Return the parameters that adapters add."""
        return [weight for pair in self.adapted.values() for weight in pair]


def mix(tape: Tape, x: Tensor, experts: Experts, shape: Shape) -> Tensor:
    """Run the router and the experts, and sum what each token gets."""
    tokens = x.elements // shape.hidden
    rows = tokens * shape.experts_used
    before = x.width
    scores = route(tape, x, experts, shape, rows)
    beside_down, beside_gate_up = factors(tape, experts, "down"), factors(tape, experts, "gate_up")
    chosen = gather(tape, x, rows * shape.hidden)
    bias = tape.new(rows * 2 * experts.size, experts.biases[0].tensor.width) if experts.biases else None
    gate_up = fold(tape, experts.gate_up, beside_gate_up)  # kept until the experts are done, as is the other
    out = act(tape, grouped(tape, chosen, gate_up, shape.hidden, 2 * experts.size), shape)
    bias = tape.new(rows * shape.hidden, experts.biases[1].tensor.width) if experts.biases else None
    down = fold(tape, experts.down, beside_down)
    out = grouped(tape, out, down, experts.size, shape.hidden)
    weighted = mul(tape, out, scores)
    weighted = gather(tape, weighted, weighted.elements)  # back into the order of the tokens
    summed = cast(tape, total(tape, weighted, tokens * shape.hidden), before)
    del bias
    return summed


def factors(tape: Tape, experts: Experts, name: str) -> tuple[Tensor, ...]:
    """Give what an adapter puts beside a parameter, in its width; the product is tried out once (`register_parametrization`)."""
    pair = experts.adapted.get(name)
    if pair is None:
        return ()
    base: Weight = getattr(experts, name)
    width = base.tensor.width
    found = cast(tape, pair[1].tensor, width), cast(tape, pair[0].tensor, width)
    trial = tape.new(base.tensor.elements, width)
    del trial
    return found


def fold(tape: Tape, base: Weight, beside: tuple[Tensor, ...]) -> Tensor:
    """Give a parameter with its adapter folded in, where it is first used (`_LoraFactorsProxy`): one `baddbmm` over all experts."""
    if not beside:
        return base.tensor
    elements, width = base.tensor.elements, base.tensor.width
    sizes = [factor.elements for factor in beside]

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return tuple([tape.new(size, width) for size in sizes])

    return tape.new(elements, width, tape.node(beside, [*beside], backward))


def route(tape: Tape, x: Tensor, experts: Experts, shape: Shape, rows: int) -> Tensor:
    """Run the router: scores of all experts in fp32, of which each token keeps the best."""
    router = experts.router
    if "router" in experts.adapted:
        router = Weight(router.rows, router.columns, router.tensor.width, trained=False)
        router.tensor = fold(tape, experts.router, factors(tape, experts, "router"))
    logits = linear(tape, x, router)
    elements, width = logits.elements, logits.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width),)

    wide = tape.new(elements, 4)
    node = tape.node((logits,), [wide], backward)
    return tape.new(rows, width, node)


def grouped(tape: Tape, x: Tensor, matrix: Tensor, inputs: int, columns: int) -> Tensor:
    """Run `_grouped_linear`: one product for all experts, its bias added in place, and zeros where no expert answered."""
    rows = x.elements // inputs
    x = cast(tape, x, matrix.width)
    width, of_x, needs, trained = x.width, x.elements, x.node is not None, matrix.node is not None
    of_weight = matrix.elements

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        to_x = tape.new(of_x, width) if needs else None
        return to_x, tape.new(of_weight, width) if trained else None

    made = [matrix] if needs and matrix.buffer is not None else []
    node = tape.node((x, matrix), ([x] if trained else []) + made, backward)
    return masked_fill(tape, tape.new(rows * columns, width, node))


def masked_fill(tape: Tape, x: Tensor) -> Tensor:
    """Copy with zeros in some rows."""
    elements, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(elements, width),)

    return tape.new(elements, width, tape.node((x,), [], backward))


def act(tape: Tape, x: Tensor, shape: Shape) -> Tensor:
    """Apply the gate: silu times up, or the clamped sigmoid of gpt-oss (`GptOssExperts._apply_gate`)."""
    if not shape.sinks:
        gate, up = halves(tape, x)
        return mul(tape, activation(tape, gate), up)
    gate, up = take(tape, x, x.elements // 2), take(tape, x, x.elements // 2)
    gate = activation(tape, gate)  # clamp saves its input, as an activation does
    up = activation(tape, up)
    glu = mul(tape, gate, keeping(tape, scale(tape, gate)))
    return mul(tape, scale(tape, up), glu)


def total(tape: Tape, x: Tensor, elements: int) -> Tensor:
    """Sum over the experts of a token, which autocast does in fp32; the way back is a view spread out."""
    before, width = x.elements, x.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(before, width),)

    return tape.new(elements, 4 if tape.autocast else width, tape.node((x,), [], backward))
