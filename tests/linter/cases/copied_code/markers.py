"""Markers that say what is not so, or that no rule can follow."""

_ORIGIN = """
    class TinyNorm:
        def scale(self, sample):
            return sample

        def shift(self, sample):
            return sample + 1


    def scale_noise(sample, factor):
        return sample * factor


    def draw_noise(sample):
        return sample.noise()
"""
_LIBRARY = {"tinylib/__init__.py": "", "tinylib/origin.py": _ORIGIN}


def _copy(text: str) -> dict[str, str]:
    return {**_LIBRARY, "tinylib/copy.py": text}


CASES = {
    "a marker above nothing, one that cannot be read, one of a name that is gone": _copy("""
        # Copied from tinylib.origin.scale_noise  #! CPY005

        SCALE = 1


        # copied from: tinylib.origin.scale_noise  #! CPY003
        def scale_noise(sample, factor):
            return sample


        # Copied from tinylib.origin.gone with sample->latents  #! CPY002
        def gone(latents):
            return latents


        # Copied from tinylib.origin.TinyNorm.gone  #! CPY002
        def gone_too(latents):
            return latents


        # Copied from tinylib.elsewhere.scale_noise  #! CPY002
        def from_elsewhere(latents):
            return latents
    """),
    "a class that is said to be a copy of a function": _copy("""
        # Copied from tinylib.origin.scale_noise
        class Scale:
            def scale(self, sample):
                return sample
    """),
    "a function that is said to be a copy of a class": _copy("""
        # Copied from tinylib.origin.TinyNorm
        def scale(sample):
            return sample
    """),
    "a marker with renames, all of which do something": _copy("""
        # Copied from tinylib.origin.scale_noise with sample->latents, factor->sigma
        def scale_noise(latents, sigma):
            return latents * sigma
    """),
    "a rename that differs from the copy": _copy("""
        # Copied from tinylib.origin.scale_noise with sample->latents, factor->sigma
        def scale_noise(latents, sigma):  #! CPY001
            return latents * sigma * 2
    """),
    "a copy that says the same with other line breaks": _copy("""
        # Copied from tinylib.origin.scale_noise
        def scale_noise(
            sample,
            factor,
        ):
            return sample * factor
    """),
    "renames of a source that is gone": _copy("""
        # Copied from tinylib.gone.scale_noise with sample->latents, nothing->something  #! CPY002
        def scale_noise(latents, factor):
            return latents * factor
    """),
    "markers inside a copy that cannot be read, and beside a copy": _copy("""
        # Copied from tinylib.origin.TinyNorm with TinyNorm -> SmallNorm  #! CPY003
        class SmallNorm:
            # Copied from tinylib.origin.TinyNorm.scale
            def scale(self, sample):
                return sample

            def shift(self, sample):
                return sample + 1


        # Copied from tinylib.origin.TinyNorm.shift
        def shift(self, sample):
            return sample + 1
    """),
    "a nested function inside a copy": _copy("""
        # Copied from tinylib.origin.TinyNorm with TinyNorm->SmallNorm
        class SmallNorm:
            def scale(self, sample):
                return sample

            # Copied from tinylib.origin.TinyNorm.shift  #! CPY008
            def shift(self, sample):
                return sample + 1
    """),
    "a marker in a function that lies in a copy": _copy("""
        # Copied from tinylib.origin.TinyNorm with TinyNorm->SmallNorm
        class SmallNorm:  #! CPY001
            def scale(self, sample):
                # Copied from tinylib.origin.draw_noise  #! CPY008
                def draw_noise(sample):
                    return sample.noise()

                return draw_noise(sample)

            def shift(self, sample):
                return sample + 1
    """),
    "a marker of another library's code": _copy("""
        # Copied from otherlib.origin.scale_noise with nothing->something
        def scale_noise(sample, factor):
            return sample
    """),
}
MESSAGES = {
    "a copy differs, with renames and without": (
        "CPY001",
        _copy("""
            # Copied from tinylib.origin.scale_noise
            def scale_noise(sample, factor):
                return sample


            # Copied from tinylib.origin.scale_noise with sample->latents, factor->sigma
            def scale_latents(latents, sigma):
                return latents
        """),
        (
            "`scale_noise` differs from `tinylib.origin.scale_noise`",
            "`scale_latents` differs from `tinylib.origin.scale_noise` after sample->latents, factor->sigma",
        ),
    ),
    "a source that is gone, with the nearest name where one is near": (
        "CPY002",
        _copy("""
            # Copied from tinylib.origin.scale_noises
            def scale_noises(sample):
                return sample


            # Copied from tinylib.origin.TinyNorm.scales
            def scale(self, sample):
                return sample


            # Copied from tinylib.x.y
            def shift(self, sample):
                return sample
        """),
        (
            "`tinylib.origin.scale_noises` does not exist in `tinylib.origin`; "
            "the nearest name is `tinylib.origin.scale_noise`",
            "`tinylib.origin.TinyNorm.scales` does not exist in `tinylib.origin.TinyNorm`; "
            "the nearest name is `tinylib.origin.TinyNorm.scale`",
            "`tinylib.x.y` does not exist in `tinylib`",
        ),
    ),
    "a source of a library that is not there": (
        "CPY002",
        {"tinylib.old.py": "# Copied from tinylib.origin.scale_noise\ndef scale_noise(sample):\n    return sample\n"},
        ("`tinylib.origin.scale_noise` does not exist",),
    ),
    "a marker that cannot be read, with what is meant where that can be told": (
        "CPY003",
        _copy("""
            # Copied from tinylib.origin.scale_noise with sample -> latents
            def scale_noise(latents, factor):
                return latents * factor


            # Copied from tinylib.origin.draw_noise with the sample renamed
            def draw_noise(latents):
                return latents.noise()
        """),
        (
            "this `# Copied from` marker cannot be read; "
            "write `# Copied from tinylib.origin.scale_noise with sample->latents`",
            "this `# Copied from` marker cannot be read; write `# Copied from package.module.Name with Old->New`",
        ),
    ),
}
FIXES = {
    "renames that give no Python are not written": (
        "CPY001",
        _copy("""
            # Copied from tinylib.origin.draw_noise with sample->1x
            def draw_noise(x):
                return x
        """),
        None,
    ),
}
