"""Copies without a marker: which are told of, and which are too short, others' sources, or no copies."""

_BODY = """
            first = self.draw(latents)
            second = self.scale(first)
            third = self.shift(second)
            if third is None:
                third = self.draw(second)
            return third
"""
_LONG = """
            return self.draw(
                latents,
                1,
                2,
                3,
                4,
                5,
                6,
                7,
                8,
                9,
                10,
                11,
                12,
            )
"""
_TABLE = _LONG.replace("self.draw(", "(")
_BRIEF = """
            first = self.draw(latents)
            second = self.scale(first)
            third = self.shift(second)
            return third
"""
_EXPLAINED = """
            # The latents are drawn once.
            # All that follows is said
            # of them, and of nothing else.
            first = self.draw(latents)
            return self.scale(first)
"""
_IDLE = _EXPLAINED.replace("self.scale(first)", "first")
_BUILDING = """
            first = self.draw(latents)
            second = TinyNorm(first)
            third = self.shift(second)
            fourth = self.scale(third)
            return Tiny.round(fourth)
"""
_ORIGIN = f"""
    def scale_noise(sample):
        return sample * 2


    class Tiny:
        def __init__(self, latents):{_BODY}
        @property
        def drawn(self, latents):{_BODY}
        def same(self, latents):{_BODY}
        def inner(self, latents):{_BODY}
        def other_signature(self, latents, more):{_BODY}
        async def waiting(self, latents):{_BODY}
        @staticmethod
        def static(self, latents):{_BODY}
        def calling(self, latents):{_BODY.replace("self.draw", "self.drop")}
        def longer(self, latents):{_BODY}            self.draw(1)

        def wide(self, latents):{_LONG}
        def table(self, latents):{_TABLE}
        def brief(self, latents):{_BRIEF}
        def explained(self, latents):{_EXPLAINED}
        def idle(self, latents):{_IDLE}
        def building(self, latents):{_BUILDING}
        # Copied from otherlib.origin.Tiny.handed_on
        def handed_on(self, latents):{_BODY}
        def short(self, latents):
            return self.draw(latents)


    def outside(self, latents):{_BODY}
"""


def _copy(text: str, marker: str = "# Copied from tinylib.origin.scale_noise") -> dict[str, str]:
    linked = f"""
    {marker}
    def scale_noise(sample):
        return sample * 2
"""
    return {"tinylib/__init__.py": "", "tinylib/origin.py": _ORIGIN, "tinylib/copy.py": linked + text}


CASES = {
    "copies and what only looks like one": _copy(f"""

    class Small:
        def __init__(self, latents):{_BODY}
        @property
        def drawn(self, latents):{_BODY}
        def same(self, latents):  #! CPY006{_BODY}
        def other_signature(self, latents, other):{_BODY}
        def waiting(self, latents):{_BODY}
        def static(self, latents):{_BODY}
        def calling(self, latents):{_BODY}
        def longer(self, latents):{_BODY}
        def outside(self, latents):{_BODY}
        def wide(self, latents):  #! CPY006{_LONG}
        def table(self, latents):{_TABLE}
        def brief(self, latents):{_BRIEF}
        def explained(self, latents):  #! CPY006{_EXPLAINED}
        def idle(self, latents):{_IDLE}
        def handed_on(self, latents):  #! CPY006{_BODY}
        def short(self, latents):
            return self.draw(latents)

        def elsewhere(self, latents):{_BODY}

    def inner(self, latents):{_BODY}

    def outside(self, latents):  #! CPY006{_BODY}
"""),
    "a file that copies nothing from there": _copy(
        f"""

    class Small:
        def same(self, latents):{_BODY}
""",
        "# A function of its own.",
    ),
    "what is marked, or lies in what is": _copy(f"""

    class Small:
        # Copied from tinylib.origin.Tiny.same
        def same(self, latents):{_BODY}

    # Copied from tinylib.origin.Gone  #! CPY002
    class Covered:
        def same(self, latents):{_BODY}
"""),
    "a subclass says again what its base says": _copy(f"""
    from .origin import Tiny


    class Small(Tiny):
        def same(self, latents):{_BODY}
"""),
    "two classes of one file, of which one copies from the other": {
        "tinylib/__init__.py": "",
        "tinylib/copy.py": f"""
    class First:
        def same(self, latents):{_BODY}

    class Second:
        # Copied from tinylib.copy.First.same
        def same(self, latents):{_BODY}

    class Third:
        def same(self, latents):  #! CPY006{_BODY}
""",
    },
    "a method that another one of its file is a copy of": _copy(f"""

    class First:
        def same(self, latents):{_BODY}

    class Second:
        # Copied from tinylib.copy.First.same
        def same(self, latents):{_BODY}
"""),
    "a method that the other file is a copy of": {
        "tinylib/__init__.py": "",
        "tinylib/first.py": f"""
    # Copied from tinylib.second.scale_noise
    def scale_noise(sample):
        return sample * 2


    class First:
        def same(self, latents):{_BODY}
""",
        "tinylib/second.py": f"""
    def scale_noise(sample):
        return sample * 2


    class Second:
        # Copied from tinylib.first.First.same
        def same(self, latents):{_BODY}
""",
    },
    "two files that copy from each other": {
        "tinylib/__init__.py": "",
        "tinylib/first.py": f"""
    # Copied from tinylib.second.scale_noise
    def scale_noise(sample):
        return sample * 2


    def shift_noise(sample):
        return sample + 2


    class First:
        def same(self, latents):{_BODY}
""",
        "tinylib/second.py": f"""
    def scale_noise(sample):
        return sample * 2


    # Copied from tinylib.first.shift_noise
    def shift_noise(sample):
        return sample + 2


    class Second:
        def same(self, latents):  #! CPY006{_BODY}
""",
    },
}
_BUILDING_SMALL = _BUILDING.replace("Tiny", "Small")
FIXES = {
    "the class that holds the copy, and what is named for it, are renamed": (
        "CPY006",
        _copy(f"""

    class Small:
        def building(self, latents):{_BUILDING_SMALL}
"""),
        {
            "tinylib/copy.py": _copy(f"""

    class Small:
        # Copied from tinylib.origin.Tiny.building with Tiny->Small
        def building(self, latents):{_BUILDING_SMALL}
""")["tinylib/copy.py"],
        },
    ),
}
