"""WGT: how weights are loaded and how their keys are mapped."""

GUIDE = "models.md#weights-and-lora"
