"""Attention layers: what they inherit, declare and call, and where their processors are."""

CASES = {
    "layers by what they build, and what spares them the mixin": """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyBuilt(nn.Module):  #! ATT002
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.to_k = nn.Linear(dim, dim)
                self.to_v = nn.Linear(dim, dim)


        class TinySetting(nn.Module):  #! ATT002
            def __init__(self, dim):
                super().__init__()
                self.set_processor(dim)


        class TinyChanging(nn.Module):  #! ATT002
            def change(self, processor):
                self.set_processor(processor)


        class TinyQuery(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.to_k = nn.Linear(dim, dim)
                self.to_v = nn.Linear(dim, dim)


        class TinyKey(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.to_v = nn.Linear(dim, dim)


        class TinyValue(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Linear(dim, dim)
                self.to_k = nn.Linear(dim, dim)
                other.set_processor(dim)


        class TinyConvolved(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.to_q = nn.Conv2d(dim, dim)
                self.to_k = nn.Conv2d(dim, dim)
                self.to_v = nn.Conv2d(dim, dim)


        class TinyOwn(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.set_processor(dim)

            def set_processor(self, processor):
                self.processor = processor


        class TinyPlan:
            def __init__(self, dim):
                self.set_processor(dim)
    """,
    "processors that are declared, inherited, left out, unreadable": """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)


        class TinyOtherProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)


        class TinyDeclared(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor, TinyOtherProcessor]


        class TinyInherited(TinyDeclared):
            pass


        class TinyNone(nn.Module, AttentionModuleMixin):  #! ATT003
            _default_processor_cls = None
            _available_processors = [TinyAttnProcessor]


        class TinyMissing(nn.Module, AttentionModuleMixin):  #! ATT003
            _available_processors = [TinyAttnProcessor]


        class TinyAlone(nn.Module, AttentionModuleMixin):  #! ATT003
            _default_processor_cls = TinyAttnProcessor


        class TinyEmpty(nn.Module, AttentionModuleMixin):  #! ATT003
            _default_processor_cls = TinyAttnProcessor
            _available_processors = []


        class TinyApart(nn.Module, AttentionModuleMixin):  #! ATT003
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyOtherProcessor]


        class TinyComputed(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = everything()


        class TinyOpen(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyOtherProcessor, *everything()]


        class TinyUnknown(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyGoneProcessor  #! ATT014
            _available_processors = [TinyGoneProcessor, TinyAttnProcessor]  #! ATT014


        class TinyForeign(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor, shop.Gone]  #! ATT014


        class TinyNested(nn.Module, AttentionModuleMixin):
            Inner = TinyAttnProcessor
            _default_processor_cls = Inner
            _available_processors = [Inner]


        class TinyPlan:
            pass
    """,
    "a star import may bring any name": """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn

        from .processors import *


        class TinyUnknown(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyGoneProcessor
            _available_processors = [TinyGoneProcessor]
    """,
    "processors in other files": {
        "tinylib/__init__.py": "",
        "tinylib/processors.py": """
            class TinyAttnProcessor:
                def __call__(self, attn, hidden_states):
                    return attn.to_v(hidden_states)


            class TinyOtherProcessor:
                def __call__(self, attn, hidden_states):
                    return attn.to_v(hidden_states)


            def tiny_processor():
                pass
        """,
        "tinylib/model.py": """
            from diffusers.models.attention import AttentionModuleMixin
            from torch import nn

            from .processors import TinyAttnProcessor, TinyOtherProcessor, tiny_processor


            class TinyHere:
                def __call__(self, attn, hidden_states):
                    return attn.to_v(hidden_states)


            class TinyAttention(nn.Module, AttentionModuleMixin):
                _default_processor_cls = TinyAttnProcessor  #! ATT006
                _available_processors = [TinyAttnProcessor, TinyOtherProcessor]  #! ATT006


            class TinyOther(nn.Module, AttentionModuleMixin):
                _default_processor_cls = TinyHere
                _available_processors = [TinyHere, tiny_processor]
        """,
    },
    "forwards that use the processor, or not; layers that set one, or not": """
        from diffusers.models.attention import AttentionModuleMixin
        from elsewhere import Attention
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)


        class TinyBase(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def forward(self, hidden_states):
                raise NotImplementedError


        class TinyReading(TinyBase):
            def __init__(self, dim):
                super().__init__()
                self.processor = TinyAttnProcessor()

            def forward(self, hidden_states):
                run = self.processor
                return run(self, hidden_states)


        class TinyHanding(TinyBase):
            def __init__(self, dim):
                super().__init__()
                self.processor = TinyAttnProcessor()

            def forward(self, hidden_states):
                return computed(self.processor, hidden_states)


        class TinyInheriting(TinyBase):
            def __init__(self, dim):
                super().__init__()
                self.set_processor(TinyAttnProcessor())

            def forward(self, hidden_states):
                return super().forward(hidden_states)


        class TinyHelped(TinyInheriting):
            def __init__(self, dim):
                super().__init__(dim)

            def forward(self, hidden_states):
                return self.computed(hidden_states)

            def computed(self, hidden_states):
                return self.processor(self, hidden_states)


        class TinyDirect(TinyInheriting):
            def forward(self, hidden_states):  #! ATT007
                return self.to_v(hidden_states) + self.other.scale


        class TinyUnset(TinyBase):
            def __init__(self, dim):  #! ATT007
                super().__init__()
                self.processors(dim)


        class TinyForeign(Attention, AttentionModuleMixin, nn.Module):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def __init__(self, dim):
                super().__init__()


        class TinyMixed(AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def __init__(self, dim):
                self.dim = dim

            def forward(self, hidden_states):
                return hidden_states
    """,
    "a layer in the library of the mixin itself": {
        "tinylib/__init__.py": "",
        "tinylib/attention.py": """
            class AttentionModuleMixin:
                def set_processor(self, processor):
                    self.processor = processor
        """,
        "tinylib/model.py": """
            from torch import nn

            from .attention import AttentionModuleMixin


            class TinyAttnProcessor:
                def __call__(self, attn, hidden_states):
                    return attn.to_v(hidden_states)


            class TinyAttention(nn.Module, AttentionModuleMixin):
                _default_processor_cls = TinyAttnProcessor
                _available_processors = [TinyAttnProcessor]

                def __init__(self, dim):  #! ATT007
                    super().__init__()

                def forward(self, hidden_states):
                    return self.processor(self, hidden_states)
        """,
    },
    "models that own attention layers": """
        from diffusers.models.attention import AttentionMixin, AttentionModuleMixin
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]


        class TinyBlock(nn.Module):
            def __init__(self):
                super().__init__()
                self.attn = TinyAttention()


        class TinyModel(ModelMixin):  #! ATT016
            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([TinyBlock()])


        class TinyMixed(ModelMixin, AttentionMixin):
            def __init__(self):
                super().__init__()
                self.block = TinyBlock()


        class TinyOwn(ModelMixin):
            def __init__(self):
                super().__init__()
                self.block = TinyBlock()

            @property
            def attn_processors(self):
                return {}


        class TinyPlain(ModelMixin):
            def __init__(self):
                super().__init__()
                self.block = nn.Linear(2, 2)


        class TinyItself(ModelMixin, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]
    """,
}

