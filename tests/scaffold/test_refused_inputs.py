"""What a generated model says to inputs that its configuration has no use for, or misses."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch

from tests.scaffold.pairs import Pair, make_inputs, make_pair


@pytest.fixture(scope="module")
def make(generated) -> Callable[..., Pair]:
    """Makes a preset's pair of models in a configuration."""
    return lambda preset, **config: make_pair(*generated(preset), **config)


def test_a_picture_without_its_size_is_refused(make):
    pair = make("pixart", use_additional_conditions=True)
    with pytest.raises(ValueError, match=r"`added_cond_kwargs` is missing: .*`resolution` and `aspect_ratio`"):
        pair.ours(**make_inputs(pair))


@pytest.mark.parametrize(("embeds", "guidance"), [(True, None), (False, torch.tensor([0.45, 0.1]))])
def test_guidance_that_does_not_go_with_the_model_is_refused(make, embeds, guidance):
    pair = make("sana", guidance_embeds=embeds)
    with pytest.raises(ValueError, match=r"`guidance` goes with `guidance_embeds`"):
        pair.ours(**make_inputs(pair), guidance=guidance)


def test_a_guidance_embedder_without_guidance_is_refused(make):
    pair = make("hunyuanvideo")
    with pytest.raises(ValueError, match="with `guidance_embeds` needs `guidance`"):
        pair.ours(**make_inputs(pair) | {"guidance": None})


def test_an_unknown_condition_by_an_image_is_refused(make):
    pair = make("hunyuanvideo")
    with pytest.raises(ValueError, match='"latent_concat", "token_replace" or None, not \'token-replace\''):
        type(pair.ours)(**pair.spec.tiny.config, image_condition_type="token-replace")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patch_size": 4}, "no layers for patches of size 4-1, only for 2-1"),
        (
            {"x": [[torch.ones(16, 1, 4, 4)]], "cap_feats": [[torch.ones(3, 16)]]},
            "Lists of pictures need `image_noise",
        ),
        (
            {
                "x": [[torch.ones(16, 1, 4, 4)]],
                "cap_feats": [[torch.ones(3, 16)]],
                "image_noise_mask": [[1]],
                "siglip_feats": [[torch.ones(2, 2, 8)]],
            },
            "`siglip_feats` needs a model with `siglip_feat_dim`",
        ),
    ],
    ids=["patches", "no-noise-mask", "siglip"],
)
def test_pictures_that_do_not_go_with_the_model_are_refused(make, wrong, message):
    pair = make("z-image")
    with pytest.raises(ValueError, match=message):
        pair.ours(**make_inputs(pair) | wrong)


def test_an_offset_that_is_missing_is_refused(make):
    pair = make("cogvideox", ofs_embed_dim=12)
    with pytest.raises(ValueError, match="with `ofs_embed_dim` needs `ofs`"):
        pair.ours(**make_inputs(pair))


def test_a_condition_of_the_timestep_that_nothing_embeds_is_refused(make):
    pair = make("cogvideox")
    with pytest.raises(ValueError, match="`timestep_cond` has to be None"):
        pair.ours(**make_inputs(pair), timestep_cond=torch.ones(2, 32))


def test_learned_positions_are_for_one_size(make):
    pair = make("cogvideox", use_learned_positional_embeddings=True)
    with pytest.raises(ValueError, match=r"learned for latents of \(4, 6\), these have \(4, 8\)"):
        pair.ours(**make_inputs(pair) | {"hidden_states": torch.ones(2, 3, 4, 4, 8)})
    with pytest.raises(ValueError, match="goes with `use_rotary_positional_embeddings`"):
        type(pair.ours)(use_learned_positional_embeddings=True)


def test_an_unknown_norm_is_refused(make):
    pair = make("sana")
    with pytest.raises(ValueError, match="\"rms_norm_across_heads\" or None, not 'rms_norm'"):
        type(pair.ours)(**pair.spec.tiny.config, qk_norm="rms_norm")


def test_a_mask_that_changes_nothing_is_said_to(make, caplog):
    pair = make("sana")
    inputs = make_inputs(pair)
    logger = logging.getLogger(type(pair.ours).__module__)
    logger.addHandler(caplog.handler)
    with torch.no_grad():
        plain = pair.ours(**inputs).sample
        assert not caplog.records
        masked = pair.ours(**inputs, attention_mask=torch.zeros(2, 16)).sample
    assert torch.equal(plain, masked)
    assert "`attention_mask` is ignored" in caplog.text
