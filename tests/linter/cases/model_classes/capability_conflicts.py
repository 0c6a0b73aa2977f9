"""Capabilities that are said in several places."""

CASES = {
    "attention that says it can be fused": """
        from diffusers.models.attention import AttentionModuleMixin
        from torch import nn


        class TinyAttention(nn.Module, AttentionModuleMixin):  #! MOD019
            def __init__(self, dim):
                super().__init__()
                self.to_qkv = nn.Linear(dim, 3 * dim)


        class TinyBareAttention(nn.Module, AttentionModuleMixin):  #! MOD019
            _supports_qkv_fusion = True

            def __init__(self, dim):
                super().__init__()
                self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)


        class TinyWholeAttention(TinyBareAttention):
            def __init__(self, dim):
                super().__init__(dim)
                self.use_bias = True


        class TinyFusedAttention(TinyAttention):
            _supports_qkv_fusion = False


        class TinyOwnAttention(TinyAttention):
            def fuse_projections(self):
                self.is_fused = True


        class TinyBrokenAttention(TinyAttention):  #! MOD019
            def fuse_projections(self):
                self.to_qkv = self.to_q, self.to_k, self.to_v


        class TinyHandler(AttentionModuleMixin):
            def __init__(self, dim):
                self.dim = dim


        class TinyMixin(AttentionModuleMixin, nn.Module):
            pass
    """,
    "the mixin that fuses lies in the same library": {
        "tiny/__init__.py": "",
        "tiny/attention.py": """
            class AttentionModuleMixin:
                _supports_qkv_fusion = True

                def fuse_projections(self):
                    self.to_qkv = self.to_q.weight, self.to_k.weight, self.to_v.weight
        """,
        "tiny/model.py": """
            from torch import nn

            from .attention import AttentionModuleMixin


            class TinyAttention(nn.Module, AttentionModuleMixin):
                def __init__(self, dim):
                    super().__init__()
                    self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)


            class TinyBareAttention(nn.Module, AttentionModuleMixin):  #! MOD019
                def __init__(self, dim):
                    super().__init__()
                    self.to_q = nn.Linear(dim, dim)
        """,
    },
    "attributes that are set again": """
        class Tiny:
            _supports_group_offloading = False
            _supports_gradient_checkpointing = True
            _cp_plan = None
            _tp_plan = make_plan()
            _tp_plan = None
            _skip_keys = ["cache"]
            _keep_in_fp32_modules = None
            _no_split_modules = ["TinyBlock"]
            _no_split_modules = ["TinyBlock"]
            _repeated_blocks = [*BLOCKS]
            _repeated_blocks = ["TinyBlock"]
            _skip_layerwise_casting_patterns = [name() + "x"]
            _skip_layerwise_casting_patterns = ["norm"]
            _supports_qkv_fusion = True
            gradient_checkpointing = False
            anything = 1
            anything = 2
            _cp_plan = "plan"  #! MOD019
            _skip_keys = None  #! MOD019
            _keep_in_fp32_modules = 3  #! MOD019
            _supports_gradient_checkpointing = False  #! MOD019
            _no_split_modules = []  #! MOD019
            _supports_qkv_fusion = False  #! MOD019

            def __init__(self, on):
                self.gradient_checkpointing = True
                self._supports_group_offloading = True  #! MOD019
                self._supports_group_offloading = False
                self._supports_group_offloading = on
                self._supports_anything = True
                self._cp_plan = True
                self._supports_gradient_checkpointing = False
                self._supports_gradient_checkpointing = True  #! MOD019
                on._supports_group_offloading = True


        class TinyCasting:
            _skip_layerwise_casting_patterns = ["norm"]
            _skip_layerwise_casting_patterns = ["norm", "embed"]  #! MOD019


        class TinyThird:
            _supports_group_offloading = True

            def __init__(self):
                self._supports_group_offloading = False  #! MOD019
                self.no_supports_group_offloading = False


        class TinyOther:
            _supports_group_offloading = decide()

            def __init__(self):
                self._supports_group_offloading = True
    """,
    "rows of metadata": """
        class Tiny:
            _repeated_blocks = ["TinyBlock"]
            _supports_group_offloading = False

            @classmethod
            def metadata(cls):
                rows = {"_repeated_blocks": ["TinyBlock"], "_no_split_modules": True}
                rows["_supports_group_offloading"] = True  #! MOD019
                rows["_supports_group_offloading"] = cls._supports_group_offloading
                if cls._supports_group_offloading:
                    rows["_supports_group_offloading"] = (True, "True", "Offloads.")
                return rows

            @classmethod
            def _metadata(cls):
                return {
                    "_repeated_blocks": (["Other"], "Other", ""),  #! MOD019
                    "_supports_group_offloading": cls._repeated_blocks,  #! MOD019
                    "_cp_plan": read(),
                }

            def table(self):
                return {"_supports_group_offloading": True}


        ROWS = {
            "_cp_plan": Row(attribute("_tp_plan")),  #! MOD019
            "_tp_plan": Row(lambda model: model._tp_plan),
            "_skip_keys": Row(keys),
        }
        TWO = {
            "_cp_plan": Row(attribute("_tp_plan")),  #! MOD019
            "_skip_keys": Row(keys),
        }
        NAMES = ["_cp_plan", "_tp_plan"]
        ONE = {"_cp_plan": Row(attribute("_tp_plan"))}
    """,
}
