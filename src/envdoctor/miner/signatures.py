"""Which keyword arguments a callable takes, read off its definition."""

from __future__ import annotations

import ast

from envdoctor.miner.walks import dotted

TYPE_CHECKING = False
if TYPE_CHECKING:
    Signature = tuple[str, ...]  # items of the section "takes": param, param=LITERAL, "*", "**", "?" for what a decorator may change
    Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_LONGEST = 40
_MAKERS = ("__init__", "__new__")
_HARMLESS = (
    "staticmethod", "classmethod", "property", "cached_property", "lru_cache", "cache", "wraps", "overload", "no_grad",
    "inference_mode", "contextmanager", "add_start_docstrings", "add_end_docstrings", "replace_return_docstrings", "auto_docstring",
    "add_start_docstrings_to_model_forward", "add_code_sample_docstrings", "requires", "deprecated", "experimental", "dataclass",
    "can_return_tuple", "check_model_inputs", "torch_required", "tf_required", "final", "override", "export", "setter",
    "deepspeed_required", "torch_distributed_zero_first", "capture_outputs", "merge_with_config_defaults", "register_to_config",
)  # fmt: skip
_RENAMING = frozenset({"deprecate_kwarg", "_deprecate_arguments", "deprecate_kwargs", "deprecate_parameter", "deprecated_argument"})


def signature_of(node: Definition, inside: str, found: dict[str, Signature], bases: dict[str, tuple[str, ...]]) -> None:
    """Add the signatures of a definition and, for a class, of its public methods; a class's own stands under its name."""
    name = f"{inside}.{node.name}" if inside else node.name
    if any(_decorator(one).split(".")[-1] == "overload" for one in node.decorator_list):
        return
    if not isinstance(node, ast.ClassDef):
        _add(found, name, _function(node, bool(inside) and not _is_static(node)))
        return
    own: dict[str, Signature] = {}
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if any(_decorator(one).split(".")[-1] == "overload" for one in part.decorator_list):
                continue
            if part.name == "__init__":
                _add(own, name, _function(part, True))
            elif not part.name.startswith("_") or part.name in ("__call__", "__new__"):
                _add(own, f"{name}.{part.name}", _function(part, part.name == "__new__" or not _is_static(part)))
    if name not in own and f"{name}.__new__" in own:
        own[name] = own[f"{name}.__new__"]
    above = tuple("?" if isinstance(base, ast.Starred) else dotted(base) for base in node.bases)
    if name not in own and any(_decorator(one).split(".")[-1] == "dataclass" for one in node.decorator_list):
        own[name] = _fields(node)
        above = ("@dataclass", *above)
    elif name not in own and _is_made_elsewhere(node):
        above = ("?", *above)
    for key, signature in own.items():
        _add(found, key, signature)
    bases[name] = tuple(dict.fromkeys((*bases.get(name, ()), *above)))


def _add(found: dict[str, Signature], name: str, signature: Signature) -> None:
    """Note a signature; of two definitions in two branches either may hold."""
    found[name] = tuple(dict.fromkeys((*found.get(name, ()), *signature)))


def _is_made_elsewhere(node: ast.ClassDef) -> bool:
    """Tell whether something beside the bases may give a class its constructor: a decorator, a metaclass, a branch of its body."""
    if any(_decorator(one).split(".")[-1] not in _HARMLESS for one in node.decorator_list):
        return True
    if any(word.arg != "metaclass" or ast.unparse(word.value).split(".")[-1] != "ABCMeta" for word in node.keywords):
        return True
    inner = [part for part in node.body if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    return any(
        (isinstance(part, (ast.FunctionDef, ast.Name)) and (part.name if isinstance(part, ast.FunctionDef) else part.id) in _MAKERS)
        for one in inner
        for part in ast.walk(one)
    )


def _is_static(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(_decorator(one) == "staticmethod" for one in node.decorator_list)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, bound: bool) -> Signature:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(arguments.defaults)), *arguments.defaults]
    items = [_item(one.arg, default) for one, default in zip(plain, defaults)][1 if bound else 0 :]
    items += [_item(one.arg, default) for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults)]
    if arguments.vararg:
        items.append("*")
    if arguments.kwarg:
        items.append("**")
    for one in node.decorator_list:
        word = _decorator(one).split(".")[-1]
        if word in _RENAMING and isinstance(one, ast.Call):
            items += [text for text in _strings(one) if text.isidentifier()]
        elif word not in _HARMLESS:
            items.append("?")
    return tuple(dict.fromkeys(items))


def _fields(node: ast.ClassDef) -> Signature:
    items = []
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and "ClassVar" not in ast.unparse(part.annotation):
            default = part.value
            if isinstance(default, ast.Call) and dotted(default.func).split(".")[-1] == "field":
                words = {word.arg: word.value for word in default.keywords}
                if isinstance(words.get("init"), ast.Constant) and words["init"].value is False:  # type: ignore[attr-defined]
                    continue
                default = words.get("default") or words.get("default_factory")
            items.append(_item(part.target.id, default))
    return tuple(items)


def _item(name: str, default: ast.expr | None) -> str:
    if isinstance(default, ast.UnaryOp) and isinstance(default.op, ast.USub) and isinstance(default.operand, ast.Constant):
        return f"{name}=-{default.operand.value!r}"
    if isinstance(default, ast.Constant):
        text = repr(default.value)
        if len(text) <= _LONGEST and "://" not in text and not any(sign.isspace() for sign in text):
            return f"{name}={text}"
    return name


def _decorator(node: ast.expr) -> str:
    return dotted(node.func if isinstance(node, ast.Call) else node)


def _strings(node: ast.Call) -> list[str]:
    values = [*node.args[:1], *[word.value for word in node.keywords if word.arg in ("old_name", "name", "deprecated_args")]]
    return [one.value for value in values for one in ast.walk(value) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
