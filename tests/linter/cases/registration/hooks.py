"""What hooks are told of blocks: where, under which names, and in which order they return."""

from linter.rules.registration import BLOCK_FILE, HOOK_TABLES, HOOKED_LIBRARY, LAZY_TOP


# The package of models is empty there: what is looked at here is what the hooks know.
_HOOKED = {**HOOKED_LIBRARY, "tinylib/__init__.py": LAZY_TOP.replace('["TinyModel"]}', '["TinyModel"]}  #! REG004')}
TINY, TABLES = "tinylib/models/tiny.py", "tinylib/hooks/_helpers.py"
_RETURN = "return encoder_hidden_states, hidden_states"
_IMPORTED = "from ..hooks._helpers import TransformerBlockRegistry\n            from .modeling_utils import"
_MARKED = "metadata=TransformerBlockMetadata(  #! REG014"


def _returning(statement: str, is_found: bool) -> dict[str, str]:
    tables = HOOK_TABLES.replace("metadata=TransformerBlockMetadata(", _MARKED) if is_found else HOOK_TABLES
    return {**_HOOKED, TINY: BLOCK_FILE.replace(_RETURN, statement), TABLES: tables}


def _registered(arguments: str, is_found: bool) -> dict[str, str]:
    tables = HOOK_TABLES.replace("return_hidden_states_index=1,", arguments)
    tables = tables.replace("metadata=TransformerBlockMetadata(", _MARKED) if is_found else tables
    return {**_HOOKED, TABLES: tables}


def _with_more(text: str, head: str = "") -> dict[str, str]:
    """The library with more below its model, and another import."""
    file = BLOCK_FILE.replace("from .modeling_utils import", _IMPORTED) if head else BLOCK_FILE
    return {**_HOOKED, TINY: file + text}


CASES = {
    "a block that returns the other order": _returning("return hidden_states, encoder_hidden_states", True),
    "a block that returns too little": _returning("return (hidden_states,)", True),
    "a block that returns too little, by another name": _returning("return (output,)", True),
    "a block that returns one stream": _returning("return hidden_states", True),
    "a block that returns one stream, and is registered so": {
        **_returning("return hidden_states", False),
        TABLES: HOOK_TABLES.replace("hidden_states_index=1", "hidden_states_index=0", 1).replace(
            "return_encoder_hidden_states_index=0", "return_encoder_hidden_states_index=None"
        ),
    },
    "a block that takes its stream by another name": {
        **_HOOKED,
        TINY: BLOCK_FILE.replace(
            "self, hidden_states, encoder_hidden_states", "self, sample, encoder_hidden_states"
        ).replace(_RETURN, "return encoder_hidden_states, sample"),
        TABLES: HOOK_TABLES.replace("metadata=TransformerBlockMetadata(", _MARKED),
    },
    "a block that returns a variable": _returning("return output", False),
    "a block that returns what is worked out": _returning("return self.first(hidden_states), self.second", False),
    "a block that returns nothing": _returning("self.last = hidden_states", False),
    "a block that returns as registered in one branch": _returning(
        "if self.first:\n                        return hidden_states, encoder_hidden_states\n"
        "                    return encoder_hidden_states, hidden_states",
        False,
    ),
    "a block that takes what the registration says": _registered(
        'return_hidden_states_index=1, hidden_states_argument_name="encoder_hidden_states",', False
    ),
    "a block that does not take what the registration says": _registered(
        'return_hidden_states_index=1, hidden_states_argument_name="sample",', True
    ),
    "a registration that names the argument by a variable": _registered(
        "return_hidden_states_index=1, hidden_states_argument_name=NAME,", False
    ),
    "a registration that says nothing of the first stream": _registered("return_hidden_states_index=None,", False),
    "registrations elsewhere: at the top, in a function, of other things": _with_more(
        """

            TransformerBlockRegistry.register(TinyBlock, None)  #! REG021


            def register():
                TransformerBlockRegistry.register(TinyBlock, None)  #! REG021
                TransformerBlockRegistry.get(TinyBlock)
                registry.register(TinyBlock, None)
        """,
        head="import",
    ),
    "lists of blocks: known, unknown, of parts, of other models": _with_more("""

            class TinyPart(nn.Module):
                def forward(self, sample):
                    return sample


            class TinyPartBlock(nn.Module):
                def forward(self, sample):
                    return sample


            class UnknownTransformer(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([TinyBlock()])  #! REG016


            class KnownTransformer(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.blocks = nn.ModuleList([TinyBlock()])
                    self.stack = nn.ModuleList([TinyBlock()])


            class MixedTransformer(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([TinyBlock(), TinyPart()])  #! REG016


            class TinyLayer(nn.Module):
                def forward(self, hidden_states):
                    return hidden_states


            class LayeredTransformer(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.layers = nn.ModuleList([TinyLayer()])


            class PartTransformer(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([TinyPart()])
                    self.others = nn.ModuleList([TinyPartBlock()])


            class OtherModel(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([TinyBlock()])


            class CachingModel(ModelMixin, CacheMixin):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([TinyBlock()])  #! REG016


            class LayerTransformer(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([TinyBlock()])
    """),
    "blocks that the hooks do not know, in models with caches and without": _with_more("""

            class OtherBlock(nn.Module):
                def forward(self, hidden_states):
                    return hidden_states


            class CachingModel(ModelMixin, CacheMixin):  #! REG013
                def __init__(self):
                    super().__init__()
                    self.blocks = nn.ModuleList([OtherBlock()])


            class PlainModel(ModelMixin):
                def __init__(self):
                    super().__init__()
                    self.blocks = nn.ModuleList([OtherBlock()])


            class CachingLayer(nn.Module, CacheMixin):
                def __init__(self):
                    super().__init__()
                    self.blocks = nn.ModuleList([OtherBlock()])


            class ElsewhereModel(ModelMixin, CacheMixin):
                def __init__(self):
                    super().__init__()
                    self.stack = nn.ModuleList([OtherBlock()])  #! REG016
    """),
}

