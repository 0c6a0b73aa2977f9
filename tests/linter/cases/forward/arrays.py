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
}
