"""`preflight()`: what a training script calls before it touches a GPU.

Reads files only: starts no program, opens no connection, writes nothing, imports nothing heavy. A defect of envdoctor itself is logged
and training goes on; the hook may stop a run only for a finding.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from envdoctor.model.finding import Report

OFF = ("off", "0", "false", "no")
_RANKS = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID")


def preflight(
    use: str | None = None,
    model: str | None = None,
    *,
    method: str | None = None,
    dtype: str | None = None,
    weights: str | None = None,
    optimizer: str | None = None,
    attention: str | None = None,
    packing: bool | None = None,
    device_map: str | None = None,
    script: str | None = None,
    args: object = None,
    peft_config: object = None,
    fail_on: str = "error",
    environ: Mapping[str, str] | None = None,
) -> Report | None:
    """Examine the environment of this process before training, and stop the run if it cannot do what is asked.

    `use` is one of sft, dpo, grpo, reward, lora, qlora, full, inference; the other arguments say what the script is about to do:
    `dtype` of the training and `weights` as they are loaded are fp32, fp16 or bf16; `optimizer` as TrainingArguments names it; `script`
    the path of a training script to be read too; `args` and `peft_config` the objects that the trainer will be given.
    Returns the Report, or None when `ENVDOCTOR=off`. Raises EnvironmentRejected for findings at or above `fail_on` (never under
    `ENVDOCTOR=warn`), and UsageError for an argument that cannot be.
    """
    from envdoctor.model.errors import UsageError

    variables = os.environ if environ is None else environ
    mode = variables.get("ENVDOCTOR", "").strip().lower()
    if mode in OFF:
        return None
    told: dict[str, Any] = {"method": method, "dtype": dtype, "weights": weights, "optimizer": optimizer, "attention": attention}
    told |= {"packing": packing, "device_map": device_map}
    try:
        said = {name: value for name, value in told.items() if value is not None}
        if args is not None or peft_config is not None:
            from envdoctor.facts.arguments import arguments

            said = {**arguments(args, peft_config), **said}
        report = examine(use, model, said, script, variables)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever fails in the doctor must not cost the patient its training run
        import logging

        logging.getLogger("envdoctor").warning("could not examine this environment (%s: %s); training goes on", type(error).__name__, error)
        return None
    return judge(report, fail_on, mode == "warn", variables)


def examine(use: str | None, model: str | None, training: Mapping[str, Any], script: str | None, environ: Mapping[str, str]) -> Report:
    """Return the report on this process's environment."""
    from envdoctor.diagnosis import diagnose, prepare
    from envdoctor.facts.configuration import find_config
    from envdoctor.facts.host import FilesOnlyHost
    from envdoctor.facts.locate import own_place
    from envdoctor.facts.patient import Live, working_directory
    from envdoctor.model.errors import EnvdoctorError, InputError, UsageError
    from envdoctor.model.request import Config, Request
    from envdoctor.model.uses import PURPOSES

    if use is not None and use not in PURPOSES:
        raise UsageError(f"preflight(use={use!r}): choose one of {', '.join(PURPOSES)}")
    given: dict[str, Any] = {"training." + name: value for name, value in training.items()}
    if use is not None:
        given["training.use"] = use
    if model is not None:
        given["model.name"] = model
    size = environ.get("WORLD_SIZE", "")
    given["training.world_size"] = int(size) if size.isdecimal() and len(size) < 10 else 1
    try:
        config = find_config(working_directory())
    except EnvdoctorError as error:
        log("the configuration is not used: %s", error)
        config = Config()
    asked = Request(
        paths=(script,) if script else (),
        purpose=use or config.purpose,
        given=given,
        select=config.select,
        ignores=config.ignores,
    )
    place = own_place()
    patient = Live(place, environ, FilesOnlyHost(place.prefix, place.site_packages, place.python_version, environ))
    try:
        snapshot = prepare(asked, patient, environ)
    except InputError as error:  # a script that cannot be read: the environment can be examined all the same
        log("examined without the script: %s", error)
        asked = asked.replace(paths=())
        snapshot = prepare(asked, patient, environ)
    return diagnose(asked, patient, snapshot, environ=environ)


def log(text: str, error: Exception) -> None:
    """Say what part of the examination is left out."""
    import logging

    logging.getLogger("envdoctor").warning(text, error)


def judge(report: Report, fail_on: str, warn_only: bool, environ: Mapping[str, str]) -> Report:
    """Print what was found (on one rank only) and raise EnvironmentRejected where the run must not start."""
    from envdoctor.model.errors import EnvironmentRejected, UsageError
    from envdoctor.model.rule import SEVERITIES

    if fail_on not in SEVERITIES:
        raise UsageError(f"preflight(fail_on={fail_on!r}): choose one of {', '.join(SEVERITIES)}")
    stops = report.reaches(fail_on)
    first = local_rank(environ) == 0
    if first and (stops or report.reaches("warning")):
        show(report, environ)
    if stops and not warn_only:
        # Every rank reads the same files and comes to the same verdict, so all of them stop here, before any collective call can hang.
        where = "see above" if first else "local rank 0 printed why"
        raise EnvironmentRejected(report, f"this environment cannot do what the script asks ({where}; ENVDOCTOR=warn trains all the same)")
    return report


def show(report: Report, environ: Mapping[str, str]) -> None:
    """Print the report on stderr, as `envdoctor check` would."""
    if sys.stderr is None:  # a program without a console; the exception still says that there is something
        return
    try:
        from envdoctor.report import render
        from envdoctor.report.options import Options

        colour = sys.stderr.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        sys.stderr.write(render(report, "text", options=Options(width=90, colour=colour)))
        sys.stderr.flush()
    except Exception as error:  # noqa: BLE001 - a full disk under the log, or a defect: neither may cost the patient its training run
        import logging

        logging.getLogger("envdoctor").warning("could not print the report (%s: %s)", type(error).__name__, error)


def local_rank(environ: Mapping[str, str]) -> int:
    """Return this process's rank on its machine, as torchrun, accelerate, deepspeed, MPI or Slurm tell it; 0 for a lone process."""
    for name in _RANKS:
        value = environ.get(name, "")
        if value.isdecimal() and len(value) < 10:
            return int(value)
    return 0
