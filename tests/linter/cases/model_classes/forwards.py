"""What forwards take, read, drop and return."""

_HEAD = """
        from dataclasses import dataclass

        from diffusers.configuration_utils import ConfigMixin
        from diffusers.loaders import PeftAdapterMixin
        from diffusers.models.modeling_utils import ModelMixin
        from diffusers.utils import apply_lora_scale
        from elsewhere import Base, consumes, handed
        from torch import nn

"""

CASES = {
    "arguments that are read, deleted, consumed, private, or not": f"""{_HEAD}
        class TinyBlock(nn.Module):
            def forward(
                self,
                hidden_states,
                temb,  #! MOD013
                deleted,
                assigned,  #! MOD013
                some_mask,
                _private,
                *rest,
                keyword=None,  #! MOD013
                **kwargs,
            ):
                del deleted
                other = 2
                del other
                return hidden_states + kwargs


        class TinyDecorated(nn.Module):
            @consumes("attention_kwargs")
            def forward(self, hidden_states, attention_kwargs, joint_attention_kwargs):  #! MOD013
                return hidden_states


        class TinyScaled(nn.Module):
            @apply_lora_scale()
            def forward(
                self,
                hidden_states,
                attention_kwargs,  #! MOD013
                joint_attention_kwargs,
            ):
                return hidden_states


        class TinyFirst(nn.Module):
            def forward(self, hidden_states):  #! MOD013
                return self.weight


        class TinyScaling(nn.Module):
            @apply_lora_scale("attention_kwargs")
            def forward(self, hidden_states, attention_kwargs, joint_attention_kwargs):  #! MOD013
                return hidden_states


        class TinyUncalled(nn.Module):
            @apply_lora_scale
            def forward(self, hidden_states, joint_attention_kwargs):  #! MOD013
                return hidden_states


        class TinyCached(nn.Module):
            @consumes()
            def forward(self, hidden_states, joint_attention_kwargs):  #! MOD013
                return hidden_states


        class TinyAll(nn.Module):
            def forward(self, hidden_states, temb):
                return locals()


        class TinyAbstract(nn.Module):
            def forward(self, hidden_states, temb):
                raise NotImplementedError


        class TinyPlan:
            def forward(self, hidden_states, temb):
                return hidden_states

            def other(self, temb):
                return self
    """,
    "arguments that a base, or another block, takes too": f"""{_HEAD}
        class TinyBase(nn.Module):
            def forward(self, hidden_states, temb):
                return hidden_states + temb


        class TinyBelow(TinyBase):
            def forward(
                self,
                hidden_states,
                temb,
                scale,  #! MOD013
            ):
                return hidden_states


        class TinyFirstBlock(nn.Module):
            def forward(self, hidden_states, image):
                return hidden_states + image


        class TinySecondBlock(nn.Module):
            def forward(self, hidden_states, image, video):  #! MOD013
                return hidden_states


        class TinyPlanBlock:
            def forward(self, hidden_states, video):
                return hidden_states


        class TinyEmptyBlock(nn.Module):
            pass


        class TinyNorm(nn.Module):
            def forward(self, hidden_states, image):  #! MOD013
                return hidden_states
    """,
    "keyword arguments that are dropped, read, or passed with others": f"""{_HEAD}
        class TinyDropping(nn.Module):
            def forward(self, hidden_states, **kwargs):  #! MOD022
                return hidden_states


        class TinyReading(nn.Module):
            def forward(self, hidden_states, **kwargs):
                return hidden_states + kwargs


        class TinyAll(nn.Module):
            def forward(self, hidden_states, **kwargs):
                return locals()


        class TinyStarred(nn.Module):
            def forward(self, *args, **kwargs):
                return args


        class TinyAbstract(nn.Module):
            def forward(self, hidden_states, **kwargs):
                pass


        class TinyPlan:
            def forward(self, hidden_states, **kwargs):
                return hidden_states
    """,
    "outputs, with `return_dict` and without": f"""{_HEAD}
        class TinyTransformer(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):  #! MOD018
                return hidden_states


        class TinyUNet(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):  #! MOD018
                return hidden_states


        class TinyEncoder(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):
                return hidden_states


        class TinyCounter(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):  #! MOD018
                return TinyOutput(sample=hidden_states)


        class TinyPairing(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):
                return TinyOutput(sample=hidden_states), hidden_states


        class TinyWrapping(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):
                return (TinyOutput(sample=hidden_states),)


        class TinyWarming(ModelMixin, ConfigMixin):
            def forward(self, hidden_states=None):
                if hidden_states is None:
                    return
                return self.proj(hidden_states)


        class TinyOpenTransformer(ModelMixin, ConfigMixin):
            def forward(self, hidden_states, **kwargs):
                return hidden_states + kwargs


        class TinyNamedTransformer(ModelMixin, ConfigMixin):
            def forward(self, hidden_states, **return_dict):
                return hidden_states + return_dict


        class TinyAbstractTransformer(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):
                raise NotImplementedError


        class TinyTransformerLayer(nn.Module):
            def forward(self, hidden_states):
                return hidden_states
    """,
    "what is returned with `return_dict` and what without": f"""{_HEAD}
        class TinySame(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict:
                    return (sample, temb, None)
                return TinyOutput(sample=temb, other=sample)


        class TinyPadded(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict:
                    return (sample, temb)
                return TinyOutput(sample=temb, other=sample, cache=None)


        class TinyKeeping(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                self.kept = TinyOutput(sample=temb)
                if not return_dict:
                    return (sample,)
                return TinyOutput(sample=sample)


        class TinyFilling(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if temb is None:
                    temb = sample
                if not return_dict:
                    return (temb,)
                return TinyOutput(sample=sample)  #! MOD018


        class TinyNested(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if temb is not None:
                    if not return_dict:
                        return (temb,)
                return TinyOutput(sample=sample)  #! MOD018


        class TinyLess(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                other = TinyOutput(sample=sample, other=temb)
                if not return_dict:
                    return (sample, other)
                return TinyOutput(sample=sample, other=temb)  #! MOD018


        class TinyElse(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if return_dict:
                    return TinyOutput(sample=sample)  #! MOD018
                else:
                    return (temb,)


        class TinyWorkedOut(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict:
                    return (sample.float(), temb)
                return TinyOutput(sample=sample)


        class TinyTwice(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict:
                    return (sample,)
                if temb:
                    return TinyOutput(sample=temb)
                return TinyOutput(sample=sample)


        class TinyBranching(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict and temb:
                    return (sample,)
                if not return_dict:
                    return (temb,)
                return TinyOutput(sample=sample)


        class TinyEarly(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):  #! MOD013
                if temb is None:
                    return (temb,)
                return TinyOutput(sample=sample)


        class TinyUnfilled(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict:
                    return (sample, temb)
                return TinyOutput()


        class TinyScalar(ModelMixin, ConfigMixin):
            def forward(self, sample, temb, return_dict=True):
                if not return_dict:
                    return temb
                return TinyOutput(sample=sample)
    """,
    "a small model that a pipeline keeps for itself": {
        "tinylib/__init__.py": "",
        "tinylib/pipelines/__init__.py": "",
        "tinylib/pipelines/tiny.py": """
            from diffusers.configuration_utils import ConfigMixin
            from diffusers.models.modeling_utils import ModelMixin


            class TinyTransformer(ModelMixin, ConfigMixin):
                def forward(self, hidden_states):  #! MOD018
                    return hidden_states
        """,
    },
    "the scale of adapters": f"""{_HEAD}
        class TinyPlain(ModelMixin, ConfigMixin, PeftAdapterMixin):
            def forward(self, sample, attention_kwargs=None):  #! MOD015
                return self.proj(sample, attention_kwargs)


        class TinyJoint(ModelMixin, ConfigMixin, PeftAdapterMixin):
            def forward(self, sample, joint_attention_kwargs=None):  #! MOD015
                return self.proj(sample, joint_attention_kwargs)


        class TinyScaled(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @consumes
            @apply_lora_scale("attention_kwargs")
            def forward(self, sample, attention_kwargs=None):
                return self.proj(sample, attention_kwargs)


        class TinyMisnamed(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @apply_lora_scale("joint_attention_kwargs")  #! MOD015
            def forward(self, sample, attention_kwargs=None):
                return self.proj(sample, attention_kwargs)


        class TinyUnnamed(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @apply_lora_scale()  #! MOD015
            def forward(self, sample, attention_kwargs=None):
                return self.proj(sample, attention_kwargs)


        class TinyUnnamedJoint(ModelMixin, ConfigMixin, PeftAdapterMixin):
            @apply_lora_scale()
            def forward(self, sample, joint_attention_kwargs=None):
                return self.proj(sample, joint_attention_kwargs)


        class TinyByHand(ModelMixin, ConfigMixin, PeftAdapterMixin):
            def forward(self, sample, attention_kwargs=None):
                scale_lora_layers(self, attention_kwargs)
                return self.proj(sample)


        class TinyWithout(ModelMixin, ConfigMixin, PeftAdapterMixin):
            def forward(self, sample):
                return self.proj(sample)


        class TinyHeld(ModelMixin, ConfigMixin, PeftAdapterMixin):
            def __init__(self, models):
                super().__init__()
                self.models = nn.ModuleList(models)

            def forward(self, sample, attention_kwargs=None):
                return self.models(sample, attention_kwargs)


        class TinyModel(ModelMixin, ConfigMixin):
            def forward(self, sample, attention_kwargs=None):
                return self.proj(sample, attention_kwargs)


        class TinyBlock(nn.Module, PeftAdapterMixin):
            def forward(self, sample, attention_kwargs=None):
                return self.proj(sample, attention_kwargs)


        class TinyEmpty(ModelMixin, ConfigMixin, PeftAdapterMixin):
            pass
    """,
    "short names for query, key and value": """
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                q, k, v = hidden_states  #! MOD017
                return q + k + v

            def two(self, hidden_states):
                q, k = hidden_states
                return q + k

            def without_key(self, hidden_states):
                q, v = hidden_states
                return q + v

            def given(self, q, k, v):
                return q + k + v


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                q = k = v = hidden_states  #! MOD017
                return q + k + v


        class TinyPlan:
            def forward(self, hidden_states):
                q, k, v = hidden_states
                return q + k + v
    """,
}
_TRANSFORMER = """
    from diffusers.configuration_utils import ConfigMixin
    from diffusers.models.modeling_utils import ModelMixin


    class TinyTransformer(ModelMixin, ConfigMixin):
        def forward(self, hidden_states):
            return hidden_states
"""
MESSAGES = {
    "a pipeline's own model without `return_dict` is a warning, a library's an error": (
        "MOD018",
        {
            "tinylib/__init__.py": "",
            "tinylib/models.py": _TRANSFORMER,
            "tinylib/pipelines/__init__.py": "",
            "tinylib/pipelines/tiny.py": _TRANSFORMER,
        },
        (
            "`TinyTransformer.forward` takes no `return_dict`",
            "warning: `TinyTransformer.forward` takes no `return_dict`",
        ),
    ),
}
