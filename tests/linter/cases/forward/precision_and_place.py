"""Dtypes and devices that a forward names, takes from a weight, or asks for."""

CASES = {
    "half precisions: passed, kept, by method, compared, asked about": """
        import torch
        from torch import nn

        LOW = torch.float16


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, other):
                hidden_states = hidden_states.half()  #! FWD004
                hidden_states = hidden_states.bfloat16()  #! FWD004
                other = other.half(2)
                other = half(other) + half() + other.float()
                low = torch.half  #! FWD004
                hidden_states.dtype = low
                if other.half():
                    other = other + 1
                if other.dtype == torch.float16:
                    other = other + torch.finfo(torch.float16).max
                    other = other.to(torch.float16)
                is_low = any(kind is torch.bfloat16 for kind in self.kinds)
                assert isinstance(torch.float16, torch.dtype)
                low = any((torch.float16, torch.bfloat16)) or all((torch.float16, torch.bfloat16))
                lowest = torch.finfo(torch.float16)
                first = isinstance(torch.float16, type(other))
                names = [torch.float16, torch.bfloat16]
                pair = other.dtype is torch.float16
                # A test of its own, which no dtype and no device is in.
                if self.first(other) and self.casts(torch.float16):
                    other = other + 2
                return hidden_states, is_low, pair, names, low, first, lowest
    """,
    "half precisions in branches on a dtype, a device, or autocast": """
        import torch
        from torch import nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states, device):
                if hidden_states.device.type == "mps":
                    hidden_states = hidden_states.half()
                if torch.is_autocast_enabled():
                    hidden_states = hidden_states.to(torch.bfloat16)
                if self.fast:
                    hidden_states = hidden_states.to(torch.bfloat16)  #! FWD004
                return hidden_states.to(device, torch.float16)  #! FWD004
    """,
    "float64: by name, by method, asked about, guarded, on the CPU": """
        import torch
        from diffusers.utils.torch_utils import maybe_adjust_dtype_for_device
        from torch import nn


        class TinyRotary(nn.Module):
            def forward(self, ids: torch.Tensor, other):
                if ids.dtype == torch.float64:
                    ids = ids + 1
                if self.casts(torch.float64):
                    ids = ids + 2
                wide = torch.double  #! FWD005
                if ids.device.type != "mps":
                    ids = ids.double().to(torch.float64)
                if self.wide:
                    ids = ids.double()  #! FWD005
                smallest = torch.finfo(torch.float64).eps
                table = torch.arange(8, dtype=torch.float64, device="cpu")
                other = torch.arange(8, dtype=torch.float64, device="cuda:1")  #! FWD005 FWD007
                other = torch.arange(8, dtype=torch.float64)  #! FWD005
                other = double(other)
                dtype = maybe_adjust_dtype_for_device(torch.float64, ids.device)
                return ids, wide, smallest, table, dtype, other
    """,
    "casts to a weight's dtype: at once, through a name, under a question": """
        import torch
        from torch import nn


        def cast(hidden_states, layer):
            return hidden_states.to(layer.weight.dtype)  #! FWD006


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, temb: torch.Tensor):
                dtype = self.proj.bias.dtype
                hidden_states = hidden_states.to(dtype)  #! FWD006
                hidden_states = hidden_states.type(self.proj.weight.dtype)  #! FWD006
                hidden_states = hidden_states.to(next(self.parameters()).dtype)  #! FWD006
                hidden_states = hidden_states.to(dtype).to(self.proj.weight.dtype).to(dtype)  #! FWD006
                hidden_states = hidden_states.view(self.proj.weight.dtype)
                hidden_states = to(self.proj.weight.dtype)
                hidden_states = hidden_states.to(temb.dtype)
                hidden_states = hidden_states.to(self.weight.dtype)
                own = temb.dtype
                hidden_states = hidden_states.to(own)
                own += self.proj.weight.dtype
                hidden_states = hidden_states.to(own)
                if temb.dtype != hidden_states.dtype:
                    asked = self.proj.weight.dtype
                    hidden_states = hidden_states.to(self.proj.weight.dtype)
                    hidden_states = hidden_states.to(asked)
                hidden_states = hidden_states.to(asked)
                if self.training:
                    hidden_states = hidden_states.to(self.proj.weight.dtype)  #! FWD006
                return cast(hidden_states, self.proj)


        class TinyLoRALinear(nn.Module):
            def forward(self, hidden_states):
                return self.down(hidden_states.to(self.down.weight.dtype))
    """,
    "devices: by method, by argument, asked about, switched off": """
        import torch
        from torch import autocast, nn


        class TinyBlock(nn.Module):
            def forward(self, hidden_states: torch.Tensor, other):
                hidden_states = hidden_states.cuda()  #! FWD007
                hidden_states = hidden_states.to("cuda:0")  #! FWD007
                hidden_states = hidden_states.to("cpu")
                hidden_states = hidden_states.xpu().npu().hpu()  #! FWD007
                hidden_states = torch.zeros(2, device="mps")  #! FWD007
                hidden_states = self.table("cuda")
                device = torch.device("cuda")  #! FWD007
                index = torch.cuda.current_device()  #! FWD007
                stream = torch.cuda(2)
                other = cuda(other)
                if hidden_states.device.type == "cuda":
                    hidden_states = hidden_states.to("cuda")
                if self.on(hidden_states.to("cuda")):
                    hidden_states = hidden_states + 1
                if self.large:
                    hidden_states = hidden_states.to("cuda")  #! FWD007
                with torch.autocast("cuda", enabled=False):
                    hidden_states = hidden_states + 1
                with torch.autocast("cuda", enabled=True):  #! FWD007
                    hidden_states = hidden_states + 1
                with autocast("cuda"):  #! FWD007
                    hidden_states = hidden_states + 1
                return hidden_states, device, index, stream
    """,
    "what a forward asks first": """
        import torch
        from torch import nn


        class TinyCasting(nn.Module):
            def forward(self, hidden_states):
                if self.casts(torch.float16):
                    return hidden_states
                return hidden_states + 1


        class TinyPlaced(nn.Module):
            def forward(self, hidden_states):
                if self.on(hidden_states.to("cuda")):
                    return hidden_states
                return hidden_states + 1
    """,
}
