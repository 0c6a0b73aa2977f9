"""Masks that nobody reads, that mask nothing or that are dense, and guards against versions of torch that are gone."""

CASES = {
    "masks that are read, deleted, named by a decorator, or not": """
        from elsewhere import consumes
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(
                self,
                hidden_states,
                attention_mask,  #! ATT008
                read_mask,
                deleted_mask,
                decorated,
                encoder_mask=None,  #! ATT008
            ):
                del deleted_mask
                return hidden_states * read_mask


        class TinyDecorated(nn.Module):
            @consumes("attention_mask")
            def forward(
                self,
                hidden_states,
                attention_mask,
                other_mask,  #! ATT008
            ):
                return hidden_states


        class TinyAll(nn.Module):
            def forward(self, hidden_states, attention_mask):
                return locals()


        class TinyAssigned(nn.Module):
            def forward(self, hidden_states, attention_mask):  #! ATT008
                attention_mask = hidden_states
                other_mask = hidden_states
                del other_mask
                return hidden_states


        class TinyAbstract(nn.Module):
            def forward(self, hidden_states, attention_mask):
                raise NotImplementedError


        class TinyPlan:
            def forward(self, hidden_states, attention_mask):
                return hidden_states

            def __call__(self, hidden_states, attention_mask):
                return hidden_states


        class TinyPlanned(nn.Module):
            def forward(self, plan: TinyPlan, attention_mask):  #! ATT008
                return plan
    """,
    "masks of processors that share a signature": """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyReading:
            def __call__(self, attn, hidden_states, attention_mask):
                return hidden_states * attention_mask


        class TinyIgnoring:
            def __call__(
                self,
                attn,
                hidden_states,
                attention_mask,
                other_mask=None,  #! ATT008
            ):
                return hidden_states


        class TinyDefault:
            def __call__(self, attn, hidden_states, attention_mask):  #! ATT008
                return hidden_states


        class TinyFormerName:
            def __new__(cls):
                return TinyReading()


        class TinyAlone:
            def __call__(self, attn, hidden_states, attention_mask):  #! ATT008
                return hidden_states

            def forward(self, hidden_states, attention_mask):
                return hidden_states


        class TinyOld(nn.Module):
            def __init__(self, processor):
                super().__init__()
                self.processor = processor


        class TinyOfOld:
            def __call__(self, attn: "TinyOld", hidden_states, attention_mask):
                return hidden_states


        class TinyOfUnknown:
            def __call__(self, attn: "TinyElsewhere", hidden_states, attention_mask):  #! ATT008
                return hidden_states


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyDefault
            _available_processors = [TinyDefault, TinyFormerName, TinyReading, TinyIgnoring]


        class TinyOfNew:
            def __call__(self, attn: TinyAttention, hidden_states, attention_mask):  #! ATT008
                return hidden_states


        class TinyOther(nn.Module, AttentionModuleMixin):  #! ATT003
            _available_processors = [TinyAlone, TinyOfNew]
    """,
    "masks that mask nothing, and those that might": """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, x, mask_in=None):
                mask = torch.ones(2)  #! ATT009
                x = self.attn(x, attention_mask=mask)
                zero_mask = x.new_zeros(2).to(x)  #! ATT009
                x = self.attention(x, zero_mask)
                like_mask = torch.ones_like(x)  #! ATT009
                if like_mask is not None and like_mask is None:
                    x = self.attn2(x, encoder_attention_mask=like_mask)
                both_mask = torch.ones(2)  #! ATT009
                x = self.attn(x, attn_mask=both_mask)
                x = self.attn_processor(x, both_mask)
                false_mask = torch.zeros(2, dtype=torch.bool)
                x = self.attn(x, attention_mask=false_mask)
                long_mask = torch.zeros(2).long()
                x = self.attn(x, attention_mask=long_mask)
                true_mask = torch.ones(2, dtype=torch.bool)  #! ATT009
                x = self.attn(x, attention_mask=true_mask)
                changed_mask = torch.ones(2)
                changed_mask[0] = 0
                x = self.attn(x, attention_mask=changed_mask)
                kept_mask = torch.ones(2)
                x = self.attn(x, attention_mask=kept_mask)
                y = kept_mask
                remade_mask = torch.ones(2)
                remade_mask = mask_in
                x = self.attn(x, attention_mask=remade_mask)
                handed_mask = torch.ones(2)
                x = self.attn(x, attention_mask=handed_mask)
                x = self.describe(handed_mask)
                other_mask = torch.ones(2)
                x = self.block(x, other_mask)
                weights = torch.ones(2)
                x = self.attn(x, attention_mask=weights)
                x = self.attn(x, attention_mask=before_mask)
                before_mask = torch.ones(2)
                self.own_mask = torch.ones(2)
                x = self.attn(x, attention_mask=self.own_mask)
                grown_mask = 1
                grown_mask += torch.ones(2)
                x = self.attn(x, attention_mask=grown_mask)
                full_mask = torch.full(2, 1)
                x = self.attn(x, attention_mask=full_mask)
                bias_mask = torch.ones(2)
                x = self.attn(x, bias=bias_mask)
                named = self.attn(x, mask_in.handed_mask, other_mask=mask_in)
                return named
    """,
    "masks that become dense, in a file that dispatches": """
        import torch
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyPlan:
            pass


        def prepared(mask, x, attn_mask):
            mask = (1 - mask) * -10000.0  #! ATT010
            mask = (1.0 - mask.to(x.dtype)) * torch.finfo(x.dtype).min  #! ATT010
            mask = torch.zeros(2).masked_fill_(attn_mask, float("-inf"))  #! ATT010
            mask = torch.where(attn_mask, 0.0, -torch.inf)  #! ATT010
            mask = (1 - mask) * torch.finfo(  #! ATT010
                x.dtype
            ).min
            mask = (1 - mask) * -1e9  #! ATT010
            mask = torch.where(  #! ATT010
                attn_mask,
                0.0,
                -torch.inf,
            )
            mask = torch.zeros(2, dtype=x.to(attn_mask).dtype).masked_fill(attn_mask, -torch.inf)  #! ATT010
            mask = torch.zeros(2)
            bias = x.view(2).masked_fill(attn_mask, float("-inf"))
            bias = (1 - mask) * -10000.0
            mask += (1 - mask) * -10000.0
            mask = (1 - mask) * 2
            mask = attn_mask
            other = (1 - mask) * -10000.0
            mask = attn_mask
            another = x
            other = (1 - mask) * -10000.0
            return dispatch_attention_fn(x, attn_mask=mask), bias, other
    """,
    "masks that become dense, where an attention layer is defined": """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):  #! ATT003
            def prepared(self, mask):
                mask = (1 - mask) * -10000.0  #! ATT010
                return mask
    """,
    "masks that become dense, where nothing is dispatched": """
        def prepared(mask):
            mask = (1 - mask) * -10000.0
            return mask
    """,
    "guards in processors and elsewhere": """
        import torch
        import torch.nn.functional as F


        class TinyAttnProcessor:
            def __call__(self, attn, query):
                if not hasattr(F, "scaled_dot_product_attention"):  #! ATT017
                    return attn.slow(query)
                if is_torch_version("<", "2.1"):  #! ATT017
                    return attn.slow(query)
                if is_torch_version("<", "2.5"):
                    return attn.slow(query)
                fast = 1 if hasattr(F, "scaled_dot_product_attention") else 2  #! ATT017
                return query, fast


        class TinyPlan:
            def __call__(self, query):
                if not hasattr(F, "scaled_dot_product_attention"):
                    return query
                return query
    """,
}

