"""accelerate's launch configuration (`accelerate launch --config_file`, default_config.yaml).

`load_config_from_file` raises for keys that the configuration class of the release does not have, in all releases from 0.15.0 to 1.15.0
(accelerate/commands/config/config_args.py); fp16 and dynamo_backend are taken from older files.
"""

from __future__ import annotations

from envdoctor.model.script import Keys
from envdoctor.script.configs import deepspeed
from envdoctor.script.configs.drafts import call, keys_call, renamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Call
    from envdoctor.model.settings import Table

MARKS = frozenset({"distributed_type", "compute_environment", "main_training_function"})
CONVERTED = ("fp16", "dynamo_backend")
"""Keys of old files that every release converts before it looks at the rest."""
_MODULE = "accelerate.commands.config.config_args."
_ZERO = {
    "zero_stage": "zero_optimization.stage",
    "offload_optimizer_device": "zero_optimization.offload_optimizer.device",
    "offload_param_device": "zero_optimization.offload_param.device",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_clipping": "gradient_clipping",
}


def recognises(keys: frozenset[str]) -> bool:
    """Tell the file by a key that nobody else has."""
    return not MARKS.isdisjoint(keys)


def read(table: Table, path: str) -> tuple[Call, ...]:
    """Return the keys of the file, and DeepSpeed's start where it is asked for."""
    target = _MODULE + ("SageMakerConfig" if table.value("compute_environment") == "AMAZON_SAGEMAKER" else "ClusterConfig")
    own = [setting for setting in table.settings if setting.key not in CONVERTED]
    found = [keys_call(target, own, path, Keys(classes=(target,), package="accelerate"))]
    below = table.get("deepspeed_config")
    if below is not None and table.value("distributed_type") == "DEEPSPEED":
        found.append(call(deepspeed.TARGET, below.location, renamed(table.table("deepspeed_config"), _ZERO)))
    return tuple(found)
