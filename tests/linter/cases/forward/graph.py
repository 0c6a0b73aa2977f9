"""What takes a forward out of its graph, or makes it another function than the one that is written."""

CASES = {
    "NumPy: constants, integers, tests, arguments, arrays": """
        import numpy as np
        import numpyro
        import torch
        from torch import nn


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states, size):
                half = np.pi * hidden_states
                count = int(np.prod(hidden_states.shape)) + np.ceil(size) + np.floor(size) + np.log2(size)
                dtype = np.float32  #! FWD001
                if size is np.float16:
                    size = size + 1
                size = self.cast(np.float32)
                if isinstance(size, np.ndarray):
                    size = np.asarray(size)
                    kind = np.float32
                if self.scaled:
                    size = np.asarray(size)  #! FWD001
                    kind = np.int64  #! FWD001
                if self.is_known(np.int64):
                    size = size + 2
                wide = self.first(size), np.random.rand(2)  #! FWD001
                return half, count, dtype, kind, wide, numpyro.sample(size)
    """,
    "values that are read, printed, cast and branched on": """
        import torch
        from torch import nn


        def shown(hidden_states: torch.Tensor):
            print(hidden_states)  #! FWD002
            return hidden_states


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, mask, sizes: list[int], scale: float):
                values = hidden_states.tolist()  #! FWD002
                values = hidden_states.cpu().numpy()  #! FWD002
                values = mask.item(2)
                values = item()
                height = hidden_states.shape.numpy()
                length = int(hidden_states)  #! FWD002
                length = float(hidden_states[0]) + bool(hidden_states)  #! FWD002
                length = int(scale) + int(mask) + int(hidden_states, 2) + len(hidden_states)
                if torch.any(mask):  #! FWD002
                    mask = None
                if any(sizes) or max(sizes) > 2:
                    mask = None
                if hidden_states.sum() > 2:  #! FWD002
                    mask = None
                if hidden_states.float() is None or torch.is_tensor(mask):
                    mask = None
                if self.known(hidden_states.size()) or mask.sum() > 2:
                    mask = None
                kept = [size for size in sizes if hidden_states.max() > size]
                if not torch.compiler.is_compiling():
                    values = hidden_states.item()
                if isinstance(mask, torch.Tensor):
                    values = mask.item()
                if self.counts:
                    values = mask.item()  #! FWD002
                return shown(hidden_states), values, height, length, kept
    """,
    "a print of its own": """
        from torch import nn

        from .logs import print


        class TinyBlock(nn.Module):
            def forward(self, hidden_states):
                print(hidden_states)
                return hidden_states
    """,
    "layers that are passed on": """
        from torch import nn

        from .elsewhere import apply


        def modulated(hidden_states, norm=None, act=None, *rest):
            return act(norm(hidden_states))


        def described(norm):
            return str(norm)


        class TinyBlock(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.norm = nn.LayerNorm(dim)
                self.blocks[0] = nn.LayerNorm(dim)
                self.act = nn.SiLU()

            def own(self, norm, hidden_states):
                return norm(hidden_states)

            def forward(self, hidden_states, norm):
                hidden_states = modulated(hidden_states, norm=self.norm)  #! FWD003
                hidden_states = modulated(hidden_states, self.blocks[0], norm)  #! FWD003
                hidden_states = modulated(hidden_states, norm, self.act)
                hidden_states = modulated(hidden_states, norm, norm, norm, self.norm)
                hidden_states = modulated(hidden_states, self.unknown)
                described(self.norm)
                apply(self.norm)
                hidden_states = modulated(norm=self.norm, hidden_states=hidden_states)  #! FWD003
                hidden_states = modulated(self.norm, norm)
                hidden_states = self.own(norm=self.norm, hidden_states=hidden_states)
                return self.own(self.norm, hidden_states)


        class TinyPlan:
            def __init__(self, dim):
                self.norm = nn.LayerNorm(dim)

            def __call__(self, attn, hidden_states):
                return modulated(hidden_states, self.norm)
    """,
    "einops: in a forward, in what it reaches, elsewhere": {
        "tinylib/__init__.py": "",
        "tinylib/shapes.py": """
            import einops
            from einops import rearrange


            def folded(hidden_states):
                return einops.reduce(rearrange(hidden_states, "b s -> s b"), "s b -> s", "mean")
        """,
        "tinylib/model.py": """
            from einops import rearrange
            from einops_exts import rearrange_many
            from torch import nn

            from .shapes import folded


            class TinyBlock(nn.Module):
                def forward(self, hidden_states):
                    hidden_states = rearrange_many(hidden_states)
                    hidden_states = rearrange(hidden_states, "b s -> s b")  #! FWD008
                    return folded(hidden_states)  #! FWD008


            class TinyPlan:
                def forward(self, hidden_states):
                    return rearrange(hidden_states, "b s -> s b")
        """,
    },
    "views that are returned: through a name, later, by a helper": """
        from torch import nn


        def turned(hidden_states):
            return hidden_states.flatten(2).transpose(1, 2)


        class TinyPatchEmbed(nn.Module):
            def forward(self, hidden_states):
                hidden_states = hidden_states.flatten(2).transpose(1, 2)
                if self.early:
                    return hidden_states  #! FWD010
                hidden_states = hidden_states.contiguous()
                if self.both:
                    return hidden_states, hidden_states.view(2, 2).permute(1, 0)  #! FWD010
                if self.same: return hidden_states.view(2).mT; hidden_states = 1  #! FWD010
                if self.kept: result = hidden_states.view(2).mT; return result  #! FWD010
                return turned(hidden_states)


        class TinyOther(nn.Module):
            def forward(self, hidden_states):
                hidden_states = turned(hidden_states)
                return hidden_states
                hidden_states = hidden_states.flatten(2).transpose(1, 2)
    """,
    "processors run, other classes that can be called do not": """
        import numpy as np
        from torch import nn


        class TinyAttnProcessor:
            def __call__(self, attn, hidden_states):
                return np.asarray(hidden_states)  #! FWD001

            def forward(self, hidden_states):
                return np.asarray(hidden_states)


        class TinyScheduler:
            def __call__(self, step):
                return np.asarray(step)

            def forward(self, step):
                return np.asarray(step)


        class TinyModule(nn.Module):
            def __call__(self, hidden_states):
                return np.asarray(hidden_states)


        class TinyEmpty(nn.Module):
            pass
    """,
    "what one helper does is told once, at the first call of a file that leads to it": {
        "tinylib/__init__.py": "",
        "tinylib/helpers.py": """
            import numpy as np

            from .model import deep


            def outer(size):
                return inner(size) + np.asarray(size) + deep(size)


            def inner(size):
                return np.zeros(size)


            def last(size):
                return np.zeros(size)
        """,
        "tinylib/model.py": """
            import numpy as np
            from torch import nn

            from .helpers import inner, last, outer


            def deep(size):
                return np.asarray(size)  #! FWD001


            def near(size):
                return np.asarray(size) + far(size)  #! FWD001


            def far(size):
                return np.ones(size)  #! FWD001


            def leading(size):
                return last(size)  #! FWD001


            class TinyFirst(nn.Module):
                def forward(self, size):
                    return outer(size) + near(size) + deep(size)  #! FWD001


            class TinyThird(nn.Module):
                def forward(self, size):
                    return leading(size)


            class TinySecond(nn.Module):
                def forward(self, size):
                    return inner(size) + outer(size) + near(size)
        """,
    },
    "values that are read and branched on first": """
        import torch
        from torch import nn


        class TinyMasked(nn.Module):
            def forward(self, hidden_states: torch.Tensor, mask):
                if (  # The whole of the condition is meant.
                    mask is None  #! FWD002
                    or torch.any(mask)
                ):
                    return hidden_states
                return hidden_states * mask


        class TinyScaled(nn.Module):
            def forward(self, hidden_states):
                if self.proj(hidden_states).abs().sum() > 2:  #! FWD002
                    return hidden_states
                return hidden_states * 2


        class TinyTrainingBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                return hidden_states[: hidden_states.sum().item()]
    """,
    "layers that a base of another file passes on": {
        "tinylib/__init__.py": "",
        "tinylib/base.py": """
            from torch import nn


            def modulated(norm, hidden_states):
                return norm(hidden_states)


            class TinyBase(nn.Module):
                def __init__(self, dim):
                    super().__init__()
                    self.norm = nn.LayerNorm(dim)

                def forward(self, hidden_states):
                    return self.normed(hidden_states)

                def normed(self, hidden_states):
                    return modulated(self.norm, hidden_states)  #! FWD003
        """,
        "tinylib/model.py": """
            from .base import TinyBase


            class TinyBlock(TinyBase):
                def forward(self, hidden_states):
                    return self.normed(hidden_states) + 1
        """,
    },
}

