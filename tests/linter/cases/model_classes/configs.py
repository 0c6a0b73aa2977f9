"""What models register, hold in their config, and read of it."""

_HEAD = """
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models.modeling_utils import ModelMixin
        from elsewhere import Base, Layer, handed
        from torch import nn

"""

CASES = {
    "what is registered: by the decorator, by hand, not at all": f"""{_HEAD}
        class TinyDecorated(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, dim, *sizes, eps=1, **kwargs):  #! MOD003
                super().__init__()
                self.proj = handed(dim, sizes, eps, kwargs)


        class TinyByHand(ModelMixin, ConfigMixin):
            def __init__(self, dim, eps, width, depth, *sizes, **kwargs):
                super().__init__()
                eps = 2  #! MOD003
                self.dim = dim
                other = dim
                self.register_to_config(dim=dim, eps=eps, other=other, *sizes, **kwargs)
                self.register_to_config(size=width)  #! MOD003
                self.register_to_config(depth)
                self.note(wide=depth)
                depth = 2


        class TinyMany(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, dim, *sizes):  #! MOD003
                super().__init__()
                self.proj = handed(dim, sizes)


        class TinyNoting(ModelMixin, ConfigMixin):
            def __init__(self, dim):
                super().__init__()
                width = 2 * dim
                self.register_to_config(dim=dim)
                self.width = width


        class TinyNothing(ModelMixin, ConfigMixin):
            def __init__(self, dim):  #! MOD002
                super().__init__()
                self.dim = dim


        class TinyEmpty(ModelMixin, ConfigMixin):
            def __init__(self):
                super().__init__()


        class TinyHeld(ModelMixin, ConfigMixin):
            def __init__(self, models):
                super().__init__()
                self.models = nn.ModuleList(models)


        class TinyHolding(ModelMixin, ConfigMixin):
            def __init__(self, models):  #! MOD002
                super().__init__()
                self.models = nn.ModuleList(other)


        class TinyListing(ModelMixin, ConfigMixin):
            def __init__(self, models):  #! MOD002
                super().__init__()
                self.models = list(models)
                self.others = nn.ModuleList()


        class TinyLayer(nn.Module):
            def __init__(self, dim, *sizes):
                super().__init__()
                self.dim = dim


        class TinyConfigured(ConfigMixin):
            @register_to_config
            def __init__(self, dim, *sizes):
                self.dim = dim


        class TinyBelow(TinyDecorated):  #! MOD021
            pass
    """,
    "the two halves of a model": f"""{_HEAD}
        class TinyModel(ModelMixin):  #! MOD001
            def __init__(self, dim):
                super().__init__()
                self.dim = dim


        class TinyRegistered(ModelMixin):  #! MOD001
            @register_to_config
            def __init__(self, dim, *sizes):
                super().__init__()
                self.dim = dim


        class TinyScheduler(ConfigMixin):
            def __init__(self, steps):
                self.steps = steps


        class TinyConfigured(nn.Module, ConfigMixin):  #! MOD001
            pass


        class TinyBoth(ModelMixin, ConfigMixin):
            pass


        class TinyNeither(nn.Module):
            pass


        class TinyPlan(ConfigMixin):
            pass


        class TinyOther(Base, ModelMixin):
            pass


        class TinyModelMixin(ModelMixin):
            pass


        class TinyHeld(ModelMixin):
            def __init__(self, models):
                super().__init__()
                self.models = nn.ModuleList(models)
    """,
    "config entries that are read, and those that are not": f"""{_HEAD}
        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(
                self,
                hidden_size,
                num_layers,
                num_heads,  #! MOD014
                dropout,
                norm_eps,
                num_norm_groups,
                scaling_factor,
                **norm_kwargs,  #! MOD003
            ):
                super().__init__()
                self.proj = nn.Linear(hidden_size, 2)

            def sized(self, config):
                return config.num_layers, self.config["dropout"], getattr(config, "norm_eps"), config.num_norm_groups


        class TinyAll(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_attention_heads):
                super().__init__()
                self.note(locals())


        class TinyByHand(ModelMixin, ConfigMixin):
            def __init__(self, mlp_ratio):
                super().__init__()
                self.register_to_config(width=2)


        class TinyBelow(TinyModel):  #! MOD021
            @register_to_config
            def __init__(self, hidden_size, num_layers, inner_dim):  #! MOD014
                super().__init__(hidden_size)


        class TinyFirst(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, num_groups_of_heads):  #! MOD014
                super().__init__()


        class TinyScheduler(ConfigMixin):
            @register_to_config
            def __init__(self, steps, inner_dim):
                self.width = steps
    """,
    "config entries that the file of a base looks up": {
        "tiny/__init__.py": "",
        "tiny/base.py": f"""{_HEAD}
        class TinyBase(ModelMixin, ConfigMixin):
            def forward(self, hidden_states):
                return hidden_states * self.config["num_heads"]
        """,
        "tiny/model.py": f"""{_HEAD}
        from .base import TinyBase


        class TinyModel(TinyBase):
            @register_to_config
            def __init__(
                self,
                num_heads,
                num_layers,  #! MOD014
            ):
                super().__init__()
        """,
    },
    "subclasses of models": f"""{_HEAD}
        class TinyModel(ModelMixin, ConfigMixin):
            @register_to_config
            def __init__(self, dim=2):
                super().__init__()


        class TinySubclass(TinyModel):  #! MOD021
            pass


        class TinyDeprecated(TinyModel):
            def __init__(self):
                deprecate("TinyDeprecated")
                super().__init__()


        class TinyAbstract(ModelMixin, ConfigMixin):
            pass


        class TinyConcrete(TinyAbstract):
            pass


        class TinyHalf(ModelMixin):  #! MOD001
            def __init__(self):
                super().__init__()


        class TinyWhole(TinyHalf, ConfigMixin):
            pass


        class TinySettings(ConfigMixin):
            def __init__(self):
                self.settings = None


        class TinySettled(ModelMixin, TinySettings):
            pass


        class TinyLayer(nn.Module):
            def __init__(self):
                super().__init__()


        class TinyLayerBelow(TinyLayer):
            pass
    """,
}
FIXES = {
    "the mixin that is missing takes the place of `nn.Module`, which it inherits": (
        "MOD001",
        """
        from diffusers.configuration_utils import ConfigMixin
        from torch import nn


        class TinyLayer(nn.Module):
            pass


        class TinyModel(nn.Module, ConfigMixin):
            pass


        class TinyBelow(TinyLayer, ConfigMixin):
            pass
        """,
        """
        from diffusers.configuration_utils import ConfigMixin
        from torch import nn
        from diffusers.models.modeling_utils import ModelMixin


        class TinyLayer(nn.Module):
            pass


        class TinyModel(ModelMixin, ConfigMixin):
            pass


        class TinyBelow(TinyLayer, ConfigMixin, ModelMixin):
            pass
        """,
    ),
}
MESSAGES = {
    "the half of a model that is missing": (
        "MOD001",
        f"""{_HEAD}
        class TinyModel(ModelMixin):
            pass


        class TinyConfigured(nn.Module, ConfigMixin):
            pass
        """,
        ("`TinyModel` does not inherit `ConfigMixin`", "`TinyConfigured` does not inherit `ModelMixin`"),
    ),
}
