"""Edits of requirements files and freezes: what is replaced, what is kept, what is refused."""

from __future__ import annotations

import os

import pytest

from envdoctor.formats import edited, pip_freeze, requirements_txt
from envdoctor.model.errors import InputError
from envdoctor.model.plan import Change, Edit
from tests.conftest import FIXTURES

CASES = os.path.join(FIXTURES, "formats")


def no_load(path: str) -> str:
    raise InputError(f"{path} does not exist")


def changed(text: str, name: str, specifier: str = "", *, at: int = 0, hashes: tuple[str, ...] = (), remove: bool = False) -> str:
    """Return the text with one requirement changed: the `at`-th of that name."""
    listing = requirements_txt.read(text, "requirements.txt", no_load)
    found = [one for one in listing.requirements if one.name == name][at]
    change = Change(name=name, requirement=found, specifier=specifier, hashes=hashes, remove=remove)
    return edited(text, requirements_txt.edits(text, "requirements.txt", [change]))


def with_new(text: str, *wanted: tuple[str, str], hashes: tuple[str, ...] = ()) -> str:
    changes = [Change(name=name, specifier=specifier, hashes=hashes) for name, specifier in wanted]
    return edited(text, requirements_txt.edits(text, "requirements.txt", changes))


@pytest.mark.parametrize(
    ("line", "specifier", "after"),
    [
        ("torch==2.5.1", "==2.6.0", "torch==2.6.0"),
        ("Torch == 2.5.1", "==2.6.0", "Torch == 2.6.0"),
        ("torch ==2.5.1  # the driver's", "==2.6.0", "torch ==2.6.0  # the driver's"),
        ("torch", "==2.6.0", "torch==2.6.0"),
        ("torch ; python_version < '3.13'", "==2.6.0", "torch==2.6.0 ; python_version < '3.13'"),
        ("torch; python_version < '3.13'", "==2.6.0", "torch==2.6.0; python_version < '3.13'"),
        ("torch[opt , Dev_X]>=2.5,<2.8", ">=2.6,<2.8", "torch[opt , Dev_X]>=2.6,<2.8"),
        ("torch >= 2.5, < 2.8", "==2.6", "torch == 2.6"),
        ("torch >= 2.5, < 2.8", ">=2.4,<2.8,!=2.6.0", "torch >= 2.4, < 2.8, != 2.6.0"),
        ("torch<2.8,>=2.5", ">=2.6,<2.7", "torch<2.7,>=2.6"),
        ("torch (>=2.5)", "==2.6", "torch (==2.6)"),
        ("torch(>= 2.5 ,< 2.8)", ">=2.6,<2.9", "torch(>= 2.6 ,< 2.9)"),
        ("torch (>=2.5) ; os_name == 'nt'", "", "torch ; os_name == 'nt'"),
        ("torch ()", ">=2", "torch>=2"),
        ("torch >= 2.5 ; (os_name == 'nt')", "", "torch ; (os_name == 'nt')"),
        ("torch===2020a", "==2.6", "torch==2.6"),
        ("torch==2.5.1+cu124", "==2.6.0+cu126", "torch==2.6.0+cu126"),
        ("torch==2.5.*", "==2.6.*", "torch==2.6.*"),
        ("\ttorch\t==\t2.5", "==2.6", "\ttorch\t==\t2.6"),
        ("torch==2.5 --config-settings x=y", "==2.6", "torch==2.6 --config-settings x=y"),
        ("torch @ https://host.example/torch-2.5.1-cp311-cp311-linux_x86_64.whl", "==2.6", "torch==2.6"),
        ("torch[opt]@git+https://host.example/t.git@v2 ; os_name == 'nt' # x", ">=2.6", "torch[opt]>=2.6 ; os_name == 'nt' # x"),
        ("torch @ https://host.example/t.zip; os_name == 'nt'", "==2.6", "torch==2.6; os_name == 'nt'"),
        ("git+https://host.example/torch.git@v2#egg=torch[opt]&subdirectory=x", "==2.6", "torch[opt]==2.6"),
        ("-e git+https://host.example/torch.git#egg=torch", "==2.6", "torch==2.6"),
        ("./wheels/torch-2.5.1-cp311-cp311-linux_x86_64.whl ; os_name == 'nt'", "==2.6", "torch==2.6 ; os_name == 'nt'"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_only_the_version_changes(line: str, specifier: str, after: str, end: str) -> None:
    before, behind = f"# first{end or chr(10)}numpy<2{end or chr(10)}", f"{end}peft # == 1{end}" if end else ""
    assert changed(before + line + behind, "torch", specifier) == before + after + behind


def test_a_version_on_its_own_line_stays_there() -> None:
    text = "torch>=2.5, \\\r\n    <2.8 ; \\\r\n    os_name == 'nt'  # why\r\n"
    assert changed(text, "torch", ">=2.6,<2.9") == text.replace("2.5", "2.6").replace("2.8", "2.9")
    assert changed(text, "torch", "==2.6") == "torch==2.6 ; \\\r\n    os_name == 'nt'  # why\r\n"


def test_a_continuation_at_the_end_of_the_file() -> None:
    assert changed("peft\ntorch \\\n  ==2.5 \\", "torch", "==2.6") == "peft\ntorch \\\n  ==2.6 \\"
    assert changed("peft\ntorch==2.5 \\\n", "torch", "==2.6") == "peft\ntorch==2.6 \\\n"


def test_of_one_name_under_two_markers_the_line_given_changes() -> None:
    text = "torch==2.5 ; os_name == 'nt'\ntorch==2.5 ; os_name == 'posix'\n"
    assert changed(text, "torch", "==2.6", at=1) == "torch==2.5 ; os_name == 'nt'\ntorch==2.6 ; os_name == 'posix'\n"


LISTED = """\
numpy==1.26.4 ; os_name == "nt" \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb  # both
    # via torch
"""


def test_hashes_are_made_anew_in_the_shape_of_the_old_ones() -> None:
    after = (
        LISTED.replace("1.26.4", "2.0")
        .replace("aaaa", "cccc")
        .replace("--hash=sha256:bbbb", "--hash=sha256:dddd \\\n    --hash=sha256:eeee")
    )
    assert changed(LISTED, "numpy", "==2.0", hashes=("sha256:cccc", "sha256:dddd", "sha256:eeee")) == after
    assert (
        changed("numpy==1 --hash=sha256:a", "numpy", "==2", hashes=("sha256:b", "sha256:c")) == "numpy==2 --hash=sha256:b --hash=sha256:c"
    )
    single = "numpy==1 \\\n  --hash sha256:a\n"
    assert changed(single, "numpy", "==2", hashes=("sha256:b", "sha256:c")) == "numpy==2 \\\n  --hash sha256:b \\\n  --hash sha256:c\n"


def test_old_hashes_are_never_left_beside_a_new_version() -> None:
    with pytest.raises(InputError, match=r"^requirements.txt line 1: numpy carries hashes, and those of ==2.0 are not known; make"):
        changed(LISTED, "numpy", "==2.0")
    assert changed(LISTED, "numpy", "==1.26.4") == LISTED
    assert changed(LISTED, "numpy", "==1.26.4", hashes=("sha256:bbbb", "sha256:aaaa")) == LISTED


@pytest.mark.parametrize(
    ("text", "name", "after"),
    [
        ("torch\npeft # x\nnumpy\n", "peft", "torch\nnumpy\n"),
        ("torch\r\npeft \\\r\n>=1\r\nnumpy", "peft", "torch\r\nnumpy"),
        ("torch\npeft", "peft", "torch\n"),
        ("torch\n    # via peft\nnumpy\n    # via x\n", "torch", "numpy\n    # via x\n"),
        (LISTED, "numpy", ""),
    ],
)
def test_a_line_is_taken_away_with_what_belongs_to_it(text: str, name: str, after: str) -> None:
    assert changed(text, name, remove=True) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "peft>=0.14\n"),
        ("\ufeff", "\ufeffpeft>=0.14\n"),
        ("# only a note", "# only a note\npeft>=0.14"),
        ("torch\n", "torch\npeft>=0.14\n"),
        ("torch", "torch\npeft>=0.14"),
        ("torch\r\nnumpy", "torch\r\nnumpy\r\npeft>=0.14"),
        ("torch == 2.5\n", "torch == 2.5\npeft >= 0.14\n"),
        ("torch (>= 2.5)\n", "torch (>= 2.5)\npeft>=0.14\n"),
        ("torch\n-r more.txt\n# end\n", "torch\npeft>=0.14\n-r more.txt\n# end\n"),
        ("--pre\n-e .\n", "--pre\n-e .\npeft>=0.14\n"),
        ("torch\nnumpy\naccelerate\n\n# end\n", "torch\nnumpy\naccelerate\npeft>=0.14\n\n# end\n"),
        ("accelerate\nnumpy\ntorch\n", "accelerate\nnumpy\npeft>=0.14\ntorch\n"),
        ("Accelerate\nnumpy\nopenai\n", "Accelerate\nnumpy\nopenai\npeft>=0.14\n"),
        (
            "# made\n#\ntorch\n    # via x\ntrl\n    # via\n    #   y\nwandb\n",
            "# made\n#\npeft>=0.14\ntorch\n    # via x\ntrl\n    # via\n    #   y\nwandb\n",
        ),
        ("datasets\nnumpy\n    # via\n    #   y\nwandb\n", "datasets\nnumpy\n    # via\n    #   y\npeft>=0.14\nwandb\n"),
        ("numpy\ntorch \\", "numpy\npeft>=0.14\ntorch \\"),
        ("torch \\\n", "peft>=0.14\ntorch \\\n"),
        ("torch \\\r\n\r\n", "torch \\\r\n\r\npeft>=0.14\r\n"),
        ("--pre \\\n", "peft>=0.14\n--pre \\\n"),
        ("a\n# \\", "a\npeft>=0.14\n# \\"),
        ("peft>=0.14\n", "peft>=0.14\n"),
        ("Peft >= 0.14 # has it\n", "Peft >= 0.14 # has it\n"),
        ("peft<0.10 ; os_name == 'nt'\n", "peft<0.10 ; os_name == 'nt'\npeft>=0.14\n"),
    ],
)
def test_a_new_line_goes_where_one_would_write_it(text: str, after: str) -> None:
    assert with_new(text, ("peft", ">=0.14")) == after
    assert with_new(after, ("peft", ">=0.14")) == after


