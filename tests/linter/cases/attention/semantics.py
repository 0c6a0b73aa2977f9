"""The same conventions under other names: aliases, inherited members, guarded imports, stand-ins."""

CASES = {
    "kernels under other names": """
        import torch
        import torch.nn.functional as nnf
        from torch import nn
        from torch.nn import functional
        from torch.nn.functional import scaled_dot_product_attention as sdpa

        try:
            from flash_attn import flash_attn_func as flash
        except ImportError:
            flash = None


        class FirstAttnProcessor:
            def __call__(self, attn, x):
                x = nnf.scaled_dot_product_attention(x, x, x)  #! ATT001
                x = functional.scaled_dot_product_attention(x, x, x)  #! ATT001
                x = sdpa(x, x, x)  #! ATT001
                x = torch.nn.functional.scaled_dot_product_attention(x, x, x)  #! ATT001
                x = nn.functional.scaled_dot_product_attention(x, x, x).transpose(1, 2)  #! ATT001
                x = flash(x, x, x)  #! ATT001
                return self.attend(x)

            def attend(self, x):
                import torch.nn.functional as local

                return _attend(local.scaled_dot_product_attention(x, x, x))  #! ATT001


        def _attend(x):
            return sdpa(x, x, x)  #! ATT001


        class SecondAttnProcessor(FirstAttnProcessor):
            pass


        def scaled_dot_product_attention(x):
            return x


        class ThirdAttnProcessor:
            def __call__(self, attn, x):
                sdpa = attn.kernel
                return sdpa(scaled_dot_product_attention(x))
    """,
    "what a base class brings": {
        "tiny/__init__.py": "",
        "tiny/base.py": """
            from diffusers.models import attention
            from torch import nn


            class BaseAttnProcessor:
                _attention_backend = None
                _parallel_config = None


            class BaseAttention(nn.Module, attention.AttentionModuleMixin):
                _default_processor_cls = BaseAttnProcessor
                _available_processors = [BaseAttnProcessor]

                def __init__(self, dim):
                    super().__init__()
                    self.to_q = nn.Linear(dim, dim)
                    self.to_k = nn.Linear(dim, dim)
                    self.to_v = nn.Linear(dim, dim)
                    self.use_bias = True
                    self.set_processor(self._default_processor_cls())

                def forward(self, x):
                    return self.processor(self, x)
        """,
        "tiny/model.py": """
            from typing import TYPE_CHECKING

            from diffusers.models.attention_dispatch import dispatch_attention_fn as dispatch_attention_fn
            from torch import nn

            from . import base

            if TYPE_CHECKING:
                from .base import BaseAttention


            class TinyAttnProcessor(base.BaseAttnProcessor):
                def __call__(self, attn, x):
                    x = attn.to_q(x).unflatten(-1, (-1, 8))
                    return dispatch_attention_fn(
                        x, x, x, backend=self._attention_backend, parallel_config=self._parallel_config
                    )


            class BareAttnProcessor:  #! ATT004
                def __call__(self, attn, x):
                    x = attn.to_q(x).unflatten(-1, (-1, 8))
                    return dispatch_attention_fn(
                        x, x, x, backend=self._attention_backend, parallel_config=self._parallel_config
                    )


            class TinyAttention(base.BaseAttention):
                _default_processor_cls = TinyAttnProcessor
                _available_processors = [TinyAttnProcessor]


            class OtherAttention(base.BaseAttention):  #! ATT003
                _default_processor_cls = TinyAttnProcessor
                _available_processors = [BareAttnProcessor]


            class LooseAttention(nn.Module):  #! ATT002
                def __init__(self, dim):
                    super(LooseAttention, self).__init__()
                    self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

                def forward(self, x):
                    return self.to_q(x) + self.to_k(x) + self.to_v(x)
        """,
    },
    "the dispatcher under other names": """
        from diffusers.models import attention_dispatch as dispatching
        from diffusers.models.attention_dispatch import dispatch_attention_fn as attend


        class FirstAttnProcessor:  #! ATT004
            def __call__(self, attn, x, mask=None):
                x = attn.to_q(x).unflatten(-1, (-1, 8))
                y = x.transpose(1, 2)
                x = attend(x, x, x)  #! ATT005
                x = attend(x, x, x, attn_mask=mask, enable_gqa=True)  #! ATT005 ATT012
                x = attend(y, y, y, backend=self._attention_backend, parallel_config=None)  #! ATT013
                return dispatching.dispatch_attention_fn(x, x, x, attn_mask=mask, enable_gqa=True)  #! ATT005 ATT012
    """,
    "the dispatcher out of a star import": """
        from diffusers.models.attention_dispatch import *


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, x, mask=None):
                return dispatch_attention_fn(x, x, x, attn_mask=mask, enable_gqa=True)  #! ATT005 ATT012
    """,
}
