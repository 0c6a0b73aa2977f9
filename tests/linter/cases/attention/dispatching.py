"""Calls of the dispatcher and of kernels: what they are given, and in which layout."""

_HEAD = """
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, hidden_states):
                query, key, value = hidden_states
"""

CASES = {
    "every kernel, by the name that it was imported under": """
        import flash_attn
        import flash_attn_interface as fa3
        import sageattention
        import torch
        import torch.nn.functional as F
        import torch_npu
        import xformers
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn
        from torch.nn.attention.flex_attention import flex_attention


        def computed(query):
            return F.scaled_dot_product_attention(query)  #! ATT001


        class TinyAttnProcessor:
            def __call__(self, attn, query):
                query = flash_attn.flash_attn_func(query)  #! ATT001
                query = fa3.flash_attn_func(query)  #! ATT001
                query = sageattention.sageattn(query)  #! ATT001
                query = torch._C._nn.scaled_dot_product_attention(query)  #! ATT001
                query = torch_npu.npu_fusion_attention(query)  #! ATT001
                query = xformers.ops.memory_efficient_attention(query)  #! ATT001
                query = flex_attention(query)  #! ATT001
                query = F.softmax(query)
                return computed(query)

            def forward(self, query):
                return flex_attention(query)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def forward(self, query):  #! ATT007
                return F.scaled_dot_product_attention(query)  #! ATT001


        class TinyShimProcessor:
            def __new__(cls):
                return TinyAttnProcessor()

            def __call__(self, attn, query):
                return flex_attention(query)


        class TinyBlock(nn.Module):
            def forward(self, query):
                return F.scaled_dot_product_attention(query)
    """,
    "an autoencoder attends as it likes": """
        import torch.nn.functional as F
        from diffusers.models.attention_dispatch import dispatch_attention_fn
        from diffusers.models.modeling_utils import ModelMixin


        class TinyAttnProcessor:
            _attention_backend = None

            def __call__(self, attn, query):
                query = dispatch_attention_fn(query, query, query, backend=self._attention_backend)
                query = dispatch_attention_fn(query, query, query)  #! ATT005
                return F.scaled_dot_product_attention(query)


        class AutoencoderTiny(ModelMixin):
            pass
    """,
    "an encoder that is called VAE": """
        import torch.nn.functional as F
        from diffusers.models.modeling_utils import ModelMixin


        class TinyAttnProcessor:
            def __call__(self, attn, query):
                return F.scaled_dot_product_attention(query)


        class TinyVAE(ModelMixin):
            pass
    """,
    "what is called after an autoencoder and is no model": """
        import torch.nn.functional as F
        from diffusers.models.modeling_utils import ModelMixin


        class TinyAttnProcessor:
            def __call__(self, attn, query):
                return F.scaled_dot_product_attention(query)  #! ATT001


        class AutoencoderOutput:
            pass


        class TinyModel(ModelMixin):
            pass
    """,
    "a helper of another file is that file's matter": {
        "tinylib/__init__.py": "",
        "tinylib/helpers.py": """
            import torch.nn.functional as F
            from diffusers.models.attention_dispatch import dispatch_attention_fn


            def computed(query):
                return F.scaled_dot_product_attention(query)


            def dispatched(query):
                return dispatch_attention_fn(query, query, query)
        """,
        "tinylib/model.py": """
            from torch.nn.functional import scaled_dot_product_attention

            from .helpers import computed, dispatched


            class TinyAttnProcessor:
                _attention_backend = None
                _parallel_config = None

                def __call__(self, attn, query):
                    query = scaled_dot_product_attention(query)  #! ATT001
                    return computed(query) + dispatched(query)
        """,
    },
    "the attributes that a backend is set by": """
        from diffusers.models.attention_dispatch import dispatch_attention_fn
        from elsewhere import Processor


        class TinyWithout:  #! ATT004
            def __call__(self, attn, query):
                return dispatch_attention_fn(query, query, query, backend=None, parallel_config=None)


        class TinyHalf:  #! ATT004
            _attention_backend = None

            def __call__(self, attn, query):
                return self.computed(query)

            def computed(self, query):
                return dispatch_attention_fn(query, query, query, backend=None, parallel_config=None)


        class TinyFixed:  #! ATT004
            def __call__(self, attn, query):
                if query:
                    return dispatch_attention_fn(query, backend="native", parallel_config=None)
                return dispatch_attention_fn(query, backend=AttentionBackendName.NATIVE, parallel_config=None)


        class TinyFixedAlways:
            _parallel_config = None

            def __call__(self, attn, query):
                if query:
                    return dispatch_attention_fn(query, backend="native", parallel_config=None)
                return dispatch_attention_fn(query, backend=AttentionBackendName.NATIVE, parallel_config=None)


        class TinyNeverGiven:  #! ATT004
            _parallel_config = None

            def __call__(self, attn, query):
                return dispatch_attention_fn(query, parallel_config=None)  #! ATT005


        class TinyFixedOnce:  #! ATT004
            _parallel_config = None

            def __call__(self, attn, query):
                if query:
                    return dispatch_attention_fn(query, backend="native", parallel_config=None)
                return dispatch_attention_fn(query, backend=attn.backend, parallel_config=None)


        class TinyAssigning:
            def __init__(self):
                self._attention_backend = None
                self._parallel_config = None

            def __call__(self, attn, query):
                return dispatch_attention_fn(query, query, query, backend=None, parallel_config=None)


        class TinyBelow(Processor):
            def __call__(self, attn, query):
                return dispatch_attention_fn(query, query, query, backend=None, parallel_config=None)


        class TinyShim:
            def __new__(cls):
                return TinyFixed()

            def __call__(self, attn, query):
                return dispatch_attention_fn(query, query, query, backend=None, parallel_config=None)


        class TinyOther:
            def __call__(self, attn, query):
                return self.dispatch_attention_fn(query) + attn.to_v(query)


        class TinyPlan:
            def __call__(self, query):
                return dispatch_attention_fn(query, query, query, backend=None, parallel_config=None)
    """,
    "what each call must be given, once a call": """
        from diffusers.models.attention import AttentionModuleMixin
        from diffusers.models.attention_dispatch import dispatch_attention_fn
        from torch import nn


        def computed(query):
            return dispatch_attention_fn(query, query, query)  #! ATT005


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, query, **kwargs):
                query = dispatch_attention_fn(query, query, query, backend=self._attention_backend)  #! ATT005
                query = dispatch_attention_fn(query, query, query, parallel_config=self._parallel_config)  #! ATT005
                query = dispatch_attention_fn(query, query, query, **kwargs)
                query = self.dispatch_attention_fn(query)
                return computed(query)


        class TinyOtherProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, query):
                return computed(query)

            def forward(self, query):
                return dispatch_attention_fn(query)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor, TinyOtherProcessor]

            def forward(self, query):
                return self.processor(self, query) + dispatch_attention_fn(query)  #! ATT005


        class TinyBlock(nn.Module):
            def forward(self, query):
                return dispatch_attention_fn(query)
    """,
    "grouped heads with a mask, with none, handed on": """
        import torch.nn.functional as F
        from diffusers.models.attention_dispatch import dispatch_attention_fn


        class TinyPlan:
            pass


        def attended(query, mask, enable_gqa, options):
            dispatch_attention_fn(query, attn_mask=mask, enable_gqa=True)  #! ATT012
            F.scaled_dot_product_attention(query, attn_mask=mask, enable_gqa=options.grouped)  #! ATT012
            dispatch_attention_fn(query, attn_mask=None, enable_gqa=True)
            dispatch_attention_fn(query, enable_gqa=True)
            dispatch_attention_fn(query, attn_mask=mask, enable_gqa=False)
            dispatch_attention_fn(query, attn_mask=mask)
            dispatch_attention_fn(query, attn_mask=mask, enable_gqa=enable_gqa)
            another(query, attn_mask=mask, enable_gqa=True)
    """,
    "heads that are repeated": """
        class TinyPlan:
            pass


        def repeated(key, value, query, groups, n_rep, kv):
            key.repeat(1, 1, groups, 1)  #! ATT011
            key.repeat(1, groups, 1, 1)  #! ATT011
            value.repeat(1, 1, min(groups, 2), 1,)  #! ATT011
            key_states.repeat(1, 1, n_rep, 1)  #! ATT011
            key.repeat(groups, 1, 1, 1)
            key.repeat(1, 1, 1, groups)
            key.repeat(1, groups, groups, 1)
            key.repeat(1, groups, 1)
            key.repeat(1, 1, size, 1)
            query.repeat(1, 1, groups, 1)
            key.repeat_interleave(groups, 1, 1, 1)
    """,
    "heads that are split by their number, in a file with a plan": """
        from diffusers.models.modeling_utils import ModelMixin


        def split(hidden_states, attn):
            return hidden_states.view(2, 2, attn.num_heads, -1)  #! ATT015


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                heads = attn.heads
                hidden_states = hidden_states.unflatten(-1, (heads, -1))  #! ATT015
                hidden_states = hidden_states.reshape(2, 2, attn.n_heads, -1)  #! ATT015
                hidden_states = hidden_states.reshape(2, 2, attn.num_attention_heads)  #! ATT015
                hidden_states = hidden_states.expand(2, 2, attn.heads, -1)
                hidden_states = hidden_states.view(2, 2, attn.heads // 2, -1)
                return split(hidden_states, attn)

            def other(self, attn, hidden_states):
                return hidden_states.view(2, 2, attn.heads, -1)


        class TinyBlock:
            def __call__(self, hidden_states, attn):
                return hidden_states.view(2, 2, attn.heads, -1)


        class TinyModel(ModelMixin):
            _tp_plan = {"blocks.*.attn.to_v": "colwise"}
    """,
    "heads that are split by their number, where the plan is none": """
        from diffusers.models.modeling_utils import ModelMixin


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return hidden_states.view(2, 2, attn.heads, -1)


        class TinyModel(ModelMixin):
            _tp_plan = None
    """,
    "the layout of what is dispatched": f"""{_HEAD}
                query = query.unflatten(-1, (-1, 64))
                key = key.view(2, -1, attn.heads, 64)
                value = value.view(2, attn.heads, -1, 64)
                options = {{"backend": self._attention_backend, "parallel_config": self._parallel_config}}
                dispatch_attention_fn(query, key, value, **options)
                one = query.transpose(1, 2)
                two = key.permute(0, 2, 1, 3)
                three = query.swapaxes(-2, -3)
                four = query.swapdims(1, 2)
                dispatch_attention_fn(one, key, value, **options)  #! ATT013
                dispatch_attention_fn(query, two, key, **options)  #! ATT013
                dispatch_attention_fn(query, key, three, **options)  #! ATT013
                dispatch_attention_fn(query=four, key=key, value=key, **options)  #! ATT013
                dispatch_attention_fn(key=four, query=key, value=key, **options)  #! ATT013
                dispatch_attention_fn(value=four, query=key, key=key, **options)  #! ATT013
                dispatch_attention_fn(query, key, key, four, **options)
                dispatch_attention_fn(query, key, value=key, attn_mask=four, **options)
                another(one, two, three)
                back = one.transpose(1, 2)
                dispatch_attention_fn(back, key, key, **options)
                turned = query.permute(0, 2, 3, 1)
                kept = query.transpose(0, 1)
                flat = one.flatten(2)
                moved = one.movedim(1, 2)
                seen = one.view(2, 2)
                shaped = one.reshape(2, 2)
                opened = one.unflatten(1, (2, 2))
                dispatch_attention_fn(turned, kept, flat, **options)
                dispatch_attention_fn(moved, seen, shaped, **options)
                dispatch_attention_fn(opened, query, query, **options)
                normed = attn.norm_q(one)
                rotated = apply_rotary_emb(one, key)
                joined = torch.cat([one, two], dim=2)
                concatenated = torch.concat([one, normed], dim=1)
                mixed = torch.cat([one, query], dim=2)
                scaled = attn.scale(one)
                dispatch_attention_fn(normed, query, query, **options)  #! ATT013
                dispatch_attention_fn(rotated, query, query, **options)  #! ATT013
                dispatch_attention_fn(joined, query, query, **options)  #! ATT013
                dispatch_attention_fn(concatenated, query, query, **options)  #! ATT013
                dispatch_attention_fn(mixed, scaled, query, **options)
                plain = one.contiguous()
                dispatch_attention_fn(plain, query, query, **options)  #! ATT013
                if attn.turned:
                    query = query.transpose(1, 2)
                dispatch_attention_fn(query, key, key, **options)
                key = key.transpose(1, 2)
                dispatch_attention_fn(key, key, key, **options)  #! ATT013
                key = key.transpose(1, 2)
                return dispatch_attention_fn(key, key, key, **options)
    """,
    "the layout through many names, and through branches": f"""{_HEAD}
                options = {{"backend": self._attention_backend, "parallel_config": self._parallel_config}}
                one = query.unflatten(2, (8, -1)).transpose(1, 2)
                dispatch_attention_fn(one, key, value, **options)  #! ATT013
                two = one.float()
                three = two.float()
                four = three.float()
                dispatch_attention_fn(four, key, value, **options)  #! ATT013
                five = four.float()
                dispatch_attention_fn(five, key, value, **options)
                if attn.first:
                    six = query.unflatten(2, (8, -1)).transpose(1, 2)
                else:
                    six = key.unflatten(2, (8, -1)).transpose(1, 2)
                dispatch_attention_fn(six, key, value, **options)  #! ATT013
                dispatch_attention_fn(later, key, value, **options)
                later = query.unflatten(2, (8, -1)).transpose(1, 2)
                one += query.transpose(1, 2)
                dispatch_attention_fn(one, key, value, **options)
                odd = query.unflatten(1, (8, -1)).transpose(1, 2)
                other = query.view(2, attn.heads, attn.heads, 64).transpose(1, 2)
                third = query.view(2, 2, 8, 64).transpose(1, 2)
                short = query.view(2, 2, attn.heads).transpose(1, 2)
                dispatch_attention_fn(odd, other, third, **options)
                dispatch_attention_fn(short, key, value, **options)
                shaped = query.reshape(2, 2, attn.heads, 64).transpose(1, 2)
                dispatch_attention_fn(shaped, key, value, **options)  #! ATT013
                return options
    """,
    "layouts before another dispatcher": """
        def attended(query):
            query = query.unflatten(2, (8, -1)).transpose(1, 2)
            return dispatch_attention_fn(query, query, query)
    """,
}

