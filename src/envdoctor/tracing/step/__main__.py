"""Traces a training step of the installed libraries: a request in JSON on stdin, lines of JSON on stdout, nothing on a GPU."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import warnings
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "WANDB_DISABLED": "true",
    "CUDA_VISIBLE_DEVICES": "",  # a card that is there must not be touched
    "USE_TF": "0",
    "USE_FLAX": "0",
}


def main() -> None:
    """Answer one request."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(**told: Any) -> None:
        out.write(json.dumps(told) + "\n")
        out.flush()

    asked = json.load(sys.stdin)
    os.environ.update(QUIET)
    warnings.simplefilter("ignore")
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # not into the folder of whoever asks
    try:
        answer(asked, say, writes)
    except Exception as error:  # noqa: BLE001 - whatever a library raises is told to whoever asked
        import traceback

        if type(error).__name__ == "Unknown":
            say(unknown=str(error))
            out.flush()
            os._exit(1)

        sys.stderr.write(traceback.format_exc())
        say(failed=f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300] if str(error).strip() else ''}".rstrip(": "))
        out.flush()
        os._exit(1)
    os._exit(0)  # some libraries hang in their own farewell


def answer(asked: dict[str, Any], say: Any, writes: bool) -> None:
    """Import what is needed, prove that the ledger can be believed, trace, and tell."""
    names = ["torch", "transformers", "accelerate"]
    names += ["peft"] if asked["method"] != "full" else []
    names += ["datasets", "trl"] if asked["trainer"] == "trl" else []
    say(stage="importing torch")
    began = time.monotonic()
    try:
        __import__("torch")
    except Exception as error:  # noqa: BLE001 - a broken torch raises OSError, too
        say(missing=["torch", _short(error)])
        return
    sys.path.insert(0, HERE)
    import proof
    import quantised
    import tracing

    sys.path.remove(HERE)  # nothing of this folder may stand in the way of a library's own import
    sys.dont_write_bytecode = writes
    if asked["method"] == "qlora":
        quantised.install()
    for name in names[1:]:
        say(stage=f"importing {name}")
        try:
            __import__(name)
        except Exception as error:  # noqa: BLE001 - a package that does not import is missing here
            say(missing=[name, _short(error)])
            return
    tracing.load(asked)
    imported = time.monotonic() - began
    say(stage="proving the method on a step with known bytes")
    gc.disable()  # the step's own references decide, not the moment at which cycles are looked for
    began = time.monotonic()
    wrong = proof.wrong()
    if wrong:
        say(refused=wrong)
        return
    told = tracing.trace(asked, lambda text: say(stage=text))
    versions = {name: _version(name) for name in names} | {"python": "%d.%d.%d" % sys.version_info[:3]}
    seconds = round(time.monotonic() - began, 2)
    say(answer={**told, "versions": versions, "seconds": seconds, "imported": round(imported, 2)})


def _short(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}" if text else type(error).__name__


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


if __name__ == "__main__":
    main()
