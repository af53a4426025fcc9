"""Fine-tune a small model with LoRA. The check stands before everything that is slow to import."""
# ruff: noqa: E402

import envdoctor

envdoctor.preflight(use="sft", model="Qwen/Qwen2.5-0.5B", method="lora", dtype="bf16")

from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

trainer = SFTTrainer(
    model="Qwen/Qwen2.5-0.5B",
    train_dataset=load_dataset("trl-lib/Capybara", split="train[:1000]"),
    args=SFTConfig(output_dir="out", max_length=1024, bf16=True, max_steps=100),
    peft_config=LoraConfig(r=16, target_modules="all-linear"),
)
trainer.train()
trainer.save_model()
