"""Masks that are made where they are passed, and what a layer is given to declare."""

_HEAD = """
    from torch import nn

    from diffusers.models.attention import AttentionModuleMixin


    class TinyProcessor:
        _attention_backend = None
        _parallel_config = None

        def __call__(self, attn, hidden_states):
            return hidden_states


    class OtherProcessor(TinyProcessor):
        pass

"""


def _layer(*lines: str) -> str:
    body = "".join(f"        {line}\n" if line else "\n" for line in lines)
    forward = "        def forward(self, hidden_states):\n            return self.processor(self, hidden_states)\n"
    return f"{_HEAD}\n    class TinyAttention(nn.Module, AttentionModuleMixin):\n{body}{forward}"


_INIT = ("def __init__(self):", "    super().__init__()", "    self.set_processor({})", "")
_BOTH = ("_default_processor_cls = TinyProcessor", "_available_processors = [TinyProcessor]")

CASES = {
    "masks that are made where they are passed": """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, x, y):
                x = self.attn(x, attention_mask=torch.ones(2))  #! ATT009
                x = self.attn(x, attn_mask=torch.zeros(2, 2))  #! ATT009
                x = self.attn(x, y, encoder_attention_mask=x.new_ones(2))  #! ATT009
                x = self.attn(x, attention_mask=torch.zeros(2, dtype=torch.bool))
                x = self.attn(x, attention_mask=torch.zeros(2, dtype=torch.long))
                x = self.attn(x, attention_mask=torch.ones(2, dtype=torch.bool))  #! ATT009
                x = self.attn(x, scale=torch.ones(2), attention_mask=y)
                x = self.attn(x, torch.ones(2))
                x = self.attn(torch.ones(2), attention_mask=y)
                x = self.attn(x, attention_mask=torch.rand(2))
                torch.ones(2)
                return self.attn(self.scaled(torch.ones(2)), attention_mask=y)
    """,
}

FIXES = {
    "a layer that sets its processor declares it": (
        "ATT003",
        _layer(*(line.format("TinyProcessor()") for line in _INIT)),
        _layer(*_BOTH, "", *(line.format("TinyProcessor()") for line in _INIT)),
    ),
    "a layer that sets one of two processors is left to a person": (
        "ATT003",
        _layer(*(line.format("TinyProcessor() if fast else OtherProcessor()") for line in _INIT)),
        None,
    ),
    "a layer that sets what it is given is left to a person": (
        "ATT003",
        _layer(*(line.format("made()") for line in _INIT)),
        None,
    ),
    "the only processor that is available is the default": (
        "ATT003",
        _layer("_available_processors = [TinyProcessor]", ""),
        _layer("_available_processors = [TinyProcessor]", "_default_processor_cls = TinyProcessor", ""),
    ),
    "one of two that are available is for a person to choose": (
        "ATT003",
        _layer("_available_processors = [TinyProcessor, OtherProcessor]", ""),
        None,
    ),
    "what is made at run time is no name": (
        "ATT003",
        _layer("_available_processors = [make()]", ""),
        None,
    ),
    "the default becomes available": (
        "ATT003",
        _layer("_default_processor_cls = TinyProcessor", ""),
        _layer(*_BOTH, ""),
    ),
    "no default at all is left to a person": ("ATT003", _layer("_default_processor_cls = None", ""), None),
    "the default goes before the others": (
        "ATT003",
        _layer(_BOTH[0], "_available_processors = [OtherProcessor]", ""),
        _layer(_BOTH[0], "_available_processors = [TinyProcessor, OtherProcessor]", ""),
    ),
    "the default goes into an empty list": (
        "ATT003",
        _layer(_BOTH[0], "_available_processors = []", ""),
        _layer(_BOTH[0], "_available_processors = [TinyProcessor]", ""),
    ),
    "the default goes into a list that spans lines": (
        "ATT003",
        _layer(_BOTH[0], "_available_processors = [", "    OtherProcessor,", "]", ""),
        _layer(_BOTH[0], "_available_processors = [TinyProcessor,", "    OtherProcessor,", "]", ""),
    ),
    "the default goes into a list behind its annotation": (
        "ATT003",
        _layer(_BOTH[0], "_available_processors: list[type] = [ OtherProcessor ]", ""),
        _layer(_BOTH[0], "_available_processors: list[type] = [TinyProcessor, OtherProcessor ]", ""),
    ),
    "what a star brings is no processor": ("ATT003", _layer("_available_processors = [*PROCESSORS]", ""), None),
    "a layer declares what its base leaves open": (
        "ATT003",
        _layer("_default_processor_cls = None", "")
        + "\n\n    class OtherAttention(TinyAttention):\n"
        + "".join(f"        {line.format('TinyProcessor()')}\n" for line in _INIT[:-1]),
        _layer("_default_processor_cls = None", "")
        + "\n\n    class OtherAttention(TinyAttention):\n"
        + "".join(f"        {line}\n" for line in (*_BOTH,))
        + "\n"
        + "".join(f"        {line.format('TinyProcessor()')}\n" for line in _INIT[:-1]),
    ),
    "a tuple is left to a person": (
        "ATT003",
        _layer(_BOTH[0], "_available_processors = (OtherProcessor,)", ""),
        None,
    ),
    "a layer goes by what its base declares": (
        "ATT003",
        _layer(*_BOTH, "")
        + "\n\n    class OtherAttention(TinyAttention):\n        _available_processors = [OtherProcessor]\n",
        None,
    ),
    "a layer that takes its base's default away": (
        "ATT003",
        _layer(*_BOTH, "")
        + "\n\n    class OtherAttention(TinyAttention):\n        _default_processor_cls = None\n        heads = 2\n",
        None,
    ),
}

MESSAGES = {
    "what a layer does not declare": (
        "ATT003",
        _layer("_default_processor_cls = None", _BOTH[1])
        + "\n\n    class AloneAttention(nn.Module, AttentionModuleMixin):\n"
        + "        _default_processor_cls = TinyProcessor\n"
        + "\n\n    class EmptyAttention(AloneAttention):\n        _available_processors = []\n"
        + "\n\n    class OtherAttention(AloneAttention):\n        _available_processors = [OtherProcessor]\n",
        (
            "`TinyAttention` does not declare `_default_processor_cls`",
            "`AloneAttention` does not declare `_available_processors`",
            "`EmptyAttention` does not declare `_available_processors`",
            "`TinyProcessor` is the default processor of `OtherAttention` but not among `_available_processors`",
        ),
    ),
}
