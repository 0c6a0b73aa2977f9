"""What only training needs, and what looks like it."""

CASES = {
    "ways to initialise what is loaded": """
        import torch
        import torch.nn.init as init
        from torch import nn
        from torch.nn.init import zeros_ as zero


        class TinyHead(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.proj = nn.Linear(dim, dim)
                self.token = nn.Parameter(torch.empty(1, dim))
                self.other = nn.Parameter(torch.zeros(1, dim))
                init.normal_(self.token, std=0.02)
                nn.init.normal_(self.token.data)
                init.normal_(self.other, std=0.02)  #! MOD023
                zero(self.proj.bias)  #! MOD023
                self.initialize_weights()

            def initialize_weights(self):  #! MOD023
                nn.init.zeros_(self.proj.weight)

            def reset_parameters(self):
                pass

            def init_weights(self):  #! MOD023
                nn.init.zeros_(self.proj.weight)

            def _init_weights(self):  #! MOD023
                self.proj.weight.zero_()

            def _initialize_weights(self):  #! MOD023
                self.proj.weight.zero_()


        class TinyOther(TinyHead):
            def reset_parameters(self):  #! MOD023
                self.proj.weight.zero_()


        class NoModule:
            def __init__(self):
                nn.init.zeros_(self.weight)


        class TinyScale(nn.Module):
            def scaled(self, x):
                nn.init.zeros_(x)  #! MOD023
                return x * self.scale


        class TinyLoRALayer(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.up = nn.Linear(dim, dim)
                nn.init.zeros_(self.up.weight)


        def zero_module(module):
            for parameter in module.parameters():
                nn.init.zeros_(parameter)
            return module
    """,
    "dropout that is always zero": """
        import torch.nn.functional as F
        from torch import nn


        class TinyBlock(nn.Module):
            def __init__(self, dim, dropout=0.0):
                super().__init__()
                self.first = nn.Dropout(0.0)  #! MOD023
                self.second = nn.Dropout2d(p=0)  #! MOD023
                self.third = nn.Dropout(dropout)
                self.fourth = nn.Dropout()
                self.to_out = nn.ModuleList([nn.Linear(dim, dim), nn.Dropout(0.0)])
                self.to_out.append(nn.Dropout(0.0))
                self.to_out.extend([nn.Dropout(0.0)])
                self.to_out.insert(0, nn.Dropout(0.0))
                self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.Dropout(0.0))
                self.wrapped = handed(nn.Dropout(0.0))  #! MOD023
                self.soft = nn.Softmax(0)
                self.blocks = nn.ModuleList()

            def forward(self, x):
                x = self.fourth(self.third(self.second(self.first(x))))
                x = F.dropout(x, 0.0)  #! MOD023
                x = F.dropout(x, p=0.0, training=self.training)  #! MOD023
                x = F.dropout(x, 0.1)
                self.to_out.append(F.dropout(x, 0.0))  #! MOD023
                if self.eval:
                    x = self.second(x)
                return self.mlp(self.to_out[0](self.soft(x, self.blocks)))
    """,
    "dropout that is told of training, behind a branch": """
        import torch.nn.functional as F
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, x, pooled=None):
                if pooled is None:
                    pooled = x
                else:
                    pooled = self.proj(pooled)
                return F.dropout(pooled, 0.1, training=self.training)
    """,
    "losses": """
        import torch.nn.functional as F
        from torch import nn


        class TinyModel(nn.Module):
            def __init__(self):
                super().__init__()
                self.criterion = nn.MSELoss()  #! MOD023

            def forward(self, x, target):
                loss = F.mse_loss(x, target)  #! MOD023
                loss = loss + F.binary_cross_entropy_with_logits(x, target)  #! MOD023
                return loss + self.criterion(x, target)


        def distance(x, y):
            return F.mse_loss(x, y)
    """,
    "branches that training enters": """
        import torch
        from torch import nn


        class TinyModel(nn.Module):
            def __init__(self):
                super().__init__()
                self.gradient_checkpointing = False
                self.noise = 0.1

            def forward(self, x, drop=None):
                if self.training and self.noise > 0:  #! MOD023
                    x = self.noised(x)
                if self.training or drop is not None:
                    x = self.dropped(x, drop)
                if not self.training:
                    x = self.padded(x)
                if self.training and self.gradient_checkpointing:
                    x = self.checkpointed(x)
                if self.training:
                    x = x.contiguous()
                if self.training:  #! MOD023
                    x = self.noised(x.contiguous())
                if self.noise:
                    x = self.noised(x)
                return x

            def noised(self, x):
                return x

            def dropped(self, x, drop):
                return x

            def padded(self, x):
                return x

            def checkpointed(self, x):
                return x
    """,
}
