"""Comments that silence findings, comments that silence nothing, and what is taken out of them."""

_HEAD = """
        import torch
        from torch import nn


        class TinyModel(nn.Module):"""

CASES = {
    "lines, statements and blocks, and what lies around them": _HEAD
    + """
            def __init__(self, dim):
                super().__init__()
                self.first = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009] loaded
                # lint: ignore[FWD009] loaded
                self.second = nn.Parameter(torch.empty(1, dim))
                self.third = 1  # lint: ignore[FWD009] nothing to silence  #! LNT002
                self.fourth = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009]  #! LNT004
                self.fifth = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009, FWD001]  #! LNT002 LNT004
                self.sixth = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009, FWD999] loaded  #! LNT003
                self.seventh = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD999]  #! LNT003
                self.eighth = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD]  #! LNT003
                self.ninth = nn.Parameter(torch.empty(1, dim))  # lint: ignore  #! LNT003
                self.tenth = 1  # lint: ignore[FWD009]  #! LNT002


        class SecondModel(nn.Module):
            # lint: ignore[FWD009] loaded
            def __init__(self, dim):
                super().__init__()
                self.pad = nn.Parameter(torch.empty(1, dim))


        class ThirdModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.pad = nn.Parameter(torch.empty(1, dim))
    """,
    "a whole file": """
        # lint: ignore[FWD009] every checkpoint has them

        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.first = nn.Parameter(torch.empty(1, dim))
                self.second = nn.Parameter(torch.empty(1, dim))
                self.third = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009] twice as sure
    """,
    "a file that cannot be read": {"broken.py": "# lint: ignore[LNT001] x\ndef f(:  #! LNT001\n"},
    "a file that is nested too deeply for a rule": f"""
        # lint: ignore[LNT005] as deep as it has to be  #! LNT002 LNT005

        import numpy as np
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def forward(self, x: torch.Tensor):
                return np.exp({"-" * 360}x)
    """,
}

FIXES = {
    "codes and comments that silence nothing go": (
        "LNT002,FWD001,FWD009,ATT001",
        """
            # lint: ignore[FWD009] nothing here
            one = 1
            two = 2  # lint: ignore[FWD009, FWD001] nothing here
            three = 3  # lint: ignore[FWD009] nothing here # noqa: E501
            # lint: ignore[FWD009] nothing here # noqa
            four = 4


            class Inner:
                # lint: ignore[FWD009] nothing here
                five = 5
        """,
        """
            one = 1
            two = 2
            three = 3  # noqa: E501
            # noqa
            four = 4


            class Inner:
                five = 5
        """,
    ),
    "a comment about one rule does not silence another": (
        "LNT002,FWD001,FWD002",
        """
        import numpy as np
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            # lint: ignore[FWD002] it is never compiled
            def forward(self, x: torch.Tensor):
                return np.exp(x) * x.sum().item()
        """,
        """
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            # lint: ignore[FWD002] it is never compiled
            def forward(self, x: torch.Tensor):
                return torch.exp(x) * x.sum().item()
        """,
    ),
    "codes that silence something stay": (
        "LNT002,FWD001,FWD009,ATT001",
        _HEAD
        + """
            def __init__(self, dim):
                super().__init__()
                self.pad = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD001, FWD009, ATT001] loaded
        """,
        _HEAD
        + """
            def __init__(self, dim):
                super().__init__()
                self.pad = nn.Parameter(torch.empty(1, dim))  # lint: ignore[FWD009] loaded
        """,
    ),
}

MESSAGES = {
    "names that are no rule's": (
        "LNT003",
        """
            one = 1  # lint: ignore[FWD] all of them
            two = 2  # lint: ignore[ALL] all of them
            three = 3  # lint: ignore[FDW009] one letter before the other
        """,
        (
            "this suppression names `FWD`, which is no rule; name each rule",
            "this suppression names `ALL`, which is no rule; name each rule",
            "this suppression names `FDW009`, which is no rule; did you mean `FWD009`?",
        ),
    ),
}