_CACHING = """

            class OtherBlock(nn.Module):
                def forward(self, hidden_states):
                    return hidden_states


            class CachingModel(ModelMixin, CacheMixin):{}
                def __init__(self):
                    super().__init__()
                    self.{} = nn.ModuleList([OtherBlock()])
"""

CASES |= {
    "blocks of a library that registers none": {
        **_HOOKED,
        TINY: BLOCK_FILE + _CACHING.format("", "blocks"),
        TABLES: "class TransformerBlockRegistry:\n    pass\n",
    },
    "blocks of a library whose hooks look for no names": {
        **{name: text for name, text in _HOOKED.items() if name != "tinylib/hooks/_common.py"},
        TINY: BLOCK_FILE + _CACHING.format("", "stack"),
    },
    "registries of a library that has none": {
        **{name: text for name, text in _HOOKED.items() if name != TABLES},
        TINY: BLOCK_FILE + "\n\n            TransformerBlockRegistry.register(TinyBlock, None)\n",
    },
}

_PROCESSORS = """
            from elsewhere import FarProcessor


            class TinyProcessor:
                pass


            class OtherProcessor:
                pass


            class OldProcessor:
                def __new__(cls):
                    return TinyProcessor()


            class TinyAttention:
                _default_processor_cls = TinyProcessor  #! REG015


            class OtherAttention:
                _default_processor_cls = OtherProcessor


            class BareAttention:
                _default_processor_cls = None


            class FarAttention:
                _default_processor_cls = FarProcessor


            class TinyNorm:
                eps = 1e-6
"""
_REGISTERING = """

            def _register_attention_processors_metadata():
                from ..models.other import Other
                from ..models.tiny import Gone, OldProcessor, OtherProcessor, TinyNorm

                AttentionProcessorRegistry.register(model_class=Other, metadata=None)
                AttentionProcessorRegistry.register(model_class=Gone, metadata=None)
                AttentionProcessorRegistry.register(model_class=TinyNorm, metadata=None)
                AttentionProcessorRegistry.register(model_class=OldProcessor, metadata=None)
                AttentionProcessorRegistry.register(OtherProcessor, metadata=None)
"""

