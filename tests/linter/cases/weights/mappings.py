"""Tables of key names that lead there and back, and what tells one format from another."""

CASES = {
    "every spelling of a table turned round": """
        BY_PAIRS = {
            "img_in": "embedder",
            "txt_in": "embedder",  #! WGT001
        }
        BY_DICT = {"img_in": "embedder", "txt_in": "embedder"}  #! WGT001
        BY_KEYS = {"img_in": "embedder", "txt_in": "embedder"}  #! WGT001
        BY_NAME = {"img_in": "embedder", "txt_in": "embedder"}  #! WGT001
        BY_MAP = {"img_in": "embedder", "txt_in": "embedder"}  #! WGT001
        LISTS = {"img_in": ["embedder", "norm"], "txt_in": ["embedder"]}  #! WGT001
        ONE_WAY = {"img_in": "embedder", "txt_in": "embedder"}
        LEVELS = {1: 2, 3: 2}
        COPIES = dict(LEVELS)

        back = [
            {new: old for old, new in BY_PAIRS.items()},
            dict((new, old) for old, new in BY_DICT.items()),
            dict(zip(BY_KEYS.values(), BY_KEYS.keys())),
            dict(zip(BY_NAME.values(), BY_NAME)),
            dict(map(reversed, BY_MAP.items())),
            {new: old for old, new in LISTS.items()},
            {old: new for old, new in ONE_WAY.items()},
            {new: old for old, new in LEVELS.items()},
            {new: old for old, new in COPIES.items()},
        ]


        class Handler:
            names = {"a": "c", "b": "c"}  #! WGT001

            def back(self):
                return {new: old for old, new in self.names.items()}
    """,
    "a table that is turned round without its pairs": """
        NAMES = {"img_in": "embedder", "txt_in": "embedder"}  #! WGT001
        BACK = dict(zip(NAMES.values(), NAMES))
    """,
    "a table that is turned round, and whose names are counted": """
        NAMES = {"img_in": "embedder", "txt_in": "embedder"}  #! WGT001
        BACK = {new: old for old, new in NAMES.items()}
        COUNT = len(set(NAMES.values()))
    """,
    "names that are put back one after the other": """
        NAMES = {
            "double_blocks.": "transformer_blocks.",
            "single_blocks.": "single_transformer_blocks.",  #! WGT001
            "final": "transformer_blocks.",  #! WGT001
            "blocks": "inner.single_transformer_blocks.blocks",  #! WGT001
        }
        LONG_FIRST = {"a": "single_blocks", "b": "blocks"}
        THERE = {"a": "blocks", "b": "single_blocks"}
        OTHERWISE = {"a": "blocks", "b": "single_blocks"}
        TRIPLES = {"a": "blocks", "b": "single_blocks"}
        ELSEWHERE = {"a": "blocks", "b": "single_blocks"}


        def map_from_diffusers(key, other):
            for old, new in NAMES.items():
                log(key)
                key = key.replace(new, old)
            for old, new in LONG_FIRST.items():
                key = key.replace(new, old)
            for old, new in THERE.items():
                key = key.replace(old, new)
            for old, new in OTHERWISE.items():
                key = key.removeprefix(new, old)
                key = replace(new, old)
            for old, new, _ in triples(TRIPLES):
                key = key.replace(new, old)
            for old, new in sorted(ELSEWHERE):
                key = key.replace(new, old)
            for key in other:
                key = key.replace("a", "b")
            for part, in other:
                key = key.replace(part, "b")
            for pair in NAMES.items():
                key = key.replace(*pair)
            return key


        def shown(key):
            for old, new in ELSEWHERE.items():
                key = key.replace(new, old)
            return key
    """,
    "rules that lead both ways": """
        from dataclasses import dataclass


        @dataclass
        class Rule:
            original: str
            diffusers: tuple[str, ...]


        RULES = (
            Rule("img_in.weight", ("x_embedder.weight",)),
            Rule("txt_in.weight", ("context_embedder.weight",)),
            Rule("img_in.weight", ("norm.weight",)),  #! WGT001
            Rule("vec_in.weight", ("time.weight", "x_embedder.weight")),  #! WGT001
        )
        OTHERS = (Rule("img_in", "a"), wrapped("img_in", "a"))
        CALLED = (wrapped("img_in", "a"), wrapped("img_in", "a"))
        ALONE = (Rule("img_in", "a"),)
        UNARY = (Rule("img_in"), Rule("img_in"))
        MIXED = (Rule("img_in", "a"), "img_in", Rule("img_in", "b"))  #! WGT001
        NAMED = {"a": Rule("img_in", "a"), "b": Rule("img_in", "a")}


        class Mapping:
            def map_to_diffusers(self, weights):
                return weights

            def map_from_diffusers(self, weights):
                return weights
    """,
    "rules that lead one way": """
        class Rule:
            pass


        RULES = (Rule("img_in.weight", "x.weight"), Rule("img_in.weight", "norm.weight"))


        class Mapping:
            def map_to_diffusers(self, weights):
                return weights
    """,
    "rules that lead back alone": """
        class Rule:
            pass


        RULES = (Rule("img_in.weight", "x.weight"), Rule("img_in.weight", "norm.weight"))


        class Mapping:
            def map_from_diffusers(self, weights):
                return weights
    """,
    "formats that an earlier test has taken": """
        def convert_lora_to_diffusers(state_dict):
            if any("lora_A" in key for key in state_dict):
                return 1
            if any("attn.lora_A" in key for key in state_dict.keys()):  #! WGT002
                return 2
            if any([key.startswith("lora_A_") for key in state_dict]):  #! WGT002
                return 3
            late = any("x.lora_A" in key for key in state_dict)  #! WGT002
            if late:
                return 4
            if any("lora_B" in key for key in state_dict):
                return 5


        def convert_blocks_to_diffusers(state_dict):
            if any(key.startswith("model.") for key in state_dict):
                raise ValueError("a whole checkpoint")
            if any(key.endswith(".blocks") for key in state_dict):
                return 1
            if any(key.startswith("model.diffusion") for key in state_dict):  #! WGT002
                return 2
            if any(key.endswith(".single.blocks") for key in state_dict):  #! WGT002
                return 3
            if any(key.startswith("my.blocks") for key in state_dict):
                return 4
            if any("model.x" in key for key in state_dict):
                return 5


        def convert_chain_to_diffusers(state_dict):
            if any("lora_A" in key for key in state_dict):
                state_dict = peft(state_dict)
            elif any("attn.lora_A" in key for key in state_dict):  #! WGT002
                state_dict = native(state_dict)
            elif any("mlp.lora_A" in key for key in state_dict):  #! WGT002
                pass
            else:
                if any("norm.lora_A" in key for key in state_dict):  #! WGT002
                    return 1
                if any("norm.alpha" in key for key in state_dict):
                    return 2
                if any("proj.lora_A" in key for key in state_dict):  #! WGT002
                    return 3
                state_dict = {}
            return state_dict


        def convert_nested_to_diffusers(state_dict, strict):
            if any("lora_A" in key for key in state_dict):
                return 1
            if strict:
                if any("attn.lora_A" in key for key in state_dict):  #! WGT002
                    return 2
            else:
                if any("alpha" in key for key in state_dict):
                    log(state_dict)
                if any("mlp.lora_A" in key for key in state_dict):  #! WGT002
                    return 3
    """,
    "formats that one branch and its other lead to": """
        def convert_lora_to_diffusers(state_dict):
            if any("lora_A" in key for key in state_dict):
                state_dict = peft(state_dict)
            else:
                log(state_dict)
            if any("lora_B" in key for key in state_dict):
                return 1
            if any("attn.lora_B" in key for key in state_dict):  #! WGT002
                return 2
    """,
    "formats that are met": """
        def convert_lora_to_diffusers(state_dict, other, names, x):
            if any("lora_A" in key for key in state_dict):
                log(state_dict)
            if any("attn.lora_A" in key for key in state_dict):
                return 1
            if any("mlp.attn.lora_A" in key for key in other):
                return 2
            is_kohya = any("lora_down" in key for key in other)
            if is_kohya:
                return 3
            is_kohya = strict(other)
            if is_kohya:
                return 4
            other = renamed(other)
            if any("unet.lora_down" in key for key in other):
                return 5


        def convert_again_to_diffusers(state_dict):
            is_peft = any("lora_A" in key for key in state_dict)
            is_peft = is_peft and strict(state_dict)
            if is_peft:
                return 1
            if any("attn.lora_A" in key for key in state_dict):
                return 2


        def convert_stale_to_diffusers(state_dict):
            is_peft = any("lora_A" in key for key in state_dict)
            is_native = any("attn.lora_A" in key for key in state_dict)
            state_dict = renamed(state_dict)
            if is_peft:
                return 1
            if is_native:
                return 2


        def convert_kept_to_diffusers(state_dict):
            self.is_peft = any("lora_A" in key for key in state_dict)
            is_native = not_any("lora_A" in key for key in state_dict)
            if is_native:
                return 1
            if any("attn.lora_A" in key for key in state_dict):
                return 2


        def convert_odd_to_diffusers(state_dict, x, pairs):
            if all("lora_A" in key for key in state_dict):
                return 1
            if find.any("lora_A" in key for key in state_dict):
                return 1
            if any():
                return 1
            if any(state_dict):
                return 1
            if any("lora_A" in key for part in pairs for key in part):
                return 1
            if any("lora_A" in key for key in state_dict if key):
                return 1
            if any("lora_A" in key for key, value in state_dict):
                return 1
            if any("lora_A" in key for key in state_dict.items()):
                return 1
            if any("lora_A" in key for key in keys(state_dict)):
                return 1
            if any("lora_A" in key for key in renamed().keys()):
                return 1
            if any("lora_A" not in key for key in state_dict):
                return 1
            if any("lora_A" in key in x for key in state_dict):
                return 1
            if any("lora_A" in x for key in state_dict):
                return 1
            if any("lora_A" in x.names for key in state_dict):
                return 1
            if any(x in key for key in state_dict):
                return 1
            if any(("lora_A", "lora_B") in key for key in state_dict):
                return 1
            if any(matches(key) for key in state_dict):
                return 1
            if any(x.startswith("attn") for key in state_dict):
                return 1
            if any(key.startswith("attn", 2) for key in state_dict):
                return 1
            if any(key.startswith(("attn", "lora")) for key in state_dict):
                return 1
            if any(key.startswith(x) for key in state_dict):
                return 1
            if any(key.count("attn") for key in state_dict):
                return 1
            if any(key for key in state_dict):
                return 1
            if any("attn.lora_A" in key for key in state_dict):
                return 2
            if any(key.startswith("attn.x") for key in state_dict):
                return 3
            if any(key.count("attn.x") for key in state_dict):
                return 4


        def remembered(state_dict):
            if any("lora_A" in key for key in state_dict):
                return 1
            if any("attn.lora_A" in key for key in state_dict):
                return 2
    """,
    "tables of markers are read in their order": """
        LORA_FORMATS = {
            "peft": ("lora_A", "unique"),
            "bfl": "img.lora_A",  #! WGT002
            "kohya": ["lora_down", "x.unique.lora_A"],  #! WGT002
            "own": "down",
        }
        ORDERED_MARKERS = {"bfl": "img.lora_A", "peft": "lora_A"}
        LORA_NAMES = {"peft": "lora_A", "bfl": "img.lora_A"}
        FILE_FORMATS = ("lora_A", "img.lora_A")


        class Loader:
            markers = {
                "peft": "lora_A",
                "bfl": "img.lora_A",  #! WGT002
            }
    """,
}

MESSAGES = {
    "a name that is another's too, and one that holds two": (
        "WGT001",
        """
            NAMES = {"a": "blocks", "b": "double_blocks", "c": "my_double_blocks", "d": "blocks"}


            def convert_from_diffusers(key):
                for old, new in NAMES.items():
                    key = key.replace(new, old)
                return key
        """,
        [
            "`double_blocks` holds `blocks`, which the way back replaces in it first",
            "`my_double_blocks` holds `blocks`, which the way back replaces in it first",
            "`blocks` is already the name of another key: the inverse of `NAMES` loses one",
        ],
    ),
    "a marker that holds those of two formats": (
        "WGT002",
        'FORMATS = {"peft": "lora_A", "bfl": "attn.lora", "own": "attn.lora_A"}\n',
        ["a checkpoint with `attn.lora_A` has `lora_A` too, and is taken for that format first"],
    ),
}
