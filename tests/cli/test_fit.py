"""`envdoctor fit`: verdicts of real runs that died, the machine-readable answer, and what nonsense is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from envdoctor.cli import main

NEWEST = ["--with", "torch==2.11.0", "--with", "transformers==5.17.0", "--with", "trl==1.16.0"]


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is a real server of our own in tests/facts/test_hub.py."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def fit(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["fit", *words, *NEWEST, "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_answer_holds_every_byte(capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--model", "Qwen/Qwen2.5-7B-Instruct", "--gradient-checkpointing", "--gpu", "H100-80GB")
    assert found["verdict"] == "fits"
    assert found["tier"] == "A"
    assert 0 < found["error_band"] < 0.1
    assert sum(found["categories"].values()) == pytest.approx(found["device_bytes"], rel=0.001)
    assert found["peak_allocated_bytes"] < found["peak_reserved_bytes"] < found["device_bytes"] < found["card"]["bytes"]
    assert found["largest"]["batch"] > 1


def test_a_rank_of_128_fills_a_card_of_24_gigabytes(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "Qwen/Qwen2.5-7B-Instruct", "--rank", "128", "--seq", "512", "--dtype", "fp16", "--optimizer", "adamw_torch"]
    found = fit(capsys, *words, "--gradient-checkpointing", "--gpu", "24GB")
    assert found["verdict"] == "tight"
    parts = found["categories"]
    assert parts["adapters"] + parts["gradients"] + parts["states"] + parts["passing"] > 6e9  # this, not the activations, is the answer
    assert parts["activations"] < 1e9
    assert {"--rank 64", "--optimizer adamw_bnb_8bit"} <= {change["change"] for change in found["changes"]}


def test_a_dequantised_gpt_oss_takes_76_gigabytes_and_its_4_bit_variant_fits_on_24(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "openai/gpt-oss-20b", "--targets", "attention", "--gradient-checkpointing"]
    found = fit(capsys, *words, "--batch", "4", "--seq", "2048", "--gpu", "H100-80GB")
    assert 74e9 < found["device_bytes"] < 77e9
    assert found["verdict"] == "fits"  # as it did when it was measured on one
    assert fit(capsys, *words, "--batch", "8", "--seq", "4096", "--gpu", "H100-80GB")["verdict"] == "does not fit"
    four = fit(capsys, "--model", "unsloth/gpt-oss-20b", "--method", "qlora", "--rank", "64", "--trainer", "unsloth", "--gpu", "A10G")
    assert four["verdict"] == "fits"
    assert 12e9 < four["device_bytes"] < 16e9


def test_where_one_change_is_not_enough_no_more_are_asked_than_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--model", "meta-llama/Llama-3.1-8B", "--method", "full", "--gpu", "24GB")
    assert [change["change"] for change in found["changes"]] == ["--gradient-checkpointing, and --method lora --rank 16"]
    assert found["changes"][0]["costs"] == "about a third more time, and only adapters are trained"
    after = fit(capsys, "--model", "meta-llama/Llama-3.1-8B", "--rank", "16", "--gradient-checkpointing", "--gpu", "24GB")
    assert after["verdict"] == "fits"


def test_the_vocabulary_is_what_breaks_gemma_on_a_t4(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "google/gemma-3-1b-it", "--method", "full", "--optimizer", "galore_adamw_8bit", "--seq", "2048", "--gpu", "T4"]
    found = fit(capsys, *words, "--batch", "2")
    assert found["verdict"] == "does not fit"
    assert found["categories"]["logits"] == max(found["categories"].values())
    assert fit(capsys, *words, "--batch", "1", "--gradient-checkpointing")["verdict"] == "fits"


def test_gpt_oss_120b_is_shared_by_two_cards(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "openai/gpt-oss-120b", "--targets", "attention", "--batch", "3", "--seq", "512", "--gpu", "H200"]
    assert fit(capsys, *words)["verdict"] == "does not fit"
    found = fit(capsys, *words, "--gpus", "2")
    assert found["verdict"] != "does not fit"
    assert found["categories"]["weights"] == pytest.approx(116.9e9, rel=0.01)  # half of 233.7 GB: bf16, not 4 bit


@pytest.mark.parametrize(
    ("words", "less"),
    [
        (["--sharing", "zero1"], {"states"}),
        (["--sharing", "zero2"], {"states", "gradients"}),
        (["--sharing", "fsdp"], {"states", "gradients", "weights"}),
    ],
)
def test_what_cards_share_shrinks(capsys: pytest.CaptureFixture[str], words: list[str], less: set[str]) -> None:
    run = ["--model", "meta-llama/Llama-3.1-8B", "--method", "full", "--gpu", "H100-80GB"]
    one, four = fit(capsys, *run), fit(capsys, *run, "--gpus", "4", *words)
    parts = ("states", "gradients", "weights")
    assert {part for part in parts if four["categories"][part] < one["categories"][part]} == less


def test_older_cards_have_smaller_workspaces(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "Qwen/Qwen3-0.6B", "--gradient-checkpointing"]
    sizes = {card: fit(capsys, *words, "--gpu", card)["workspace_bytes"] for card in ("T4", "H100-80GB", "24GB")}
    assert sizes == {"T4": 17039360, "H100-80GB": 67108864, "24GB": 67108864}


def test_versions_change_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "--model", "meta-llama/Llama-3.1-8B", "--trainer", "trl", "--dtype", "bf16", "--seq", "8192", "--format", "json"]
    peaks = []
    for version in ("1.0.0", "1.16.0"):
        main([*words, "--with", f"trl=={version}"])
        peaks.append(json.loads(capsys.readouterr().out)["peak_allocated_bytes"])
    assert peaks[0] > 1.3 * peaks[1]  # full logits before trl's fused head


def test_transformers_4_loads_in_fp32_and_copies_the_logits(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "--model", "Qwen/Qwen2.5-7B", "--batch", "2", "--gradient-checkpointing", "--format", "json"]
    answers = []
    for version in ("4.46.3", "4.57.1", "5.17.0"):
        main([*words, "--dtype", "bf16", "--with", f"transformers=={version}"])
        answers.append(json.loads(capsys.readouterr().out))
    logits = 2 * 1024 * 152064
    assert answers[0]["peak_allocated_bytes"] - answers[1]["peak_allocated_bytes"] == pytest.approx(2 * logits, rel=0.1)
    assert answers[1]["peak_allocated_bytes"] == answers[2]["peak_allocated_bytes"]
    assert answers[1]["error_band"] > answers[2]["error_band"]  # only the newer was measured
    main([*words, "--with", "transformers==4.46.3"])
    assert "weights are loaded in fp32, as transformers does by itself" in json.loads(capsys.readouterr().out)["assumed"]


def test_a_folder_a_file_and_the_table_are_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sizes = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32}
    sizes |= {"num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "tie_word_embeddings": True, **sizes}))
    answers = [fit(capsys, "--model", name) for name in (str(tmp_path), str(tmp_path / "config.json"), "meta-llama/Llama-3.2-1B")]
    assert len({answer["peak_reserved_bytes"] for answer in answers}) == 1
    assert answers[0]["verdict"] is None


def test_a_cached_model_is_read_from_the_cache(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models--me--own" / "snapshots" / "1"
    folder.mkdir(parents=True)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **sizes}))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert fit(capsys, "--model", "me/own")["shape"]["source"].endswith("config.json")


def test_a_script_says_what_the_command_line_does_not(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        "from peft import LoraConfig\nfrom trl import SFTConfig, SFTTrainer\n"
        'SFTTrainer(model="Qwen/Qwen2.5-0.5B", args=SFTConfig(max_length=512), peft_config=LoraConfig(r=16)).train()\n'
    )
    found = fit(capsys, str(path))
    assert found["model"] == "Qwen/Qwen2.5-0.5B"
    assert any("the batch is 8" in text for text in found["assumed"])
    smaller = fit(capsys, str(path), "--batch", "1")
    assert smaller["peak_allocated_bytes"] < found["peak_allocated_bytes"]
    path.write_text("print(1)\n")
    assert main(["fit", str(path)]) == 2
    assert "does not say it plainly" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_the_drawing_has_a_line_for_each_batch_and_the_card(capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"fit.{kind}"
    words = ["--model", "Qwen/Qwen2.5-7B", "--batch", "2", "--gradient-checkpointing", "--plot", str(path)]
    fit(capsys, *words, "--gpu", "24GB")
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text.partition("<body>")[2].partition("</body>")[0] or text)
    said = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {f"batch {batch}" for batch in (1, 2, 4, 8, 16)} <= set(said)
    assert "the card" in said
    fit(capsys, *words)
    assert "the card" not in path.read_text(encoding="utf-8")


def test_a_drawing_of_another_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--model", "Qwen/Qwen3-4B", "--plot", "fit.gif"]) == 2
    assert "must end in .svg, .html or .png" in capsys.readouterr().err


def test_the_drawing_in_pixels_shows_the_lines_and_the_card(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "fit.png"
    words = ["--model", "Qwen/Qwen2.5-7B", "--batch", "2", "--gradient-checkpointing", "--plot", str(path)]
    fit(capsys, *words, "--gpu", "24GB")
    with Image.open(path) as picture:
        assert picture.size == (1440, 800)
        seen = {colour for _, colour in picture.getcolors(1 << 20) or ()}
    assert {(0xDD, 0, 0), (0, 0x72, 0xB2), (0xE6, 0x9F, 0), (0, 0x9E, 0x73), (255, 255, 255)} <= seen


def test_a_drawing_without_pillow_says_what_to_install(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "envdoctor.memory.raster", raising=False)
    assert main(["fit", "--model", "Qwen/Qwen3-4B", "--plot", str(tmp_path / "fit.png")]) == 2
    assert "pip install 'envdoctor[plot]'" in capsys.readouterr().err
    assert not (tmp_path / "fit.png").exists()


def test_a_family_that_was_not_measured_has_bounds_only(capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", "--model", "internlm/internlm2-7b", *NEWEST])
    assert "bounds only" in capsys.readouterr().out


def test_inference_holds_its_cache(capsys: pytest.CaptureFixture[str]) -> None:
    short, long = (fit(capsys, "--model", "Qwen/Qwen3-8B", "--method", "inference", "--seq", seq) for seq in ("1024", "32768"))
    cache = 2 * 36 * 8 * 128 * 2  # bytes a token: keys and values of 36 layers
    assert long["verdict"] is None
    main(["fit", "--model", "Qwen/Qwen3-8B", "--method", "inference", "--seq", "32768", "--batch", "2", "--gpu", "24GB", *NEWEST])
    told = capsys.readouterr().out
    assert "keys and values" in told
    assert "  --seq 8000" in told
    assert long["categories"]["activations"] - short["categories"]["activations"] >= cache * (32768 - 1024)


def test_an_evaluation_with_a_larger_batch_is_what_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "Qwen/Qwen2.5-7B", "--gradient-checkpointing", "--gpu", "24GB"]
    small, large = (fit(capsys, *words, "--eval-batch", batch) for batch in ("1", "8"))
    assert (small["verdict"], large["verdict"]) == ("fits", "does not fit")
    assert "evaluation" not in small["categories"]
    assert [change["change"] for change in large["changes"]] == ["--eval-batch 2"]
    assert fit(capsys, *words, "--eval-batch", "2")["verdict"] == "fits"
    assert sum(large["categories"].values()) == large["device_bytes"]
    assert small["evaluation"]["peak_allocated_bytes"] < small["peak_allocated_bytes"] < large["evaluation"]["peak_allocated_bytes"]
    logits = 8 * 1024 * 152064 * (2 + 4 + 4)  # in 16 bit, in fp32, and their log_softmax
    assert large["evaluation"]["peak_allocated_bytes"] == pytest.approx(large["categories"]["weights"] + logits, rel=0.02)
    main(["fit", *words, "--eval-batch", "8", *NEWEST])
    assert "of tensors at batch 8, more than training" in capsys.readouterr().out


def test_a_script_says_how_it_evaluates(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    source = (
        "from transformers import AutoModelForCausalLM, Trainer, TrainingArguments\n"
        'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B")\n'
        'args = TrainingArguments(per_device_train_batch_size=1, eval_strategy="steps")\n'
        "Trainer(model, args, train_dataset=a, eval_dataset=b, compute_metrics=f).train()\n"
    )
    path.write_text(source)
    found = fit(capsys, str(path))
    assert found["evaluation"]["batch"] == 8  # what TrainingArguments takes by itself
    assert any("keeps the logits of all evaluated samples" in text for text in found["assumed"])
    path.write_text(source.replace('"steps"', '"no"'))
    assert fit(capsys, str(path))["evaluation"] is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--batch", "1"], "which model?"),
        (["--model", "Qwen/Qwen3-4B", "--batch", "0"], "--batch 0: must be 1 or more"),
        (["--model", "Qwen/Qwen3-4B", "--rank", "0"], "--rank 0: must be 1 or more"),
        (["--model", "me/own-model"], "neither a folder, nor in the Hugging Face cache, nor in the shipped table"),
        (["--model", "Qwen/Qwen2.5-7"], "Did you mean Qwen/Qwen2.5-7B"),
        (["--model", "me/own-model", "--offline"], "the hub is not asked (--offline)"),
        (["--model", "./nowhere"], "there is no such folder or file"),
        (["--model", "Qwen/Qwen3-4B", "--model", "Qwen/Qwen3-8B"], "--model: given more than once"),
        (["--model", "Qwen/Qwen3-4B", "--seq", "0"], "--seq 0: must be 1 or more"),
        (["--model", "Qwen/Qwen3-4B", "--eval-batch", "0"], "--eval-batch 0: must be 1 or more"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "0"], "--gpus 0: must be 1 or more"),
        (["--model", "Qwen/Qwen3-4B", "--gpu", "H1000"], "not a card envdoctor knows"),
        (["--model", "Qwen/Qwen3-4B", "--gpu", "24"], "did you mean 24GB?"),
        (["--model", "Qwen/Qwen3-4B", "--gpu", "T4,H100"], "one card at a time"),
        (["--model", "Qwen/Qwen3-4B", "--gpu", "T4", "--gpu=H100"], "--gpu: given more than once"),
        (["--model", "Qwen/Qwen3-4B", "--optimizer", "muon"], "not modelled; choose one of"),
        (["--model", "Qwen/Qwen3-4B", "--optimizer", "adamw"], "did you mean adamw_torch_fused or adamw_torch?"),
        (["--model", "Qwen/Qwen3-4B", "--optimizer", "paged_adam_8bit"], "did you mean paged_adamw_8bit"),
        (["--model", "Qwen/Qwen3-4B", "--plot", "/nowhere/fit.svg"], "--plot /nowhere/fit.svg: cannot be written"),
        (["--model", "Qwen/Qwen3-4B", "--targets", "everything"], "is none of all-linear"),
        (["--model", "Qwen/Qwen3-4B", "--with", "trl"], "must be a package and its version"),
        (["--model", "Qwen/Qwen3-4B", "--sharing", "zero3"], "wants --gpus 2 or more"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--method", "inference", "--sharing", "ddp"], "shares out training"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--plot", "fit.svg"], "draws runs on one card"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--sharing", "fsdp", "--offload"], "--offload: goes with zero1, zero2, zero3"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--sharing", "fsdp", "--deepspeed", "ds.json"], "leave one out"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--deepspeed", "/nowhere.json"], "there is no such file"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--max-memory", "some"], "--max-memory some: is no size"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--max-memory", "1GiB"], "what lies elsewhere cannot be trained"),
        (["--model", "Qwen/Qwen3-4B", "--gpus", "2", "--max-memory", "1GiB", "--sharing", "ddp"], "goes with --sharing layers"),
        (["--model", "openai/gpt-oss-20b", "--attention", "sdpa"], "choose eager"),
    ],
)
def test_nonsense_is_told_what_is_wrong(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(["fit", *words]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-1", "many"])
def test_a_batch_that_is_no_number_is_refused(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main(["fit", "--model", "Qwen/Qwen3-4B", "--batch", word]) == 2
    assert "--batch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no JSON object"),
        ("{}", "has no model_type"),
        ('{"model_type": "llama"}', "says nothing of hidden_size"),
    ],
)
def test_a_broken_configuration_says_what_is_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert main(["fit", "--model", str(path)]) == 3
    assert says in capsys.readouterr().err


SHARED = """
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("meta-llama/Llama-3.2-1B", dtype="bfloat16")
Trainer(model, args=TrainingArguments(output_dir="out", per_device_train_batch_size=1, gradient_checkpointing=True, {})).train()
"""


@pytest.mark.parametrize(
    ("argument", "other"),
    [
        ('deepspeed={"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}', ["--sharing", "zero2", "--offload"]),
        ('deepspeed="ds.json"', ["--sharing", "zero3"]),
        ("fsdp=True", ["--sharing", "fsdp"]),
    ],
)
def test_a_script_says_how_cards_share(capsys: pytest.CaptureFixture[str], tmp_path: Path, argument: str, other: list[str]) -> None:
    (tmp_path / "ds.json").write_text('{"zero_optimization": {"stage": 3}}')
    script = tmp_path / "train.py"
    script.write_text(SHARED.replace("{}", argument))
    told = fit(capsys, str(script), "--gpus", "2", "--gpu", "H100-80GB")
    said = fit(capsys, "--model", "meta-llama/Llama-3.2-1B", "--method", "full", "--dtype", "bf16", "--gradient-checkpointing", *other,
               "--gpus", "2", "--gpu", "H100-80GB")  # fmt: skip
    assert told["categories"] == said["categories"]
    assert told["error_band"] <= 0.12
    fit(capsys, str(script), "--gpu", "H100-80GB")


def test_what_two_cards_cannot_hold_is_shared_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--model", "meta-llama/Llama-3.2-3B", "--method", "full", "--dtype", "bf16", "--gradient-checkpointing", "--gpus", "2",
                "--sharing", "zero2", "--gpu", "40GB")  # fmt: skip
    assert found["verdict"] == "does not fit"
    assert "--offload" in [change["change"] for change in found["changes"]]


def test_gpt_oss_120b_finds_room_on_two_h200(capsys: pytest.CaptureFixture[str]) -> None:
    found = fit(capsys, "--model", "openai/gpt-oss-120b", "--targets", "attention", "--batch", "3", "--seq", "512", "--dtype", "bf16",
                "--no-gradient-checkpointing", "--gpus", "2", "--gpu", "H200", "--max-memory", "135GiB")  # fmt: skip
    assert found["verdict"] == "fits"
    assert found["categories"]["weights"] == pytest.approx(116.8e9, rel=0.001)  # half of them, in bf16
