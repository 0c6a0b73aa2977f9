"""NumPy in functions that are reached for arrays alone, and in those that are not."""

CASES = {
    "functions that a forward reaches for arrays alone": """
        import numpy as np
        from torch import nn


        def only(size):
            return np.asarray(size)


        def below(size):
            return np.ones(size)


        def between(size):
            return below(size)


        def around(size, depth=0):
            if depth:
                return np.ones(size)
            return around(size, depth + 1)


        def both(size):
            return np.ones(size)  #! FWD001


        def under_both(size):
            return np.ones(size)  #! FWD001


        def over(size):
            return under_both(size)


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states, size, backend):
                if isinstance(size, np.ndarray):
                    size = only(size) + between(size) + around(size) + both(size) + over(size)
                if backend == "np":
                    return np.asarray(size)
                return hidden_states + both(size) + over(size)
    """,
    "a dtype that is passed on, and what only a caller who asks for arrays runs": """
        import numpy as np
        from torch import nn


        class TinyCasting(nn.Module):
            def forward(self, hidden_states):
                return self.cast(hidden_states, np.float32)


        class TinyDecoder(nn.Module):
            def forward(self, hidden_states, output_type):
                if output_type == "np":
                    return np.asarray(hidden_states)
                return hidden_states
    """,
    "functions for arrays, and methods of others that have their name": """
        import numpy as np
        from torch import nn


        def cast(size):
            return np.asarray(size)


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states, size):
                if isinstance(size, np.ndarray):
                    size = cast(size)
                return self.table.cast(size)
    """,
}

_HEAD = """
        import numpy as np
        import torch
        from torch import nn


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states: torch.Tensor):
                """

FIXES = {
    "what stands in a call of another function is written with torch": (
        "FWD001",
        f"{_HEAD}return self.scale(np.exp(hidden_states))\n",
        f"{_HEAD}return self.scale(torch.exp(hidden_states))\n".replace("import numpy as np\n        ", ""),
    ),
    "what NumPy does with what NumPy did is written with torch as a whole": (
        "FWD001",
        f"{_HEAD}return np.sqrt(np.abs(hidden_states))\n",
        f"{_HEAD}return torch.sqrt(torch.abs(hidden_states))\n".replace("import numpy as np\n        ", ""),
    ),
    "a file that does not import torch is left to a person": (
        "FWD001",
        """
        import numpy as np
        from torch import Tensor, nn


        class TinyEmbedding(nn.Module):
            def forward(self, hidden_states: Tensor):
                return np.exp(hidden_states)
        """,
        None,
    ),
}