FIXES = {
    "guards that only raise go, with what they leave empty": (
        "ATT017",
        """
        import torch.nn.functional as F


        class TinyFirst:
            # The layer needs torch 2.
            # Older ones are refused.
            # Nightly ones are not.
            def __init__(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

            def __call__(self, attn, query):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

                return query


        class TinySecond:
            def __init__(self, dim):
                self.dim = dim
                if dim < 1:
                    raise ValueError("dim is too small")

                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

                self.more = dim

            def __call__(self, attn, query):
                query = query + 1
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

                query = query + 2

                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")
                return query
        """,
        """
        import torch.nn.functional as F


        class TinyFirst:
            def __call__(self, attn, query):
                return query


        class TinySecond:
            def __init__(self, dim):
                self.dim = dim
                if dim < 1:
                    raise ValueError("dim is too small")

                self.more = dim

            def __call__(self, attn, query):
                query = query + 1

                query = query + 2

                return query
        """,
    ),
    "the guards that a class and a file end with": (
        "ATT017",
        """
        import torch.nn.functional as F


        class TinyFirst:
            def __call__(self, attn, query):
                return query

            def __init__(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")


        class TinySecond:
            def __call__(self, attn, query):
                return query

            def __init__(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")
        """,
        """
        import torch.nn.functional as F


        class TinyFirst:
            def __call__(self, attn, query):
                return query


        class TinySecond:
            def __call__(self, attn, query):
                return query
        """,
    ),
    "guards that do more, and the only statements of what others call, stay": (
        "ATT017",
        """
        import torch.nn.functional as F
        from elsewhere import Base, checked


        class TinyElse:
            def __call__(self, attn, query):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")
                else:
                    query = query + 1
                for item in query:
                    if not hasattr(F, "scaled_dot_product_attention"):
                        raise ImportError("torch 2 is needed")
                if not hasattr(F, "scaled_dot_product_attention"):
                    query = query + 1
                    raise ImportError("torch 2 is needed")
                assert hasattr(F, "scaled_dot_product_attention")
                return query


        class TinyArgument:
            def __init__(self, dim):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

            def other(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

            async def later(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")
                return 1

            def __call__(self, attn, query):
                return query


        class TinyDecorated:
            @checked
            def __init__(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

            def __call__(self, attn, query):
                return query


        class TinyBelow(Base):
            def __init__(self):
                if not hasattr(F, "scaled_dot_product_attention"):
                    raise ImportError("torch 2 is needed")

            def __call__(self, attn, query):
                return query
        """,
        None,
    ),
}