CASES |= {
    "processors, their deprecated names, and what is no processor": {
        **_HOOKED,
        TINY: BLOCK_FILE + _PROCESSORS,
        TABLES: HOOK_TABLES + _REGISTERING,
    },
    "processors of a library without such tables": {
        **{name: text for name, text in _HOOKED.items() if name != TABLES},
        TINY: BLOCK_FILE + _PROCESSORS.replace("  #! REG015", ""),
    },
    "blocks that are not there, that have no forward, of which nothing is said": {
        **_HOOKED,
        TINY: BLOCK_FILE + "\n\n            class Plain:\n                pass\n",
        TABLES: HOOK_TABLES
        + """
                from ..models.tiny import Gone, Plain

                TransformerBlockRegistry.register(Gone, metadata=TransformerBlockMetadata(1))
                TransformerBlockRegistry.register(Plain, metadata=TransformerBlockMetadata(1))
                TransformerBlockRegistry.register(TinyBlock)
""",
    },
    "a block that takes whatever it is given": {
        **_registered('return_hidden_states_index=1, hidden_states_argument_name="sample",', False),
        TINY: BLOCK_FILE.replace("encoder_hidden_states):", "encoder_hidden_states, **kwargs):"),
    },
    "registries by other ways, and other registries": {
        **_HOOKED,
        "tinylib/hooks/__init__.py": "from ._helpers import AttentionProcessorRegistry\n\n\n"
        "class CacheMixin:\n    pass\n",
        TINY: BLOCK_FILE
        + """

            class OtherRegistry:
                pass


            OtherRegistry.register(TinyBlock)
            TransformerBlockRegistry.register(TinyBlock)


            def register():
                from tinylib.hooks import AttentionProcessorRegistry
                from ..hooks import _helpers as tables
                from ..hooks._helpers import AttentionProcessorRegistry as Processors

                tables.TransformerBlockRegistry.register(TinyBlock)  #! REG021
                tables.TransformerBlockRegistry.get(TinyBlock)
                registry.TransformerBlockRegistry.register(TinyBlock)
""",
        "tinylib/models/other.py": "from ..hooks import AttentionProcessorRegistry\n\n"
        "AttentionProcessorRegistry.register(None)  #! REG021\n",
    },
}

_SHIM = """

            class {}:
                def __new__(cls, fast=False):
                    if fast:
                        return FastProcessor()
                    return {}()
"""

MESSAGES = {
    "a processor that the hooks know by its deprecated name, beside those of others": (
        "REG015",
        {
            **_HOOKED,
            TINY: """
            class FastProcessor:
                pass


            class TinyProcessor:
                pass


            class OtherProcessor:
                pass


            class LoneProcessor:
                pass
"""
            + _SHIM.format("OldOtherProcessor", "OtherProcessor")
            + _SHIM.format("OldProcessor", "TinyProcessor")
            + "".join(
                f"\n\n            class {name}Attention:\n                _default_processor_cls = {name}Processor\n"
                for name in ("Tiny", "Lone")
            ),
            TABLES: HOOK_TABLES
            + """

            def _register_attention_processors_metadata():
                from ..models.tiny import OldOtherProcessor, OldProcessor

                AttentionProcessorRegistry.register(OldOtherProcessor, metadata=None)
                AttentionProcessorRegistry.register(OldProcessor, metadata=None)
""",
        },
        [
            "`TinyProcessor`, the default of `TinyAttention`, is not in the hooks' `AttentionProcessorRegistry`"
            "; its deprecated `OldProcessor` is",
            "`LoneProcessor`, the default of `LoneAttention`, is not in the hooks' `AttentionProcessorRegistry`",
        ],
    ),
}
