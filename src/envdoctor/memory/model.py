"""A whole model on the tape: its weights, and one step forward and back."""

from __future__ import annotations

from envdoctor.memory.decoder import Layer, Pass, forward, vector
from envdoctor.memory.layers import Linear, norm
from envdoctor.memory.loss import loss_of
from envdoctor.memory.ops import Weight, add, linear, scale
from envdoctor.memory.tape import Leaf, Tape, Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape
    from envdoctor.memory.tape import Gradients
    from envdoctor.memory.ways import Way


class Model:
    """The weights of a model, `layers` of them deep."""

    def __init__(self, shape: Shape, run: Run, layers: int) -> None:
        self.shape = shape
        self.run = run
        trained = run.method == "full"
        self.embedding = Weight(shape.vocab, shape.hidden, run.other_width, trained=trained)
        self.head = self.embedding if shape.tied else Weight(shape.vocab, shape.hidden, run.other_width, trained=trained)
        if trained and shape.tied and self.embedding.leaf is not None:
            self.embedding.leaf.uses = 2
        self._stored = [self.embedding] if shape.tied else [self.embedding, self.head]
        if run.method != "full":  # peft trains copies of what is named in modules_to_save, and keeps the originals
            if "embed_tokens" in run.saved_modules:
                self.embedding = Weight(shape.vocab, shape.hidden, run.other_width, trained=True)
            if "lm_head" in run.saved_modules:
                self.head = Weight(shape.vocab, shape.hidden, run.other_width, trained=True)
        self.beside_embedding = _pair(run, "embed_tokens", shape.vocab, shape.hidden)  # peft's Embedding: a word picks a column of A
        self.beside_head = _pair(run, "lm_head", shape.hidden, shape.vocab)
        windowed = _spread(shape.window_layers, shape.layers)
        self.layers = [
            Layer(shape, run, windowed=windowed[number], sparse=bool(shape.experts) and number >= shape.dense_layers)
            for number in range(layers)
        ]
        self.norm = vector(shape.hidden, run)
        sizes = (shape.hidden * shape.norm_bias, shape.vocab * shape.head_bias, shape.positions * shape.hidden)
        self.others = [vector(size, run) for size in (*sizes, 2 * shape.hidden * shape.embedding_norm) if size]

    def weights(self) -> list[Weight]:
        """Return all parameters of the base model, in the order they are registered in."""
        found = self._stored[:1]
        for layer in self.layers:
            found += layer.weights()
        if self.shape.norm != "bare":
            found.append(self.norm)
        return [*found, *self.others, *self._stored[1:]]

    def adapters(self) -> list[Weight]:
        """Return all parameters that adapters add."""
        copies = [weight for weight in (self.embedding, self.head) if weight not in self._stored]
        return [*self.beside_embedding, *[weight for layer in self.layers for weight in layer.adapters()], *self.beside_head, *copies]

    def leaves(self) -> list[Leaf]:
        """Return where gradients are kept."""
        return [weight.leaf for weight in self.trained() if weight.leaf is not None]

    def trained(self) -> list[Weight]:
        """Return what the optimizer sees."""
        return self.weights() if self.run.method == "full" else self.adapters()


def _pair(run: Run, name: str, inputs: int, outputs: int) -> tuple[Weight, ...]:
    """Return the adapter beside the embedding or the head: A and B, or nothing."""
    if name not in run.targets or run.method not in ("lora", "qlora"):
        return ()
    return Weight(run.rank, inputs, run.adapter_width, trained=True), Weight(outputs, run.rank, run.adapter_width, trained=True)


def _spread(some: int, all_: int) -> list[bool]:
    """Say for each layer whether it is one of `some` that see a window only: the last of each group sees everything."""
    every = all_ // (all_ - some) if 0 < some < all_ else 0
    return [some == all_ > 0 or bool(every and (number + 1) % every) for number in range(all_)]


