"""Lazy names that rest on other packages: where these are not there, a stand-in is served, and nothing is imported."""

from __future__ import annotations

import ast
from textwrap import dedent

from envdoctor.miner.backends import by_file, stand_ins
from tests.miner.small import mined, needs, section

FILES = {
    "transformers/__init__.py": """
        import sys
        from .utils.import_utils import _LazyModule
        _import_structure = {"trainer": ["Trainer"], "models.auto": ["AutoModelForCausalLM"], "models.llama.modeling_llama": ["LlamaModel"]}
        sys.modules[__name__] = _LazyModule(__name__, __file__, _import_structure)
    """,
    "transformers/utils/import_utils.py": """
        import importlib.util
        class _LazyModule: ...
        def is_torch_available():
            return importlib.util.find_spec("torch") is not None
    """,
    "transformers/utils/dummy_pt_objects.py": """
        class AutoModelForCausalLM(metaclass=DummyObject):
            _backends = ["torch"]
            def __init__(self, *args, **kwargs):
                requires_backends(self, ["torch"])
    """,
    "transformers/models/auto.py": "import a\nclass AutoModelForCausalLM: ...",
}


def test_a_lazy_name_is_imported_only_where_its_backends_are_there() -> None:
    assert section("needs", FILES, "load model", "transformers") == {"a if has:torch at transformers.models.auto"}


def test_a_lazy_name_without_a_stand_in_is_always_imported() -> None:
    files = {path: text for path, text in FILES.items() if "dummy" not in path}
    assert section("needs", files, "load model", "transformers") == {"a at transformers.models.auto"}


def test_stand_ins_are_offered_nowhere_but_in_their_own_module() -> None:
    sections = mined(FILES, "transformers").sections
    assert not [subject for subject in sections.get("takes", {}) if "dummy" in subject]
    assert "AutoModelForCausalLM" in sections["offers"]["transformers"]


def test_backends_by_the_name_of_a_file() -> None:
    assert by_file("transformers.models.llama.modeling_llama") == ("torch",)
    assert by_file("transformers.models.bert.modeling_tf_bert") == ("tf",)
    assert by_file("transformers.models.bert.tokenization_bert_fast") == ("tokenizers",)
    assert by_file("transformers.models.bert.tokenization_bert") == ()
    assert by_file("transformers.trainer") == ()


def test_stand_ins_are_classes_and_functions() -> None:
    text = "class A:\n    _backends = ['torch', 'vision']\ndef f(*args, **kwargs):\n    requires_backends(f, ['torch'])\nclass B: ...\nX = None"
    assert stand_ins(["t.utils.dummy_pt_objects", "t.core"], {"t.utils.dummy_pt_objects": ast.parse(text)}.get) == {
        "A": ("torch", "vision"),
        "f": ("torch",),
        "B": (),
    }
    assert stand_ins(["t.utils.dummy_pt_objects"], lambda module: None) == {}


def test_which_distribution_brings_a_module() -> None:
    text = """
        import importlib.metadata
        names = importlib.metadata.packages_distributions()
        try:
            version = importlib.metadata.version(names["PIL"][0])
        except (KeyError, importlib.metadata.PackageNotFoundError):
            version = None
        if version is None:
            import b
    """
    assert needs(dedent(text)) == {"b if !dist:pillow"}


def test_a_version_that_is_read_by_a_pattern() -> None:
    """torchao compares torch's version by taking its text apart."""
    text = (
        "import re\ndef torch_version_at_least(least):\n    return re.match('x', least)\nif torch_version_at_least('2.7.0'):\n    import b"
    )
    assert needs(text) == {"b if torch>=2.7.0"}


def test_an_own_import_whose_failure_is_raised_in_other_words_is_followed() -> None:
    text = "try:\n    from .inner import x\nexcept ImportError as error:\n    raise ImportError('demo is broken') from error\nimport b"
    assert needs(text, inner="import a\nx = 1") == {"a", "b"}
    indented = text.replace("\n", "\n    ")
    assert needs(f"try:\n    {indented}\nexcept ImportError:\n    pass\nimport c", inner="import a\nx = 1") == {"c"}
    assert needs(text.replace("raise ImportError", "raise RuntimeError"), inner="import a\nx = 1") == {"b"}
