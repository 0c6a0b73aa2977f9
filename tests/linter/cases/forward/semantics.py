"""What a forward runs, however it is reached and whatever it is called."""

CASES = {
    "NumPy by any name, through helpers, bases and other files": {
        "tiny/__init__.py": "",
        "tiny/helpers.py": """
            import numpy


            def frequencies(dim):
                return numpy.arange(dim)


            class TinyBase:
                def scaled(self, x):
                    return numpy.exp(x)
        """,
        "tiny/model.py": """
            from typing import TYPE_CHECKING

            import numpy.random as noise
            import torch
            from numpy import exp as power
            from torch import nn

            from . import helpers
            from .helpers import TinyBase
            from .helpers import frequencies as steps

            if TYPE_CHECKING:
                import numpy as np


            class TinyModel(TinyBase, nn.Module):
                def __init__(self):
                    super().__init__()
                    self.size = int(power(2.0))

                @torch.compile
                def forward(self, x: "np.ndarray"):
                    x = power(x)  #! FWD001
                    x = x + noise.randn(3)  #! FWD001
                    x = x + steps(4)  #! FWD001
                    x = x + helpers.frequencies(4)
                    x = self.scaled(x)  #! FWD001
                    return self._late(x)

                @staticmethod
                def _late(x):
                    import numpy as late

                    return late.cumsum(x)  #! FWD001

                def prepare(self, x):
                    return power(x)
        """,
    },
    "einops by any name": """
        import einops as ein
        from einops import rearrange as move
        from einops.layers.torch import Rearrange
        from torch import nn


        class TinyModel(nn.Module):
            def __init__(self):
                super(TinyModel, self).__init__()
                self.layer = Rearrange("b s d -> b d s")  #! FWD008

            def forward(self, x):
                x = ein.rearrange(x, "b s d -> b d s")  #! FWD008
                x = move(x, "b s d -> b d s")  #! FWD008
                return self.layer(x)


        def rearrange(x, pattern):
            return x


        class TinyOther(nn.Module):
            def forward(self, x):
                return rearrange(x, "b s d -> b d s")
    """,
    "double precision, devices and noise by any name": """
        import torch as th
        from torch import bfloat16, nn
        from torch import float64 as wide
        from torch import randn as draw


        class TinyModel(nn.Module):
            def forward(self, x, generator=None):
                x = x.to(th.float64)  #! FWD005
                x = x.to(wide)  #! FWD005
                if x.device.type != "mps":
                    x = x.to(wide)
                x = x.to(dtype=bfloat16)  #! FWD004
                if x.dtype == bfloat16:
                    x = x.to(dtype=wide, device="cpu")
                x = x.to("cuda")  #! FWD007
                x = x.to(device=th.device("cuda"))  #! FWD007
                x = x + draw(3)  #! FWD012
                return x + th.randn(3, generator=generator)


        class TinyTable(nn.Module):
            def forward(self, x, wide):
                return x.to(wide)
    """,
}

MESSAGES = {
    "a dtype of torch's by any name, told once": (
        "FWD005",
        """
        import torch as th
        from torch import float64 as wide
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, x):
                return x.to(th.float64) + x.to(wide)
        """,
        (
            "`th.float64` in a forward; guard it with `maybe_adjust_dtype_for_device`",
            "`wide` in a forward; guard it with `maybe_adjust_dtype_for_device`",
        ),
    ),
}
