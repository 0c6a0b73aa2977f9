"""What a forward changes, draws or assigns, and what an `__init__` leaves undefined."""

CASES = {
    "state: attributes, buffers, globals, caches, tables that are asked": """
        from torch import nn

        COUNT = 0


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.register_buffer("scale", dim)
                self.register_forward_hook("hook")
                register_buffer()
                dim.register_module("other", dim)

            def clear_memory(self):
                self.memory = None
                self.notes.pages = None

            def _reset_steps(self):
                self.steps = None

            def forward(self, hidden_states, key):
                global COUNT  #! FWD011
                hidden_states.last = key
                self.last = key  #! FWD011
                self.rope_cache = key
                self.memory = key
                self.memory[key] = key
                self.memory.size = key
                self.steps = key
                if key not in self.table:
                    self.table[key] = key
                if key in self.table:
                    self.table[key] = key  #! FWD011
                self.scale.add_(key)  #! FWD011
                self.scale.__len__()
                self.scale.add(key)
                self.hook.add_(key)
                self.other.add_(key)
                key.add_(key)
                return self.changed(hidden_states)

            def changed(self, hidden_states):
                self.first, self.notes = hidden_states, 2  #! FWD011
                return hidden_states


        class TinyAttnProcessor:
            def __init__(self):
                self.register_buffer("scale", 2)

            def __call__(self, attn, hidden_states):
                self.last = hidden_states
                self.scale.add_(2)
                return counted(hidden_states)


        def counted(hidden_states):
            global COUNT  #! FWD011
            COUNT = hidden_states
            return hidden_states


        class TinyInherited(TinyBlock):
            def forward(self, hidden_states):
                self.scale.add_(2)
                return hidden_states
    """,
    "noise: with a generator, in training, in place, in helpers that are called so": """
        import torch
        from torch import nn


        def noised(hidden_states):
            return hidden_states + torch.randn(2)


        def sampled(hidden_states):
            return hidden_states + torch.randn(2)  #! FWD012


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, generator=None, **kwargs):
                first = torch.randn(2, generator=generator)
                first = torch.randn(2, **kwargs)
                first = torch.rand(2, **kwargs, device=first.device)
                first = hidden_states.normal_()  #! FWD012
                first = hidden_states.normal()
                first = normal_(hidden_states)
                first = hidden_states.add_(2)
                if self.training:
                    first = torch.rand(2)
                    first = noised(first)
                if generator is None:
                    first = torch.rand(2)
                if self.sampled(hidden_states):
                    first = torch.rand(2)  #! FWD012
                if self.train:
                    self.sampled(hidden_states)
                    sampled.noised(hidden_states)
                return sampled(first)

            def sampled(self, hidden_states):
                return hidden_states
    """,
    "data: of what comes out of a loop, of what the class holds, asked about, cast": """
        import torch
        from torch import nn

        first.data = 2


        def assign(module, param, linear, device):
            param.data = linear  #! FWD013
            linear.data = param
            param.data_ = linear
            param.data += linear
            weight = linear.data
            note.param = linear
            module.norm_weight.data = param


        def is_known(parameters):
            for param in parameters:
                if isinstance(param, Quantized):
                    param.data = param
                else:
                    param.data = 2


        def is_checked(parameters):
            for param in check_traceable(parameters):
                param.data = param


        def is_listed(parameters):
            if isinstance(parameters, list):
                parameters = parameters[0]
            for param in sorted(parameters):
                param.data = 2  #! FWD013


        def cast(param, buffer, dtype):
            param.data = param.to(torch.float32, copy=True)
            buffer.data = buffer.to(dtype)


        def move(param, buffer, device):
            param.data = param.to(device)  #! FWD013
            buffer.data = buffer.type(torch.float32)  #! FWD013
            other = param.to(torch.float32)


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                self.table.data = hidden_states  #! FWD011 FWD013
                hidden_states.data = hidden_states  #! FWD013
                return hidden_states
    """,
    "checkpointing: other arguments, other order, starred, worked out, another block": """
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, x, temb, rope=None, **kwargs):
                for block in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(block, temb, x)  #! FWD014
                    else:
                        x = block(x, temb)
                for block in self.more_blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(block, x, temb, rope)  #! FWD014
                        x = self.another(block, x)
                        self._gradient_checkpointing_func()
                    else:
                        x = block(x, temb)
                    if self.gradient_checkpointing:
                        block.reset()
                return x


        class TinyStarred(nn.Module):
            def forward(self, x, temb, rope=None, *rest, **kwargs):
                for first in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(first, x, *rest)
                    else:
                        x = first(x, temb)
                for second in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(second, x)
                    else:
                        x = second(x, temb, **kwargs)
                for third in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(third, x, temb.float())
                    else:
                        x = third(x, temb)
                for fourth in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(fourth, x, None, True, False, -1, temb + 1, temb.view())
                    else:
                        x = fourth(x, temb * 2, temb.reshape())
                for fifth in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(fifth, x, temb + 1)
                    else:
                        x = fifth(x, temb)
                return x


        class TinyNamed(nn.Module):
            def forward(self, x, temb, rope=None):
                for first in self.blocks:
                    if self.gradient_checkpointing and x.requires_grad:
                        if self.fast:
                            x = self._gradient_checkpointing_func(first, x, temb)
                    else:
                        x = first(temb=temb, x=x)
                for second in self.blocks:
                    if self.gradient_checkpointing:
                        if self.fast:
                            x = self._gradient_checkpointing_func(second, x)  #! FWD014
                    else:
                        x = second(x, temb)
                for third in self.blocks:
                    x = self._gradient_checkpointing_func(third, x)
                    x = third(x, temb)
                for fourth in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(fourth, x)
                    elif self.fast:
                        x = fourth(x, temb)
                    else:
                        x = fourth(x, rope)
                for fifth in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(fifth, x, temb)
                    else:
                        x = fourth(x, rope)
                return x
    """,
    "parameters: kept, filled, passed on, made by others": """
        import torch
        from torch import nn

        from .elsewhere import Quantity


        class TinyModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                torch.empty(dim)
                table = nn.Parameter(torch.empty(dim))
                self.plain = torch.empty(dim)
                self.listed = list(torch.empty(dim))
                self.table = nn.Parameter(torch.empty(dim))  #! FWD009
                self.filled = nn.Parameter(torch.empty(dim))
                self.passed = nn.Parameter(torch.empty(dim))
                self.read = nn.Parameter(torch.empty(dim))  #! FWD009
                self.zeros = nn.Parameter(torch.zeros(dim))
                self.register_buffer("ids", torch.empty(dim))  #! FWD009
                self.register_buffer("set", torch.empty(dim))
                self.register_other("other", torch.empty(dim))
                self.filled.normal_()
                nn.init.normal_(self.passed)
                nn.init.normal_(self.set)
                self.read.normal()
                torch.describe(self.read)


        class TinyDrawn(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.table = nn.Parameter(torch.empty(dim))

            def reset_parameters(self):
                pass


        class TinySet(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.table = nn.Parameter(torch.empty(dim))

            def _init_weights(self):
                pass


        class TinyBegun(Quantity, nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.table = nn.Parameter(torch.empty(dim))

            def initialize_weights(self):
                pass


        class TinyScratch(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.scratch = torch.empty(dim)


        class TinyPlan:
            def __init__(self, dim):
                self.table = nn.Parameter(torch.empty(dim))


        class TinyWithout(nn.Module):
            pass
    """,
    "parameters under another name of torch's": """
        from torch import empty, nn


        class TinyModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.table = nn.Parameter(empty(dim))  #! FWD009
    """,
    "parameters of quantizers, which fill them when they load": {
        "tinylib/__init__.py": "",
        "tinylib/quantizers/__init__.py": "",
        "tinylib/quantizers/tiny.py": """
            import torch
            from torch import nn


            class TinyLinear(nn.Module):
                def __init__(self, dim):
                    super().__init__()
                    self.weight = nn.Parameter(torch.empty(dim))
        """,
    },
}

_PARAMETER = """
        {imports}


        class TinyModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.table = nn.Parameter({made}(dim))
"""

FIXES = {
    "a parameter is made of zeros": (
        "FWD009",
        _PARAMETER.format(imports="import torch\n        from torch import nn", made="torch.empty"),
        _PARAMETER.format(imports="import torch\n        from torch import nn", made="torch.zeros"),
    ),
    "a function under a name of its own is left to a person": (
        "FWD009",
        _PARAMETER.format(imports="from torch import empty as blank\n        from torch import nn", made="blank"),
        None,
    ),
}

_BRANCHES = """
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, x, e0, temb=None):
                for block in self.blocks:
                    if self.gradient_checkpointing:
                        x = self._gradient_checkpointing_func(block, {first})
                    else:
                        x = block({second})
                return x
"""

MESSAGES = {
    "what the checkpointing branch lacks": (
        "FWD014",
        _BRANCHES.format(first="x, temb", second="x, e0"),
        ("the checkpointing branch passes also `temb` and no `e0` to `block`",),
    ),
    "what the checkpointing branch has in another order": (
        "FWD014",
        _BRANCHES.format(first="e0, x", second="x, e0"),
        ("the checkpointing branch passes the same in another order to `block`",),
    ),
}
