"""What is asked: the arguments of one training run, resolved. `arguments.py` makes it from words and versions."""

from __future__ import annotations

from envdoctor.model.record import Record


class Run(Record):
    """One run on one card. Widths are bytes an element; lengths are tokens."""

    method: str = "lora"  # full | lora | dora | qlora
    rank: int = 8
    targets: tuple[str, ...] = ("q", "k", "v", "o", "gate", "up", "down")
    saved_modules: tuple[str, ...] = ()  # of embed_tokens and lm_head, trained beside the adapters (modules_to_save)
    adapted_experts: tuple[str, ...] = ()  # of gate_up, down and router
    batch: int = 1
    seq: int = 1024
    width: int = 2  # of the loaded weights: 2 for bf16 and fp16, 4 for fp32
    autocast: bool = True
    adapter_width: int = 4  # peft keeps adapters in fp32 (autocast_adapter_dtype)
    outer_width: int = 0  # of what a 4-bit model leaves unquantised; 4 after prepare_model_for_kbit_training; 0: as `width`
    norm_width: int = 0  # of norms, where they are wider than embeddings and head (trl before 0.26 under QLoRA); 0: as these
    double_quantised: bool = True
    four_bit_experts: bool = False  # experts in 4 bit too, as unsloth stores its own copies
    optimizer: str = "adamw_torch_fused"
    attention: str = "sdpa"  # sdpa | eager | flash
    checkpointing: bool = True
    loss: str = "full"  # full | chunked | liger
    shifted_logits: bool = False  # the loss copies the fp32 logits once more, to leave the last token out
    fp32_logits_out: bool = True  # accelerate converts what a model returns to fp32 under autocast
    cached_evaluation: bool = False  # an evaluation fills the cache of keys and values
    fused: bool = False  # Liger's RMSNorm, SwiGLU and rotation
    workspace: int = 32 << 20  # bytes that cuBLAS takes for each of two threads
    margin: float = 0.0  # at least this share is left for what was not measured of the versions or the trainer
    cards: int = 1
    sharing: str = (
        ""  # layers: some on each card; ddp: everything on each; zero1: states shared; zero2: and gradients; zero3, fsdp: and weights
    )
    offload: bool = False  # the optimizer's states lie in the computer's own memory
    cloned_outputs: bool = False  # DDP looks for unused parameters, and clones what the model returns
    bucket: int = 500_000_000  # elements that DeepSpeed reduces at a time (reduce_bucket_size)
    overlap: bool | None = None  # DeepSpeed's overlap_comm; None: as the stage does
    sub_group: int = 1_000_000_000  # elements of one card that DeepSpeed's stage 3 updates at a time (sub_group_size)
    most_live: int = 1_000_000_000  # elements that it gathers ahead (stage3_max_live_parameters)
    offloaded_weights: bool = False  # stage 3 keeps its parts of the weights in the computer's own memory
    limits: tuple[int, ...] = ()  # bytes of each card that device_map="auto" may fill with weights (max_memory)

    @property
    def tokens(self) -> int:
        """Return the tokens of one step on one card."""
        return self.batch * self.seq

    @property
    def other_width(self) -> int:
        """Return the width of norms, embeddings and the head."""
        return self.outer_width or self.width