def test_a_new_line_takes_the_spaces_of_its_neighbour() -> None:
    assert with_new("torch >=2, <3 ; os_name >= 'nt'", ("peft", ">=1,<2")) == "torch >=2, <3 ; os_name >= 'nt'\npeft >=1, <2"
    assert with_new("torch>=2,<3", ("peft", ">=1,<2,!=1.5")) == "torch>=2,<3\npeft>=1,<2,!=1.5"


def test_new_lines_of_one_place_come_in_order() -> None:
    assert with_new("accelerate\ndatasets\nwandb", ("trl", ""), ("peft", "==1")) == "accelerate\ndatasets\npeft==1\ntrl\nwandb"
    assert with_new("accelerate\ndatasets\nwandb", ("zarr", ""), ("xxhash", "==1")) == "accelerate\ndatasets\nwandb\nxxhash==1\nzarr"


def test_where_lines_carry_hashes_a_new_one_does_too() -> None:
    assert (
        with_new(LISTED, ("torch", "==2.6"), hashes=("sha256:ff", "sha256:ee"))
        == LISTED + "torch==2.6 \\\n    --hash=sha256:ff \\\n    --hash=sha256:ee\n"
    )
    assert (
        with_new("--require-hashes\n", ("torch", "==2.6"), hashes=("sha256:f",)) == "--require-hashes\ntorch==2.6 \\\n    --hash=sha256:f\n"
    )
    with pytest.raises(InputError, match=r"its lines carry hashes, and those of torch==2.6 are not known; make"):
        with_new(LISTED, ("torch", "==2.6"))


