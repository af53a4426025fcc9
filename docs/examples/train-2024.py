"""Fine-tune a small model with LoRA, as tutorials of 2024 wrote it."""

from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainingArguments
from trl import SFTTrainer

MODEL = "Qwen/Qwen2.5-0.5B"

tokenizer = AutoTokenizer.from_pretrained(MODEL)
model = AutoModelForCausalLM.from_pretrained(MODEL)
args = TrainingArguments(
    output_dir="out",
    evaluation_strategy="no",
    per_device_train_batch_size=4,
)
trainer = SFTTrainer(
    model=model,
    args=args,
    train_dataset=load_dataset("trl-lib/Capybara", split="train[:1000]"),
    tokenizer=tokenizer,
    max_seq_length=1024,  # tokens
    peft_config=LoraConfig(r=16, target_modules="all-linear"),
)
trainer.train()
