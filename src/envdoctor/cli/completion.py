"""`envdoctor completion SHELL`: completion scripts, made from the same option tables as everything else."""

from __future__ import annotations

from importlib import import_module

from envdoctor.cli import COMMANDS
from envdoctor.cli.options import FLAG, Operand, scan
from envdoctor.cli.options import explain as explain_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.cli.options import Option

SHELLS = ("bash", "zsh", "fish")
SUMMARY = """Print the completion script of a shell.
bash and zsh: eval "$(envdoctor completion bash)"; fish: envdoctor completion fish | source"""
GROUPS = ("rules", "atlas", "lab")
"""Subcommands with actions: modules with ACTIONS and TABLE."""
OPERAND = Operand(name="shell", metavar="|".join(SHELLS), help="the shell", least=1, most=1)


def run(words: Sequence[str]) -> int:
    """Run `envdoctor completion SHELL`."""
    values = scan(words, (), OPERAND) or explain_words(words, "envdoctor completion", SUMMARY, (), OPERAND)
    shell = values["shell"][0]
    if shell not in SHELLS:
        from envdoctor.model.errors import UsageError

        raise UsageError(f"completion: no such shell: {shell!r}; choose one of {', '.join(SHELLS)}")
    from envdoctor.cli.terminal import put

    put({"bash": bash, "zsh": zsh, "fish": fish}[shell]())
    return 0


def words_of() -> dict[str, tuple[Option, ...]]:
    """Return the options of every subcommand; `rules X` stands for an action of `rules`."""
    from envdoctor.cli import check, explain, fit, fix, snapshot, undo

    table = {"check": check.OPTIONS, "fix": fix.OPTIONS, "fit": fit.OPTIONS, "snapshot": snapshot.OPTIONS, "undo": undo.OPTIONS}
    table.update({"explain": explain.OPTIONS, "run": import_module("envdoctor.cli.run").OPTIONS, "completion": ()})
    for group in GROUPS:
        table.update({f"{group} {action}": options for action, (options, _) in _group(group).TABLE.items()})
    return table


def _group(name: str) -> Any:
    return __import__(f"envdoctor.cli.{name}", fromlist=["TABLE"])


def bash() -> str:
    """Return the bash script."""
    cases = []
    for name, options in words_of().items():
        flags = " ".join("--" + option.name for option in options) + " --help"
        cases.append(f'    "{name}") words="{flags}" ;;')
    values = []
    seen = set()
    for options in words_of().values():
        for option in options:
            if option.choices and option.name not in seen:
                seen.add(option.name)
                values.append(f'    --{option.name}) COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$cur")); return ;;')
    actions = []
    for group in GROUPS:
        given = f'COMPREPLY=($(compgen -W "{" ".join(_group(group).ACTIONS)}" -- "$cur")); return'
        actions.append(f"  if [[ $command == {group} && $COMP_CWORD -eq 2 ]]; then {given}; fi")
    line = "\n"
    return f"""_envdoctor() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" words="" command="${{COMP_WORDS[1]}}"
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)} --help --version" -- "$cur")); return
  fi
{line.join(actions)}
  if [[ $command == {" || $command == ".join(GROUPS)} ]]; then
    command="$command ${{COMP_WORDS[2]}}"
    if [[ ($command == "rules show" || $command == "lab prove") && $cur != -* ]]; then
      COMPREPLY=($(compgen -W "$(envdoctor rules list 2>/dev/null | cut -d' ' -f1)" -- "$cur")); return
    fi
  fi
  if [[ $command == undo && $cur != -* ]]; then
    COMPREPLY=($(compgen -W "$(envdoctor undo --list --color never 2>/dev/null | cut -d' ' -f1 | grep '^[0-9]')" -- "$cur")); return
  fi
  if [[ $command == explain && $cur != -* ]]; then
    COMPREPLY=($(compgen -f -- "$cur") $(compgen -W "$(envdoctor rules list 2>/dev/null | cut -d' ' -f1)" -- "$cur")); return
  fi
  if [[ $command == run && " ${{COMP_WORDS[*]:0:COMP_CWORD}} " == *" -- "* ]]; then COMPREPLY=($(compgen -f -- "$cur")); return; fi
  if [[ $command == completion ]]; then COMPREPLY=($(compgen -W "{" ".join(SHELLS)}" -- "$cur")); return; fi
  case $prev in
{line.join(values)}
  esac
  case $command in
{line.join(cases)}
  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); else COMPREPLY=($(compgen -f -- "$cur")); fi
}}
complete -o filenames -F _envdoctor envdoctor
"""


def zsh() -> str:
    """Return the zsh script: zsh reads the bash one."""
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash()


def fish() -> str:
    """Return the fish script."""
    lines = ["complete -c envdoctor -n __fish_use_subcommand -l help", "complete -c envdoctor -n __fish_use_subcommand -l version"]
    lines += [f"complete -c envdoctor -n __fish_use_subcommand -f -a {name} -d {_quoted(text)}" for name, text in COMMANDS.items()]
    lines += [
        f"complete -c envdoctor -n '__fish_seen_subcommand_from {group}' -f -a {name} -d {_quoted(text)}"
        for group in GROUPS
        for name, text in _group(group).ACTIONS.items()
    ]
    lines += [f"complete -c envdoctor -n '__fish_seen_subcommand_from completion' -f -a {shell}" for shell in SHELLS]
    for name, options in words_of().items():
        when = " and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split())
        for option in options:
            extra = "" if option.kind == FLAG else " -x" if option.choices else " -r"
            extra += f" -a {_quoted(' '.join(option.choices))}" if option.choices else ""
            lines.append(f"complete -c envdoctor -n {_quoted(when)} -l {option.name}{extra} -d {_quoted(option.help)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
