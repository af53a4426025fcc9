"""A `transformers` callback that examines the environment when training begins, with the arguments the trainer really got.

Importing this module imports transformers: it is for training processes, which have it loaded already.
"""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback  # type: ignore[import-not-found, unused-ignore]

from envdoctor.facts.arguments import loaded
from envdoctor.hook import preflight


class PreflightCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Stop training before its first step if the environment cannot do it: `Trainer(..., callbacks=[PreflightCallback(use="sft")])`."""

    def __init__(self, use: str | None = None, **told: Any) -> None:
        self.use = use
        self.told = told

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Examine once, before the first step. Raises EnvironmentRejected."""
        told = dict(self.told)
        told.setdefault("dtype", "bf16" if getattr(args, "bf16", False) else "fp16" if getattr(args, "fp16", False) else None)
        optimizer = getattr(args, "optim", None)
        told.setdefault("optimizer", str(getattr(optimizer, "value", optimizer)) if optimizer else None)
        model = others.get("model")
        name = getattr(getattr(model, "config", None), "_name_or_path", None)
        told.setdefault("model", name or None)
        told.setdefault("args", args)
        for fact, value in loaded(model).items():
            told.setdefault(fact, value)
        told.setdefault("peft_config", next(iter((getattr(model, "peft_config", None) or {}).values()), None))
        preflight(use=self.use, **told)