_CALLS = _HEAD.replace("query, key, value = hidden_states\n", "")

FIXES = {
    "what a call lacks is passed in the call's own layout": (
        "ATT005",
        f"""{_CALLS}x = hidden_states
                one = dispatch_attention_fn(x)
                two = dispatch_attention_fn(
                    x,
                    backend=self._attention_backend,
                )
                three = dispatch_attention_fn(
                    x, x
                )
                four = dispatch_attention_fn()
                five = dispatch_attention_fn(x,
                    x)
                six = dispatch_attention_fn(
                    x,  # the query
                )
                seven = dispatch_attention_fn(
                    x  # the query
                )
                nine = dispatch_attention_fn(x,)
                return one, two, three, four, five, six, seven, nine
        """,
        f"""{_CALLS}x = hidden_states
                one = dispatch_attention_fn(x, backend=self._attention_backend, parallel_config=self._parallel_config)
                two = dispatch_attention_fn(
                    x,
                    backend=self._attention_backend,
                    parallel_config=self._parallel_config,
                )
                three = dispatch_attention_fn(
                    x, x, backend=self._attention_backend, parallel_config=self._parallel_config
                )
                four = dispatch_attention_fn(backend=self._attention_backend, parallel_config=self._parallel_config)
                five = dispatch_attention_fn(x,
                    x, backend=self._attention_backend, parallel_config=self._parallel_config)
                six = dispatch_attention_fn(
                    x,  # the query
                    backend=self._attention_backend,
                    parallel_config=self._parallel_config,
                )
                seven = dispatch_attention_fn(
                    x, backend=self._attention_backend, parallel_config=self._parallel_config  # the query
                )
                nine = dispatch_attention_fn(x, backend=self._attention_backend, parallel_config=self._parallel_config)
                return one, two, three, four, five, six, seven, nine
        """,
    ),
    "a helper and a layer are left to a person": (
        "ATT005",
        f"""
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        def computed(hidden_states):
            return dispatch_attention_fn(hidden_states)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            def forward(self, hidden_states):
                return dispatch_attention_fn(hidden_states)

{_CALLS}
                return computed(hidden_states)
        """,
        None,
    ),
    "a kernel of another library, of a helper and of a layer is left to a person": (
        "ATT001",
        """
        import flash_attn
        import torch.nn.functional as F
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        def attended(x):
            x = x.unflatten(-1, (-1, 64)).transpose(1, 2)
            return F.scaled_dot_product_attention(x, x, x)


        class TinyAttnProcessor:
            _attention_backend = None
            _parallel_config = None

            def __call__(self, attn, x):
                x = x.unflatten(-1, (-1, 64))
                return attended(x) + flash_attn.flash_attn_func(x, x, x)


        class TinyAttention(nn.Module, AttentionModuleMixin):
            _default_processor_cls = TinyAttnProcessor
            _available_processors = [TinyAttnProcessor]

            def forward(self, x):
                x = x.unflatten(-1, (-1, 64)).transpose(1, 2)
                return F.scaled_dot_product_attention(x, x, x)
        """,
        None,
    ),
}
