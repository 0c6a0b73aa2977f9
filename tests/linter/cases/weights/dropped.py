"""Keys that a conversion drops, in silence or with a word, and how halves of weights change places."""

CASES = {
    "keys that go in silence": """
        def convert_tiny_to_diffusers(state_dict, weights, gone):
            state_dict.pop("logvar")  #! WGT003
            weights.pop("ema", None)  #! WGT003
            weights["a"] = 1  # The scale of the first release.
            state_dict.pop("scale")  #! WGT003
            for key in list(state_dict):
                if key in gone:
                    state_dict.pop(key)  #! WGT003
            if gone:
                log(gone)
                state_dict.pop(gone)  #! WGT003
            else:
                state_dict.pop("other")  #! WGT003
            try:
                found = state_dict["found"]
            except KeyError:
                found = None
            finally:
                state_dict.pop("at_last")  #! WGT003
            for key, value in state_dict.items():
                if "ema" in key:  #! WGT003
                    continue
                weights[key] = value
            for key, value in state_dict.items():
                if key.startswith("ema"):  #! WGT003
                    continue
                else:
                    weights[key] = value
            return weights


        def convert_from_diffusers(state_dict, weights):
            for key, value in state_dict.items():
                if "ema" in key:  #! WGT003
                    continue
                # The others keep their names.
                weights[key] = value


        def convert_prefixed_to_diffusers(state_dict, prefix):
            converted = {}
            # The first release had no prefix.
            if prefix:
                for key, value in state_dict.items():
                    if "ema" in key:  #! WGT003
                        continue
                    converted[key.removeprefix(prefix)] = value
            return converted


        class Converter:
            def convert_tiny(self, state_dict):
                state_dict.pop("logvar")  #! WGT003
                return state_dict


        def remap(state_dict, verbose):
            if verbose:
                describe = report.header(state_dict)
                state_dict.pop("verbose")  #! WGT003
            while state_dict.pending():
                state_dict.pop("pending")  #! WGT003
                logger.warning("one at a time")
            return state_dict
    """,
    "keys that are accounted for": """
        def convert_tiny_to_diffusers(state_dict, weights, gone, kwargs):
            state_dict.pop("logvar")  # The loss alone reads it.
            # The loss alone reads it.
            state_dict.pop("logvar")
            # The old names, which are in `weights` by now.
            for key in list(state_dict):
                state_dict.pop(key)
            value = state_dict.pop("logvar")
            weights["a"] = state_dict["a"]
            state_dict.pop("a")
            if gone:
                logger.warning("Left out: %s", gone)
                state_dict.pop(gone)
            if gone:
                warnings.warn(gone)
                warn(gone)
                state_dict.pop("b")
            kwargs.pop("config")
            state_dict.pop()
            state_dict.inner.pop("c")
            state_dict.setdefault("d", 1)
            pop("e")
            state_dict
            return weights


        def convert_part_to_diffusers(state_dict, weights, NAMES):
            for key, value in state_dict.items():
                if not key.startswith("unet"):
                    continue
                weights[key] = value
            for key, value in state_dict.items():
                if "unet" not in key:
                    continue
                if key == "a":
                    weights["b"] = value
                    continue
            for key, value in state_dict.items():
                if key.count(".") != 2 or key[0] == "a":
                    continue
            for key, value in state_dict.items():
                if value is None:
                    continue
            for key, value in state_dict.items():
                # Computed anew.
                if "position" in key:
                    continue
                if "mask" in key:  # Computed anew.
                    continue
                if "rope" in key:
                    # Computed anew.
                    continue
            for old, name in NAMES.items():
                if old in weights:
                    continue
            for key in state_dict:
                if key in weights:
                    continue
            for key in state_dict.keys():
                if key in weights:
                    continue
            for key, value in pairs(state_dict):
                if key in weights:
                    continue
            for key, value in state_dict.renamed():
                if key in weights:
                    continue
            for item in state_dict.items():
                if item in weights:
                    continue
            while state_dict.items():
                if weights:
                    continue
            return weights


        def convert_and_drop_loss_to_diffusers(state_dict):
            state_dict.pop("logvar")
            return state_dict


        def convert_with_a_part(state_dict):
            def remove_key(key):
                state_dict.pop(key)

            def rename_key(key):
                state_dict.pop(key)  #! WGT003

            remove_key("logvar")


        def load(state_dict):
            state_dict.pop("logvar")
    """,
}

_LOADER = """
    {imports}
    def convert_tiny_to_diffusers(checkpoint, index):
        converted = {{}}
        {conversion}
        return converted


    SINGLE_FILE_LOADABLE_CLASSES = {{
        {entries}
    }}
"""
_MODELS = """
    from torch import nn


    class ModelMixin(nn.Module):
        pass


    class TinyNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(8, 16)

        def forward(self, x, emb):
            {unpacking}
            return x * (1 + scale) + shift


    class OtherNorm(TinyNorm):
        def forward(self, x, emb):
            scale, shift = self.linear(emb).chunk(2, dim=1)
            return x * (1 + scale) + shift


    class TinyBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = TinyNorm()


    class {name}(ModelMixin):
        {init}
"""
_INIT = "def __init__(self, deep):\n            super().__init__()\n            {}"
_ENTRIES = '"TinyModel": {"checkpoint_mapping_fn": convert_tiny_to_diffusers, "default_subfolder": "transformer"},'
_CONVERSION = 'converted["norm_out.linear.weight"] = swap_scale_shift(checkpoint.pop("final.weight"))'


