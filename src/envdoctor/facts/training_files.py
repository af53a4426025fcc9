"""Configuration files of training programs: told from other YAML and JSON by their keys, and read as scripts."""

from __future__ import annotations

import os

from envdoctor.model.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Script

NAMES = ("deepspeed", "deepspeed_config_file", "fsdp_config")
"""Arguments that name a configuration file."""
_LAUNCHERS = ("accelerate.commands.", "deepspeed.", "yaml.")
_SUFFIXES = (".json", ".yaml", ".yml")
_LARGEST = 1 << 20  # characters; nobody writes a configuration of that size by hand


def recognises(text: str) -> bool:
    """Tell whether a YAML or JSON text is a training configuration, by the keys of its first level. Never raises."""
    from envdoctor.formats._settings import first_keys
    from envdoctor.script import configs

    return len(text) <= _LARGEST and bool(configs.recognise(first_keys(text)))


def read(text: str, path: str) -> Script:
    """Return what the program that reads the file does because of it. Raises InputError."""
    from envdoctor.formats._settings import read_settings
    from envdoctor.script import configs

    return configs.read(read_settings(text, path), path)


def says_how_to_launch(script: Script) -> bool:
    """Tell whether a file says how training is launched (accelerate, DeepSpeed), and not what is trained."""
    return script.paths[0].lower().endswith(_SUFFIXES) and all(call.target.startswith(_LAUNCHERS) for call in script.calls)


def files_named_in(script: Script) -> list[str]:
    """Return the configuration files that a script or a configuration names by a literal path: from where we are, else from where it is."""
    found: dict[str, None] = {}
    for call in script.calls:
        for argument in call.arguments:
            if argument.name in NAMES and isinstance(argument.value, str) and argument.value.lower().endswith(_SUFFIXES):
                near = os.path.join(os.path.dirname(script.paths[0]), argument.value)
                path = next((path for path in (argument.value, near) if os.path.isfile(path)), "")
                if path and path != script.paths[0]:
                    found[path] = None
    return [path for path in found if _is_known(path)]


def _is_known(path: str) -> bool:
    """Tell whether a file is of a kind that is read: that of FSDP's arguments is not."""
    from envdoctor.facts.documents import read_text

    try:
        return recognises(read_text(path))
    except InputError:
        return False