_HELPERS = {
    "tinylib/__init__.py": "",
    "tinylib/helpers.py": """
        import einops
        import numpy as np
        from einops import rearrange


        def folded(hidden_states):
            return einops.reduce(rearrange(hidden_states, "b s -> s b"), "s b -> s", "mean")


        def table(size):
            return np.arange(size)
    """,
}

MESSAGES = {
    "how a forward leads to what it must not do": (
        "FWD001",
        {
            **_HELPERS,
            "tinylib/model.py": """
            import numpy as np
            from torch import nn

            from .helpers import table


            def near(size):
                return np.ones(size)


            class TinyFirst(nn.Module):
                def forward(self, size):
                    return np.zeros(size) + table(size) + near(size)


            class TinySecond(nn.Module):
                def forward(self, size):
                    return table(size) + near(size)
            """,
        },
        (
            "`np.ones` is NumPy in a forward; use torch, which `TinyFirst.forward` reaches",
            "`np.zeros` is NumPy in a forward; use torch",
            "`np.arange` is NumPy in a forward; use torch, in `table` (tinylib.helpers:11), which this call reaches",
        ),
    ),
    "einops in a helper of another file is told once": (
        "FWD008",
        {
            **_HELPERS,
            "tinylib/model.py": """
            from torch import nn

            from .helpers import folded


            class TinyBlock(nn.Module):
                def forward(self, hidden_states):
                    return folded(hidden_states)
            """,
        },
        (
            "`einops.reduce` is einops; write it with `reshape`, `permute` or `unflatten`, in `folded` "
            "(tinylib.helpers:7), which this call reaches",
        ),
    ),
}

_EINOPS = """
        import einops
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states, pattern):
                return """

FIXES = {
    "einops goes with its import": (
        "FWD008",
        f'{_EINOPS}einops.rearrange(hidden_states, "b s d -> b d s")\n',
        f"{_EINOPS}hidden_states.transpose(1, 2)\n".replace("import einops\n        ", ""),
    ),
    "a pattern that is not written there is left to a person": (
        "FWD008",
        f"{_EINOPS}einops.rearrange(hidden_states, pattern)\n",
        None,
    ),
    "other functions of einops are left to a person": (
        "FWD008",
        f'{_EINOPS}einops.einsum(hidden_states, "b s d -> b d s")\n',
        None,
    ),
}