def _library(
    init: str,
    conversion: str = _CONVERSION,
    entries: str = _ENTRIES,
    unpacking: str = "shift, scale = self.linear(emb).chunk(2, dim=1)",
    name: str = "TinyModel",
    imports: str = "",
) -> dict[str, str]:
    return {
        "tinylib/__init__.py": '_import_structure = {"models": ["TinyModel"]}\n',
        "tinylib/loaders/__init__.py": "",
        "tinylib/loaders/single_file_model.py": _LOADER.format(
            conversion=conversion, entries=entries, imports=imports
        ),
        "tinylib/models.py": _MODELS.format(init=init, unpacking=unpacking, name=name),
    }


_NORM = _INIT.format("self.norm_out = TinyNorm()  #! WGT005")
_SILENT = _NORM.replace("  #! WGT005", "")

CASES |= {
    "swapped halves of a layer of the model": _library(_NORM),
    "swapped halves, by other names for the swap": _library(
        _NORM,
        _CONVERSION.replace("swap_scale_shift", "swap_halves")
        + "\n        "
        + _CONVERSION.replace("swap_scale_shift", "loading.swap_shift_scale").replace("weight", "bias"),
    ),
    "swapped halves among keys that are only renamed": _library(
        _NORM, 'converted["head.weight"] = checkpoint["final.weight"]\n        ' + _CONVERSION
    ),
    "swapped halves of a layer that unpacks more": _library(
        _NORM,
        unpacking="batch, length = x.shape[:2]\n            shift, scale = self.linear(emb).chunk(2, dim=1)",
    ),
    "swapped halves of a table that the model registers": {
        **_library("pass", 'converted["table"] = swap_scale_shift(checkpoint.pop("modulation"))'),
        "tinylib/models.py": """
            import torch
            from torch import nn


            class ModelMixin(nn.Module):
                pass


            class TinyModel(ModelMixin):  #! WGT005
                def __init__(self):
                    super().__init__()
                    self.register_parameter("table", nn.Parameter(torch.zeros(2, 8)))

                def forward(self, x):
                    shift, scale = self.table.chunk(2)
                    return x * (1 + scale) + shift
        """,
    },
    "swapped halves of a layer deep in a list of blocks": _library(
        _INIT.format("self.blocks = nn.ModuleList([TinyBlock() for _ in range(deep)])  #! WGT005"),
        'converted[f"blocks.{index}.norm.linear.weight"] = swap_scale_shift(checkpoint.pop(f"{index}.weight"))',
    ),
    "swapped halves of a block by its number": _library(
        _INIT.format("self.blocks = nn.ModuleList([TinyBlock() for _ in range(deep)])  #! WGT005"),
        'converted["blocks.0.norm.linear.weight"] = swap_scale_shift(checkpoint.pop("0.weight"))',
    ),
    "halves that are unpacked as they are swapped": _library(
        _SILENT, unpacking="scale, shift = self.linear(emb).chunk(2, dim=1)"
    ),
    "halves that other things are unpacked with": _library(
        _SILENT, unpacking="shift, gate = self.linear(emb).chunk(2, dim=1)\n            scale = gate"
    ),
    "halves that are told apart on two lines": _library(
        _SILENT, unpacking="shift = self.linear(emb)\n            scale = self.linear(emb)"
    ),
    "halves that are never swapped": _library(_SILENT, _CONVERSION.replace("swap_scale_shift", "clone")),
    "a swap whose result goes elsewhere": _library(
        _SILENT, 'converted = swap_scale_shift(checkpoint.pop("norm_out.linear.weight"))'
    ),
    "a key that is put together at run time": _library(
        _SILENT,
        "converted[index] = swap_scale_shift(checkpoint.pop(index))\n        converted[1] = swap_halves(index)",
    ),
    "a layer that is one of two": _library(
        _INIT.format("self.norm_out = TinyNorm() if deep else OtherNorm()"),
    ),
    "a layer that is not built here": _library(_INIT.format("self.head = TinyNorm()")),
    "a model without a constructor": _library("pass"),
    "a layer whose class is not known": _library(_INIT.format("self.norm_out = nn.LayerNorm(8)")),
    "a model that no table names": _library(_SILENT, name="SmallModel"),
    "a model whose conversion is not seen": _library(
        _SILENT, entries='"TinyModel": {"checkpoint_mapping_fn": lambda weights: weights},'
    ),
    "a model whose conversion is of another library": _library(
        _SILENT,
        entries='"TinyModel": {"checkpoint_mapping_fn": convert},',
        imports="from elsewhere import convert, swap_halves\n",
    ),
    "a model that is loaded as it is": _library(
        _SILENT, entries='"TinyModel": {"checkpoint_loading_fn": convert_tiny_to_diffusers, **more},'
    ),
    "a table that holds another": _library(_SILENT, entries=f"{_ENTRIES} **others,"),
    "a library that loads nothing from a single file": {
        **_library(_SILENT),
        "tinylib/loaders/single_file_model.py": "",
    },
}

MESSAGES = {
    "halves whose key is put together at run time": (
        "WGT005",
        _library(
            _INIT.format("self.blocks = nn.ModuleList([TinyBlock() for _ in range(deep)])"),
            'converted[f"blocks.{index}.norm.linear.weight"] = swap_scale_shift(checkpoint.pop(f"{index}.weight"))',
        ),
        ["`TinyNorm` unpacks shift before scale, and the conversion swaps the two in `blocks.{}.norm.linear.weight`"],
    ),
}
