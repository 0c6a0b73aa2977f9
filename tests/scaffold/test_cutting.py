"""A pipeline's call cut into steps: what each reads and hands on, and how it reads in a block."""

from __future__ import annotations

from textwrap import dedent

import pytest

from scaffold.cutting import Stretch, cut


def steps(*stretches: tuple[str, str] | tuple[str, str, str], **changes: object) -> dict[str, Stretch]:
    """Stretches of name, lines and perhaps methods, of a call that is given a prompt and makes pictures."""
    whole = [(name, lines, *(methods or ("",))) for name, lines, *methods in stretches]
    asked = {"given": ["prompt", "height"], "handed": [], "wanted": "pictures", "repeated": [], "prelude": ""}
    return cut(whole, **asked | changes)


def test_a_step_reads_what_is_given_and_what_earlier_ones_leave_and_hands_on_what_later_ones_read():
    encode, draw = steps(
        ("encode", "words = prompt.split()\nembeds = look_up(words)\n"),
        ("draw", "pictures = paint(embeds, height)\nleftover = pictures\n"),
    ).values()
    assert (encode.inputs, encode.handed, encode.outputs) == (("prompt",), (), ("embeds",))
    assert (draw.inputs, draw.handed, draw.outputs) == (("embeds", "height"), ("embeds",), ("pictures",))


def test_what_is_handed_on_from_the_start_is_read_from_the_state():
    (draw,) = steps(("draw", "pictures = paint(latents)\n"), handed=["latents"]).values()
    assert draw.inputs == draw.handed == ("latents",)


def test_a_stretch_without_lines_is_no_step():
    assert list(steps(("nothing", "\n  \n"), ("draw", "pictures = prompt\n"))) == ["draw"]


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ("if height:\n    prompt = 1\npictures = prompt\n", ("height", "prompt")),
        ("if height:\n    prompt = 1\nelse:\n    prompt = 2\npictures = prompt\n", ("height",)),
        ("for each in height:\n    prompt = each\npictures = prompt\n", ("height", "prompt")),
        ("prompt = prompt + 1\npictures = prompt\n", ("prompt",)),
        ("prompt = 1\npictures = prompt\n", ()),
        ("pictures = [height for height in prompt]\n", ("prompt",)),
        ("pictures = list(each + height for each in prompt)\n", ("height", "prompt")),
    ],
    ids=["one branch", "both branches", "a loop", "itself", "set before", "a comprehension", "a generator"],
)
def test_a_name_is_read_unless_it_was_set_for_certain(lines, read):
    (step,) = steps(("draw", lines)).values()
    assert set(step.inputs) == set(read)


def test_steps_that_repeat_hand_on_to_those_before_them():
    stretches = ("guess", "guess = look(latents)\n"), ("walk", "latents = go(guess)\npictures = latents\n")
    once, again = (
        steps(*stretches, handed=["latents"], repeated=repeated)["walk"].outputs
        for repeated in ([], ["guess", "walk"])
    )
    assert once == ("pictures",)
    assert again == ("latents", "pictures")


def test_a_step_begins_with_the_lines_of_the_prelude_that_it_needs():
    prelude = "rows = height // 8\nseed = 0\n"
    first, second = steps(
        ("first", "pictures = draw(rows)\n"), ("second", "pictures = pictures + 1\n"), prelude=prelude
    ).values()
    assert first.lines == "rows = height // 8\npictures = draw(rows)\n"
    assert first.inputs == ("height",)
    assert second.lines == "pictures = pictures + 1\n"


def test_a_block_does_not_ask_whether_there_are_embeddings():
    asked = "        if prompt_embeds is None:\n            prompt_embeds = read(prompt)\n"
    (step,) = steps(("encode", f"{asked}        pictures = prompt_embeds\n")).values()
    assert step.lines == "        prompt_embeds = read(prompt)\n        pictures = prompt_embeds\n"
    assert step.inputs == ("prompt",)


METHODS = """
    def encode(self, text):
        return self.text_encoder(text)

    @staticmethod
    def clean(text):
        return text.strip()
"""


def test_what_is_self_in_a_pipeline_is_components_in_a_block_but_for_its_own_methods():
    lines = "        pictures = self.encode(self.clean(prompt)) * self.vae_scale_factor / self.vae.config.scale\n"
    (step,) = steps(("encode", lines, METHODS)).values()
    assert step.body == (
        "        pictures = self.encode(components, self.clean(prompt)) * vae_scale_factor(components)"
        " / components.vae.config.scale\n"
    )
    assert (
        dedent(step.members).strip()
        == dedent(
            """
        def encode(self, components: ModularPipeline, text):
            return components.text_encoder(text)

        @staticmethod
        def clean(text):
            return text.strip()
        """
        ).strip()
    )
    assert step.owned == ("encode", "clean", "vae_scale_factor", "vae", "text_encoder")
