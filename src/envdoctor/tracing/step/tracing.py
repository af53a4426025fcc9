"""From a request to an answer: how deep to build, what to run, and what to tell of it."""

from __future__ import annotations

import tempfile
from typing import Any

import building
import fakes
import ledger
import optimizing
import substitutes
import torch
import training

_APART = {True: 1, False: 2}
"""Layers at the bottom and at the top that stay as they are, with and without checkpoints: what they see differs from the middle."""


def load(asked: dict[str, Any]) -> None:
    """Import what is used of the libraries, and put fake ways in the place of those that need values or a GPU."""
    import transformers.trainer
    from transformers import AutoModelForCausalLM  # noqa: F401

    if asked["trainer"] == "trl":
        from trl import SFTConfig, SFTTrainer  # noqa: F401
    assert transformers.trainer
    substitutes.stand_in()
    if asked["trainer"] == "trl":
        substitutes.stand_in_for_trl()


def plan(kinds: list[Any], apart: int) -> tuple[list[int], dict[str, int]]:
    """Return how deep to build, and which layers stand for the rest.

    `kinds` says of each layer of the whole model what it is; `apart` are those that stay as they are at each end.
    """
    layers, best = len(kinds), (len(kinds), 1)
    for period in range(1, layers // 2 + 1):
        first = next((at for at in range(layers - period, 0, -1) if kinds[at - 1] != kinds[at - 1 + period]), 0)
        if first + 2 * period < best[0] + 2 * best[1]:
            best = first, period
    first, period = best[0] + apart, best[1]
    depth = first + period + apart
    depth += (layers - depth) % period
    if depth + period > layers:
        return [layers], {"first": 0, "period": 1, "copies": 0}
    return [depth, depth + period], {"first": first, "period": period, "copies": (layers - depth) // period}


def trace(asked: dict[str, Any], say: Any) -> dict[str, Any]:
    """Trace two steps of a shallow model, and one of a deeper one that proves what was learnt of the first."""
    kinds = building.kinds(asked)
    depths, group = plan(kinds, _APART[asked["checkpointing"]] + asked["further"])
    told: dict[str, Any] = {"depths": depths, "group": group, "layers": len(kinds), "steps": []}
    with tempfile.TemporaryDirectory() as folder:
        for depth in depths:
            shallow = depth == depths[0]
            say(f"following {'two steps' if shallow else 'a step'} of {depth} of {len(kinds)} layers")
            found = follow(asked, depth, folder, group if shallow else {})
            told["steps"].append(found.pop("step"))
            if shallow:
                told.update(found)
    return told


def follow(asked: dict[str, Any], depth: int, folder: str, group: dict[str, int]) -> dict[str, Any]:
    """Trace the steps of a model of some layers; with a group, two of them, and the optimizer of the whole model."""
    fake, book = fakes.Fakes(allow_non_fake_inputs=True), ledger.Ledger(building.experts(asked))
    with fake:
        model = building.build(asked, depth)
        fakes.stand_in()
    trainer, batch = training.prepare(model, asked, folder, fake)
    with fake:
        model = trainer.model
        wrapped = training.wrap(trainer, asked)
        training.watch(model, book, depth, trainer.accelerator)
        book.know(model.parameters())
        book.know(model.buffers())
        for parameter in model.parameters():
            book.know(getattr(parameter, "scales", ()))
        for _ in range(2 if group else 1):
            step = one(trainer, wrapped, batch, book, asked)
        found: dict[str, Any] = {"step": step}
        if group:
            found |= weighed(model, asked)
            found["optimizer"] = optimizing.steps(trainer, model, group, ledger.Ledger()) if asked["optimizer"] in training.REAL else []
    return found


def one(trainer: Any, wrapped: Any, batch: dict[str, Any], book: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Run one step, from a batch to gradients and their end, and return what the ledger says of it."""
    book.backward = False
    book.clear()
    book.mark("start")
    with book:
        inputs = {name: torch.empty_like(value) if isinstance(value, torch.Tensor) else value for name, value in batch.items()}
        loss = trainer.training_step(wrapped, inputs, num_items_in_batch=asked["batch"] * asked["seq"])
        del inputs, loss
        book.mark("end")
        gradients = [book.position(parameter.grad) for parameter in trainer.model.parameters() if parameter.grad is not None]
        trainer.model.zero_grad()
    return {"events": book.events, "marks": book.marks, "products": book.products, "gradients": gradients}


def weighed(model: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the bytes of weights, adapters and buffers, and how many parameters there are, each with its layer."""
    base: list[tuple[int, int]] = []
    added: list[tuple[int, int]] = []
    count, trained = [], []
    for name, parameter in model.named_parameters():
        layer = optimizing.layer_of(name)
        adapter = asked["method"] != "full" and parameter.requires_grad
        for held in (parameter, *getattr(parameter, "scales", ())):
            (added if adapter else base).append((layer, held.untyped_storage().nbytes()))
        elements = getattr(parameter, "rows", 1) * getattr(parameter, "columns", parameter.numel())
        if not adapter:
            count.append((layer, elements))
        if parameter.requires_grad:
            trained.append((layer, elements))
    buffers = [buffer.untyped_storage().nbytes() for buffer in model.buffers()]
    return {"weights": base, "adapters": added, "buffers": buffers, "parameters": count, "trained": trained}
