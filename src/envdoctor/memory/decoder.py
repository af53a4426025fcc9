"""Decoder layers on the tape: weights of one layer, and its forward, as the families' `DecoderLayer.forward` run."""

from __future__ import annotations

from envdoctor.memory.attention import composed, eager, sdpa, sinks
from envdoctor.memory.experts import Experts, mix
from envdoctor.memory.layers import Linear, fused_gate, norm, project, rotate
from envdoctor.memory.ops import (
    Weight,
    activation,
    add,
    concatenate,
    dropped,
    gather,
    halves,
    keeping,
    mul,
    new_gelu,
    plus,
    scale,
    squared_relu,
    take,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Tape, Tensor


class Pass:
    """What all layers of one pass share."""

    __slots__ = ("cos", "run", "shape", "sin", "tape")

    def __init__(self, tape: Tape, shape: Shape, run: Run, cos: Tensor, sin: Tensor) -> None:
        self.tape = tape
        self.shape = shape
        self.run = run
        self.cos = cos
        self.sin = sin


class Layer:
    """The weights of one layer."""

    def __init__(self, shape: Shape, run: Run, *, windowed: bool, sparse: bool) -> None:
        self.windowed = windowed
        self.bare = shape.norm == "bare"
        self.norms = [vector(shape.hidden, run) for _ in range({"sandwich": 4, "parallel": 1}.get(shape.norms, 2))]
        q, k, hidden, middle = shape.queries, shape.keys, shape.hidden, shape.intermediate
        self.others: list[Weight] = []  # vectors that take part without being followed
        if shape.norm_bias:
            self.others = [vector(hidden, run) for _ in self.norms]
        if shape.latent:
            self.qkv, self.others = latent(shape, run)
            q = shape.heads * shape.latent[4]
        elif shape.fused in ("qkv", "both"):
            self.qkv = [projection(run, "qkv", q + 2 * k, hidden, bias=shape.qkv_bias)]
        else:
            self.qkv = [projection(run, name, rows, hidden, bias=shape.qkv_bias) for name, rows in (("q", q), ("k", k), ("v", k))]
        self.o = projection(run, "o", hidden, q, bias=shape.output_bias)
        self.query_norms: list[Weight] = []
        if shape.query_norm:
            full = shape.query_norm == "full"
            self.query_norms = [vector(q if full else shape.head_dim, run), vector(k if full else shape.head_dim, run)]
        self.sinks = [vector(shape.heads, run)] if shape.sinks else []
        self.experts = Experts(shape, run) if sparse else None
        self.mlp: list[Linear] = []
        size = shape.shared_size if sparse else middle
        self.beside_gate: list[Weight] = []
        if sparse and shape.shared_gate:  # a linear layer with one output
            self.others.append(vector(hidden, run))
            if "shared_gate" in run.targets and run.method in ("lora", "qlora", "dora"):
                sizes = ((run.rank, hidden), (1, run.rank))
                self.beside_gate = [Weight(*size, run.adapter_width, trained=True) for size in sizes]
        if size:
            if shape.fused in ("mlp", "both"):
                self.mlp = [projection(run, "gate_up", 2 * size, hidden, bias=shape.mlp_bias)]
            else:
                names = ("gate", "up") if shape.gated else ("up",)
                self.mlp = [projection(run, name, size, hidden, bias=shape.mlp_bias) for name in names]
            self.mlp.append(projection(run, "down", hidden, size, bias=shape.mlp_bias))

    def weights(self) -> list[Weight]:
        """Return all parameters of the base model."""
        linears = [*self.qkv, self.o, *self.mlp]
        found = [weight for linear in linears for weight in (linear.base, linear.bias) if weight is not None]
        return [
            *found,
            *self.query_norms,
            *self.sinks,
            *self.others,
            *(self.experts.weights() if self.experts else []),
            *([] if self.bare else self.norms),
        ]

    def adapters(self) -> list[Weight]:
        """Return the parameters that an adapter adds."""
        linears = [*self.qkv, self.o, *self.mlp]
        found = [weight for linear in linears for weight in (linear.a, linear.b, linear.magnitude) if weight is not None]
        return found + self.beside_gate + (self.experts.adapters() if self.experts else [])


def latent(shape: Shape, run: Run) -> tuple[list[Linear], list[Weight]]:
    """Return the projections of multi-head latent attention (DeepSeek): of queries, down to the latent, and up from it; and its norms."""
    low_q, low, plain, turned, value = shape.latent
    heads, hidden = shape.heads, shape.hidden
    down = projection(run, "kv_a", low + turned, hidden, bias=False)
    up = projection(run, "kv_b", heads * (plain + value), low, bias=False)
    if not low_q:
        return [projection(run, "q", heads * (plain + turned), hidden, bias=False), down, up], [vector(low, run)]
    a, b = projection(run, "q_a", low_q, hidden, bias=False), projection(run, "q_b", heads * (plain + turned), low_q, bias=False)
    return [a, b, down, up], [vector(low_q, run), vector(low, run)]


def vector(size: int, run: Run) -> Weight:
    """Return the weight of a norm, or another vector."""
    return Weight(1, size, run.norm_width or run.other_width, trained=run.method == "full")


def projection(run: Run, name: str, rows: int, columns: int, *, bias: bool) -> Linear:
    """Return a projection, in 4 bit for QLoRA, with the adapter that the run puts around it."""
    full, four_bit = run.method == "full", run.method == "qlora"
    base = Weight(rows, columns, run.width, trained=full, four_bit=four_bit)
    added = Weight(1, rows, run.width, trained=full) if bias else None
    wanted = {"qkv": ("q", "k", "v"), "gate_up": ("gate", "up")}.get(name, (name,))
    if full or run.method == "inference" or not any(part in run.targets for part in wanted):
        return Linear(base, added, None, None, None)
    width = run.adapter_width
    a, b = Weight(run.rank, columns, width, trained=True), Weight(rows, run.rank, width, trained=True)
    return Linear(base, added, a, b, Weight(1, rows, width, trained=True) if run.method == "dora" else None)


def forward(over: Pass, layer: Layer, x: Tensor) -> Tensor:
    """Run a layer."""
    tape, shape = over.tape, over.shape
    style = "fused" if over.run.fused and shape.norm in ("llama", "gemma") else shape.norm
    residual = x
    if shape.norms == "parallel":
        x = norm(tape, x, layer.norms[0], style)
        attended, _ = attend(over, x, layer)
        if shape.spread_keys:  # added to the other in place
            fed = feed(over, x, layer)
            return add(tape, residual, plus(tape, fed, attended))
        return add(tape, add(tape, residual, attended), feed(over, x, layer))
    if shape.norms == "post":
        x, _ = attend(over, x, layer)
        x = add(tape, residual, norm(tape, x, layer.norms[0], style))
        return add(tape, x, norm(tape, feed(over, x, layer), layer.norms[1], style))
    x = norm(tape, x, layer.norms[0], style)
    x, _ = attend(over, x, layer)
    if shape.dropout:
        x = dropped(tape, x)
    if shape.norms == "sandwich":
        x = norm(tape, x, layer.norms[1], style)
    if shape.multiplied:
        x = scale(tape, x)
    x = residual = add(tape, residual, x)
    x = norm(tape, x, layer.norms[2 if shape.norms == "sandwich" else 1], style)
    x = feed(over, x, layer)
    if shape.dropout:
        x = dropped(tape, x)
    if shape.norms == "sandwich":
        x = norm(tape, x, layer.norms[3], style)
    if shape.multiplied:
        x = scale(tape, x)
    return add(tape, residual, x)


def attend(over: Pass, x: Tensor, layer: Layer) -> tuple[Tensor, Tensor | None]:
    """Run the attention of a layer; what eager attention hands out beside its result is held by whoever calls."""
    tape, shape, run, cos, sin = over.tape, over.shape, over.run, over.cos, over.sin
    whole = None
    if shape.latent:
        q, k, v = latents(over, x, layer)
    elif shape.fused in ("qkv", "both"):
        whole = project(tape, x, layer.qkv[0])
        of_q, of_k = shape.queries * run.tokens, shape.keys * run.tokens
        part = gather if shape.spread_keys else take  # falcon picks its one key head by an index, which copies
        q, k, v = take(tape, whole, of_q), part(tape, whole, of_k), part(tape, whole, of_k)
    else:
        q, k, v = [project(tape, x, linear) for linear in layer.qkv]
    del x
    if layer.query_norms:
        q = norm(tape, q, layer.query_norms[0], shape.norm)
        k = norm(tape, k, layer.query_norms[1], shape.norm)
    if not run.fused:  # Liger turns q and k in place
        style = shape.rotary if shape.rotary != "windowed" else "wide" if layer.windowed else ""
        q, k = rotate(tape, q, cos, sin, style), rotate(tape, k, cos, sin, style)
    cells = run.batch * shape.heads * run.seq * run.seq
    shared = shape.heads // shape.kv_heads
    weights = None
    if shape.sinks:
        out, weights = sinks(tape, q, k, v, shared=shared, cells=cells, rows=run.batch * shape.heads * run.seq)
    elif run.attention == "eager":
        out, weights = eager(tape, q, k, v, shared=shared, cells=cells, capped=shape.capped_scores)
    elif shape.spread_keys and run.attention == "sdpa":
        out = composed(tape, q, k, v, shared=shared, cells=cells, batch=run.batch)
    else:
        mask = run.batch * run.seq * run.seq if layer.windowed and run.seq >= shape.window and run.attention == "sdpa" else 0
        out = sdpa(tape, q, k, v, size=shape.head_dim, shared=shared, mask=mask)
    if shape.latent:  # values are narrower than keys, and filled up to their width for the kernels
        out = take(tape, out, run.tokens * shape.heads * shape.latent[4])
    out = project(tape, out, layer.o)
    del whole
    return out, weights


def latents(over: Pass, x: Tensor, layer: Layer) -> tuple[Tensor, Tensor, Tensor]:
    """Run the projections of multi-head latent attention; part of each key is shared by all heads, and turned."""
    tape, shape, tokens = over.tape, over.shape, over.run.tokens
    _, rank, plain, turned, value = shape.latent
    *queries, down, up = layer.qkv
    q = x
    for linear in queries:
        q = project(tape, q, linear)
    low = project(tape, x, down)
    wide = project(tape, take(tape, low, tokens * rank), up)
    k = concatenate(tape, take(tape, wide, tokens * shape.heads * plain), take(tape, low, tokens * shape.heads * turned))
    return q, k, take(tape, wide, tokens * shape.heads * value)


def feed(over: Pass, x: Tensor, layer: Layer) -> Tensor:
    """Run the MLP of a layer, or its experts and what they share."""
    tape, shape, fused = over.tape, over.shape, over.run.fused
    if layer.experts is not None:
        mixed = mix(tape, x, layer.experts, shape)
        return add(tape, mixed, dense(tape, x, layer, shape, fused=fused)) if layer.mlp else mixed
    return dense(tape, x, layer, shape, fused=fused)


def dense(tape: Tape, x: Tensor, layer: Layer, shape: Shape, *, fused: bool) -> Tensor:
    """Run a gated or plain MLP."""
    if not shape.gated:
        act = new_gelu if shape.new_gelu else squared_relu if shape.relu_squared else keeping if shape.relu else activation
        inner = act(tape, project(tape, x, layer.mlp[0]))
        if shape.relu_squared:
            x = inner
            del inner
            return project(tape, x, layer.mlp[1])
        return project(tape, inner, layer.mlp[1])  # held by its name until the projection is done
    if shape.fused in ("mlp", "both"):
        gate, up = halves(tape, project(tape, x, layer.mlp[0]))
        gated = mul(tape, up, activation(tape, gate))
        del gate, up
        return project(tape, gated, layer.mlp[1])
    if fused:
        gated = fused_gate(tape, project(tape, x, layer.mlp[0]), project(tape, x, layer.mlp[1]))
    else:
        gated = mul(tape, activation(tape, project(tape, x, layer.mlp[0])), project(tape, x, layer.mlp[1]))
    return project(tape, gated, layer.mlp[2])