FIXES = {
    "a layer that sets its processor declares it": (
        "ATT003",
        """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            def __init__(self, dim):
                super().__init__()
                self.note(dim)
                self.set_processor(TinyAttnProcessor())


        class TinyListed(nn.Module, AttentionModuleMixin):
            _available_processors = [TinyAttnProcessor]


        class TinyAlone(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
        """,
        """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return attn.to_v(hidden_states)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def __init__(self, dim):
                super().__init__()
                self.note(dim)
                self.set_processor(TinyAttnProcessor())


        class TinyListed(nn.Module, AttentionModuleMixin):
            _available_processors = [TinyAttnProcessor]
            _default_processor_cls = TinyAttnProcessor


        class TinyAlone(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]
        """,
    ),
    "a default joins the list in the list's own layout": (
        "ATT003",
        """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class A:
            pass


        class B:
            pass


        class TinyEmpty(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = []


        class TinyOther(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = [B]


        class TinyTall(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = [
                B,
            ]


        class TinyWrapped(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors: list = (
                [B]
            )
        """,
        """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class A:
            pass


        class B:
            pass


        class TinyEmpty(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = [A]


        class TinyOther(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = [A, B]


        class TinyTall(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = [A,
                B,
            ]


        class TinyWrapped(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors: list = (
                [A, B]
            )
        """,
    ),
    "where nothing tells which processor is meant, nothing is declared": (
        "ATT003",
        """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class A:
            pass


        class B:
            pass


        class TinyTwo(nn.Module, AttentionModuleMixin):
            _available_processors = [A, B]


        class TinySettingTwo(nn.Module, AttentionModuleMixin):
            def __init__(self, kind):
                super().__init__()
                self.set_processor(A() if kind else B())


        class TinySettingNone(nn.Module, AttentionModuleMixin):
            def __init__(self, processor):
                super().__init__()
                self.set_processor(processor)
                self.set_processor(gone())
                self.set_other(A())
                A()


        class TinyOpen(nn.Module, AttentionModuleMixin):
            _available_processors = [A, *more]


        class TinyDotted(nn.Module, AttentionModuleMixin):
            _available_processors = [shop.A]


        class TinyText(nn.Module, AttentionModuleMixin):
            _default_processor_cls = "A"


        class TinyTuple(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = (B,)


        class TinyNone(nn.Module, AttentionModuleMixin):
            _default_processor_cls = None
            _available_processors = [A]


        class TinyBase(nn.Module, AttentionModuleMixin):
            _default_processor_cls = A
            _available_processors = [A]


        class TinyBelow(TinyBase):
            _available_processors = [B]
        """,
        None,
    ),
}