@pytest.mark.parametrize("line", ["-e ./trainer", "./trainer", "-e .", "file:../trainer", "https://host.example/main.zip#egg=trainer"])
def test_what_is_installed_from_a_folder_is_refused(line: str) -> None:
    project = '[project]\nname = "trainer"\nversion = "1"\n'
    listing = requirements_txt.read(line, "requirements.txt", lambda path: project)
    change = Change(name="trainer", requirement=listing.requirements[0], specifier="==2")
    with pytest.raises(InputError, match=r"^requirements.txt line 1: trainer is installed from a folder .*; change it there"):
        requirements_txt.edits(line, "requirements.txt", [change])


def test_what_was_changed_since_is_refused() -> None:
    listing = requirements_txt.read("peft\ntorch==2.5\n", "requirements.txt", no_load)
    change = Change(name="torch", requirement=listing.requirements[1], specifier="==2.6")
    for text in ("torch==2.5\n", "peft\nnumpy\n", "peft\n-r x.txt\n", "torch\n# moved\n"):
        with pytest.raises(InputError, match=r"^requirements.txt line 2: torch does not stand there any more; read the file again"):
            requirements_txt.edits(text, "requirements.txt", [change])


def test_one_line_cannot_have_two_versions() -> None:
    (found,) = requirements_txt.read("torch", "requirements.txt", no_load).requirements
    change = Change(name="torch", requirement=found, specifier="==2.6")
    as_constraint = change.replace(requirement=found.replace(constraint=True))  # the file is named by -r and by -c
    assert edited("torch", requirements_txt.edits("torch", "requirements.txt", [change, as_constraint])) == "torch==2.6"
    with pytest.raises(InputError, match=r"^requirements.txt line 1: two changes want different versions here; decide for one"):
        requirements_txt.edits("torch", "requirements.txt", [change, as_constraint.replace(specifier="==2.5")])


