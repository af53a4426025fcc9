"""Runs the optimizer of a run on as many parameters as the whole model has; those of its layers are repeated."""

from __future__ import annotations

import collections
import copy
import re
from typing import Any

import torch


def layer_of(name: str) -> int:
    """Return the number of the decoder layer that a parameter is in, or -1."""
    found = re.search(r"\.(?:layers|h|blocks)\.(\d+)\.", f".{name}")
    return int(found.group(1)) if found else -1


def deepened(named: list[tuple[str, Any]], group: dict[str, int]) -> list[Any]:
    """Return the trained parameters of the whole model, those of the group as often as it has them."""
    inside = range(group["first"], group["first"] + group["period"])
    own = [parameter for name, parameter in named if layer_of(name) in inside]
    last = max((at for at, (name, _) in enumerate(named) if layer_of(name) in inside), default=-1)
    out = []
    for at, (_, parameter) in enumerate(named):
        out.append(parameter)
        if at == last:
            out += own * group["copies"]
    return out


def steps(trainer: Any, model: Any, group: dict[str, int], book: Any) -> list[list[int]]:
    """Run two steps of the trainer's own optimizer on parameters of the same sizes, and return the events of each."""
    inner = trainer.optimizer
    while hasattr(inner, "optimizer"):
        inner = inner.optimizer
    group_of = {id(parameter): number for number, each in enumerate(inner.param_groups) for parameter in each["params"]}
    groups = [{**each, "params": []} for each in inner.param_groups]
    for each in groups:
        if each.get("foreach", 0) is None and not each.get("fused"):
            each["foreach"] = True  # as torch chooses by itself on CUDA, for tensors that are no fakes
    twins = []
    for parameter in deepened([(name, each) for name, each in model.named_parameters() if id(each) in group_of], group):
        twin = torch.nn.Parameter(torch.empty_like(parameter), requires_grad=True)
        twin.grad = torch.empty_like(parameter)
        twins.append(twin)
        groups[group_of[id(parameter)]]["params"].append(twin)
    made = copy.copy(inner)
    made.param_groups, made.state = [each for each in groups if each["params"]], collections.defaultdict(dict)
    book.know(twins)
    book.know([twin.grad for twin in twins])
    events = []
    for _ in range(2):
        book.clear()
        with book:
            made.step()
        events.append(book.events)
    return events
