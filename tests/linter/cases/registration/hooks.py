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
    "a block that returns one stream": _returning("return hidden_states", True),
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