def test_what_the_file_asks_for_already_is_not_added() -> None:
    with pytest.raises(InputError, match=r"^requirements.txt line 2 asks for torch already; change that line"):
        with_new("peft\ntorch==2.5\n", ("torch", "==2.6"))


@pytest.mark.parametrize(
    "specifier", ["2.6", "=2.6", "==2.6 ; os_name == 'nt'", "==2.6\npeft", "[x]==2.6", " @ https://host.example/x.whl", "==2.6 # x"]
)
def test_what_is_no_specifier_is_refused(specifier: str) -> None:
    with pytest.raises(InputError, match=r"^requirements.txt: torch cannot be set to"):
        changed("torch==2.5", "torch", specifier)


def test_an_option_before_the_version_is_refused() -> None:
    with pytest.raises(InputError, match="options stand before the version of torch; write them behind it"):
        changed("torch --hash=sha256:a ==2.5", "torch", "==2.6", hashes=("sha256:b",))


def test_a_freeze_is_edited_alike() -> None:
    with open(os.path.join(CASES, "pip_freeze", "box", "box.txt"), encoding="utf-8") as file:
        text = file.read()
    listing = pip_freeze.read(text, "box.txt", no_load)
    found = {one.name: one for one in listing.requirements}
    wanted = {"torch": "==2.6.0+cu126", "trl": "==0.13", "packaging": "==24.2"}
    edits = pip_freeze.edits(text, "box.txt", [Change(name=name, requirement=found[name], specifier=wanted[name]) for name in wanted])
    assert [edit.new for edit in edits] == ["==24.2", "2.6.0+cu126", "trl==0.13"]
    again = {one.name: one.specifier for one in pip_freeze.read(edited(text, edits), "box.txt", no_load).requirements}
    assert again == {one.name: wanted.get(one.name, one.specifier) for one in listing.requirements}
    with pytest.raises(InputError, match="mytrainer is installed from a folder"):
        pip_freeze.edits(text, "box.txt", [Change(name="mytrainer", requirement=found["mytrainer"], specifier="==1")])


def test_the_table_of_pip_list_is_refused() -> None:
    text = "Package Version\n------- -------\ntorch   2.5.1\n"
    found = pip_freeze.read(text, "list.txt", no_load).requirements[0]
    with pytest.raises(InputError, match=r"^list.txt: .*; write the list with `pip freeze`"):
        pip_freeze.edits(text, "list.txt", [Change(name="torch", requirement=found, specifier="==2.6")])
    assert pip_freeze.edits(text, "list.txt", []) == ()


def test_an_edit_of_another_text_is_refused() -> None:
    edit = Edit(document="x.txt", start=5, end=10, old="==2.5", new="==2.6")
    assert edited("torch==2.5", [edit]) == "torch==2.6"
    with pytest.raises(InputError, match=r"^x.txt line 2: the file was changed since it was read; run"):
        edited("a\ntorch==2.5", [edit])
    with pytest.raises(InputError, match=r"^x.txt line 1: two changes want the same place"):
        edited("torch==2.5", [edit, Edit(document="x.txt", start=7, end=10, old="2.5", new="2.6")])


def test_ten_megabytes_of_one_line_are_edited() -> None:
    hashes = " \\\n --hash=sha256:00" * 300_000
    assert (
        changed("torch==2.5.1" + hashes, "torch", "==2.6", hashes=("sha256:1", "sha256:2"))
        == "torch==2.6 \\\n --hash=sha256:1 \\\n --hash=sha256:2"
    )
    comment = "x" * 10_000_000
    assert changed(f"torch==2.5.1 # {comment}\n", "torch", "==2.6") == f"torch==2.6 # {comment}\n"


def test_nul_bytes_and_strange_line_breaks_stay() -> None:
    text = "# \0 \x0b \x0c \u2028 \x85\ntorch==2.5\0\npeft==1\t\x0c\n"
    assert changed(text, "peft", "==2") == text.replace("==1", "==2")
