"""Plans for context parallelism, line by line."""

CASES = {
    "what a plan may and may not say": """
        import torch
        from diffusers.configuration_utils import ConfigMixin, register_to_config
        from diffusers.models import _modeling_parallel as parallel
        from diffusers.models._modeling_parallel import ContextParallelInput as Split
        from diffusers.models._modeling_parallel import ContextParallelOutput as Gather
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyRope(nn.Module):
            def forward(self, ids):
                tokens, axes = ids.shape
                return ids.cos(), ids.sin()


        class TinyNorm(nn.Module):
            def forward(self, hidden_states: torch.Tensor, *rest, scale=None, **others):
                hidden_states = hidden_states * 2 + self.shift(*rest, scale, **others)
                return hidden_states


        class TinyPair(nn.Module):
            def forward(self, hidden_states, *parts):
                if parts:
                    return (hidden_states, *parts)
                return hidden_states, hidden_states


        class TinyUnsure(nn.Module):
            def forward(self, hidden_states):
                return self.both(hidden_states)

            def both(self, hidden_states):
                return hidden_states, hidden_states


        class TinySkipping(nn.Module):
            def forward(self, hidden_states=None):
                if hidden_states is None:
                    return
                return hidden_states


        class TinyEither(nn.Module):
            def forward(self, hidden_states, is_pair=False):
                if is_pair:
                    return hidden_states, hidden_states
                return (hidden_states,)


        class TinyBlock(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = TinyNorm()

            def forward(self, hidden_states: torch.Tensor, mask=None):
                return hidden_states.permute(0, 2, 1) * mask


        class TinyModel(ModelMixin, ConfigMixin):
            _no_split_modules = ["TinyBlock"]
            _repeated_blocks = ["TinyBlock"]
            _skip_layerwise_casting_patterns = ["norm"]
            _cp_plan = {
                "": {
                    "hidden_states": Split(1, 3),
                    "x": Split(1, 3),  #! MOD008
                    "self": Split(1, 3),  #! MOD008
                    "ids": Split(0, expected_dims=2),
                    "mask": Split(2, 2),  #! MOD008
                    "size": Split(-1, 1),
                    "offset": Split(-2, 1),  #! MOD008
                },
                "rope": {
                    0: Split(0, 2, split_output=True),
                    1: Split(0, 2, True),
                    2: Split(0, 2, True),  #! MOD008
                    "ids": Split(0, 3),  #! MOD008
                },
                "other_rope": {
                    0: Split(0, 2),  #! MOD008
                    1: Split(0, 2, split_output=WHERE),
                    "ids": Split(0, 2, split_output=True),  #! MOD008
                },
                "norm": {
                    "hidden_states": Split(1, 3),
                    "scale": [Split(1, 3), Split(1, 3)],
                    "anything": Split(1, 3),
                    0: Split(1, 3, True),
                    1: Split(1, 3, True),  #! MOD008
                },
                "pair": (Gather(1, 3),),
                "unsure": Gather(1, 3),
                "either": Gather(1, 3),
                "blocks.*": {"hidden_states": Split(1, 3), "mask": Split(AXIS, 2)},
                "blocks.0": {"hidden_states": Split(1, 4)},  #! MOD008
                "blocks.1.norm": Gather(1, 3),
                "blocks.*.norm": [Gather(1, 3), Gather(1, 3)],  #! MOD008
                "blocks.*.norm.*": Gather(1, 3),  #! MOD008
                "blocks.norm": Gather(1, 3),  #! MOD008
                "blocks.2.norms": Gather(1, 3),  #! MOD008
                "norm.*": Gather(1, 3),  #! MOD008
                "third_rope": Gather(1, 3),  #! MOD008
                "fourth_rope": [Gather(1, 3), Gather(1, None)],
                "seventh_rope": [Gather(1, 3), *MORE],
                "eighth_rope": [Gather(1, 3), OTHER],
                "second_unsure": [Gather(1, 3), Gather(1, 3)],
                "skipping": [Gather(1, 3), Gather(1, 3)],
                "fifth_rope": [Gather(1, 3), OTHER, Gather(3, 3)],  #! MOD008
                "sixth_rope": parallel.ContextParallelOutput(gather_dim=3, expected_dims=3),  #! MOD008
                "nothing": Gather(1, 3),  #! MOD008
                "given.*.*": Gather(1, 3),  #! MOD008
                "given.0": {"x": Split(1, 3)},
                "other_pair": {"parts": Split(1, 3)},  #! MOD008
                NAME: Gather(1, 3),
            }

            @register_to_config
            def __init__(self, num_layers: int = 2, layers=None):
                super().__init__()
                self.given = layers
                self.other_pair = TinyPair()
                self.rope, self.other_rope, self.third_rope = TinyRope(), TinyRope(), TinyRope()
                self.fourth_rope, self.fifth_rope, self.sixth_rope = TinyRope(), TinyRope(), TinyUnsure()
                self.norm = TinyNorm()
                self.seventh_rope, self.eighth_rope = TinyRope(), TinyRope()
                self.second_unsure = TinyUnsure()
                self.skipping = TinySkipping()
                self.pair = TinyPair()
                self.unsure = TinyUnsure()
                self.either = TinyEither()
                self.blocks = nn.ModuleList([TinyBlock() for _ in range(num_layers)])

            def forward(self, hidden_states, ids, mask, size, offset):
                hidden_states = self.norm(self.pair(self.unsure(self.either(hidden_states))))
                hidden_states = self.other_pair(self.given, hidden_states)
                for rope in (self.rope, self.other_rope, self.third_rope):
                    hidden_states = rope(hidden_states)
                hidden_states = self.skipping(self.second_unsure(hidden_states))
                for rope in (self.seventh_rope, self.eighth_rope):
                    hidden_states = rope(hidden_states)
                for rope in (self.fourth_rope, self.fifth_rope, self.sixth_rope):
                    hidden_states = rope(hidden_states, ids, mask, size, offset)
                return hidden_states, ids


        class TinyReturning(ModelMixin, ConfigMixin):
            _cp_plan = {"": Gather(1, 3)}

            def forward(self, hidden_states, ids):
                return hidden_states, ids


        class NoModule:
            _cp_plan = {"nothing": Gather(1, 3)}
    """,
}
MESSAGES = {
    "how many tensors there are": (
        "MOD008",
        """
        import torch
        from diffusers.configuration_utils import ConfigMixin
        from diffusers.models._modeling_parallel import ContextParallelInput as Split
        from diffusers.models._modeling_parallel import ContextParallelOutput as Gather
        from diffusers.models.modeling_utils import ModelMixin
        from torch import nn


        class TinyNorm(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                hidden_states = hidden_states * 2
                return hidden_states


        class TinyRope(nn.Module):
            def forward(self, ids):
                return ids.cos(), ids.sin()


        class TinyModel(ModelMixin, ConfigMixin):
            _cp_plan = {
                "norm": {1: Split(1, 3, split_output=True)},
                "rope": Gather(1, 3),
            }

            def __init__(self):
                super().__init__()
                self.norm = TinyNorm()
                self.rope = TinyRope()
        """,
        (
            "`TinyNorm.forward` returns one tensor: there is none at 1",
            "`TinyRope.forward` returns 2 tensors, and the plan gathers 1",
        ),
    ),
}