def step(tape: Tape, model: Model, way: Way | None = None) -> None:
    """Go forward and back once; `tape.marks` says where layers, loss, and the way back through the layers begin.

    Where several cards share the work, their `way` runs the layers, and is told what comes next.
    """
    shape, run = model.shape, model.run
    tape.one_key_head = shape.kv_heads == 1
    if way is not None:
        way.embed()
    x = _embed(tape, model)
    if way is not None:
        x = way.embedded(x)
    tape.work(0)  # the angles are a product of positions and frequencies
    turn = run.seq * (shape.latent[3] if shape.latent else shape.head_dim)
    over = Pass(tape, shape, run, tape.new(turn, x.width), tape.new(turn, x.width))
    if way is not None:
        way.turned()
    masks = _masks(tape, shape, run, x.width)
    cache: list[Tensor] = []
    for number, layer in enumerate(model.layers):
        tape.mark("layers")
        if run.method == "inference":
            cache.append(tape.new(2 * run.tokens * shape.keys, x.width))
        if way is not None:
            x = way.layer(number, over, layer, x)
            continue
        call = _call(over, layer)
        x = tape.checkpoint(call, x) if run.checkpointing and run.method != "inference" else call(x)
    tape.mark("loss")
    if way is not None:
        x = way.last(x)
    if run.method == "inference":  # only the last token's words are asked for (`logits_to_keep`)
        x = norm(tape, tape.new(run.batch * shape.hidden, x.width), model.norm, shape.norm)
        linear(tape, x, model.head)
        return
    x = norm(tape, x, model.norm, "fused" if run.fused and shape.norm in ("llama", "gemma") else shape.norm)
    del masks
    if way is not None:
        x = way.head(x)
    a, b = model.beside_head or (None, None)
    head = Linear(model.head, None, a, b, None)
    loss = loss_of(tape, x, head, shape, run)
    del x
    tape.casts.clear()
    if way is not None:
        way.forwarded()
    tape.backward(loss)
    del loss


def _call(over: Pass, layer: Layer) -> Callable[[Tensor], Tensor]:
    return lambda x: forward(over, layer, x)


def _masks(tape: Tape, shape: Shape, run: Run, width: int) -> list[Tensor]:
    """Make the masks that all layers share: numbers for eager attention; for sdpa a bool one, where a window makes it necessary."""
    cells = run.batch * run.seq * run.seq
    if run.attention == "eager":
        return [tape.new(cells, width) for _ in range(1 + bool(shape.window_layers))]
    return [tape.new(cells, 1)] if run.attention == "sdpa" and shape.window_layers and run.seq >= shape.window else []


def _embed(tape: Tape, model: Model) -> Tensor:
    """Look tokens up; the way back is a dense gradient of the whole table (`embedding_dense_backward`)."""
    run, table = model.run, model.embedding
    ids, _labels = tape.new(run.tokens, 8), tape.new(run.tokens, 8)
    scaled = model.shape.scaled_embedding
    of_table, width = table.tensor.elements, table.tensor.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        return (tape.new(of_table, width),)

    node = tape.node((table.tensor,), [ids], backward)
    x = tape.new(run.tokens * model.shape.hidden, width, node)
    if model.beside_embedding:
        scaled_by_itself = model.shape.family.startswith("gemma")  # its class of embeddings scales, where others' models do
        x = scale(tape, x) if scaled_by_itself else x
        x = _beside(tape, x, ids, model.beside_embedding, run.tokens, again=scaled_by_itself)
        return scale(tape, x) if scaled and not scaled_by_itself else x
    if (
        node is None and run.checkpointing and run.method != "inference"
    ):  # enable_input_require_grads: without it, checkpoints would hold no graph
        input_leaf = Tensor(None, 1, width, Leaf())
        x = x.view(node=tape.node((input_leaf,), [], lambda gradient, _: (None,)))
    return scale(tape, x) if scaled else x


def _beside(tape: Tape, x: Tensor, ids: Tensor, pair: tuple[Weight, ...], tokens: int, *, again: bool) -> Tensor:
    """Run what peft's `lora.Embedding.forward` adds; `again` where its product is scaled as the embedding is.

    The gradient of A is that of its transpose, which does not lie as A does, so that it is copied when it arrives (`AccumulateGrad`).
    """
    a, b = pair
    of_a, width = a.tensor.elements, a.tensor.width

    def backward(gradient: Tensor, _: list[Tensor]) -> Gradients:
        turned = tape.new(of_a, width)
        kept = tape.new(of_a, width)
        del turned
        return (kept,)

    low = tape.new(tokens * a.rows, width, tape.node((a.tensor,), [ids], backward))
    more = scale(tape, linear(tape, low, b))
    del low
    return add(tape, x, scale(tape, more) if again else more)


def forget(model: Model) -> None:
    """Let go of all gradients (`zero_grad`)."""
    for leaf in model.leaves():
        leaf.gradient = None
