"""Shares compiled bytecode between environments that hold the same release, which halves the time of a short run.

Python compiles what it imports into `__pycache__`, and a throw-away environment takes that with it. Here each release has its own folder
for bytecode, so nothing of another release is ever found in it; Python itself compares the time and size of the source file as always.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE = {"scikit-learn": "sklearn", "python-dateutil": "dateutil", "pillow": "PIL", "pyyaml": "yaml"}
_ON_ONE = ("setuptools", "pip", "wheel")  # change their own import path


def share(store: str, root: str, site: str, packages: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that makes Python keep bytecode of these packages in the store; none where links cannot be made."""
    prefix = os.path.join(root, "bytecode")
    here = os.path.join(prefix, os.path.abspath(site).lstrip(os.sep))
    try:
        os.makedirs(here, exist_ok=True)
        for name, version in packages.items():
            module = _MODULE.get(name, name.replace("-", "_"))
            if name not in _ON_ONE and os.path.isdir(os.path.join(site, module)):
                kept = os.path.join(store, f"{name}-{version}", module)
                os.makedirs(kept, exist_ok=True)
                link = os.path.join(here, module)
                if os.path.islink(link):
                    os.unlink(link)
                os.symlink(kept, link, target_is_directory=True)
    except OSError:
        return {}
    return {"PYTHONPYCACHEPREFIX": prefix}
