"""The experiments for two models, in the order in which they are tried."""

from __future__ import annotations

from parity.diagnosis.experiments import (
    functions,
    heads,
    inputs,
    layers,
    outputs,
    patches,
    rotary,
    settings,
    weights,
)
from parity.diagnosis.experiments.variant import Experiment, Proposals


MODEL_EXPERIMENTS: tuple[Experiment[Proposals], ...] = (
    Experiment("config overrides", "Take the value from the reference's checkpoint.", settings.override_config),
    Experiment("global generator", "Draw where the reference draws, in its order.", layers.silence_draws),
    Experiment(
        "timestep scaling",
        "Scale it where the reference does, and only there.",
        inputs.scale_timesteps,
        can_be_undone=True,
    ),
    Experiment(
        "timestep dtype",
        "Cast it where the reference casts it, to the same dtype.",
        inputs.round_timesteps,
        is_of_dtype=True,
    ),
    Experiment(
        "timestep embedding",
        "Order and shift sines and cosines as the reference does.",
        layers.change_sinusoid,
    ),
    Experiment(
        "position dtype",
        "Give positions to the rotary embedding as the reference does.",
        inputs.round_positions,
        is_of_dtype=True,
    ),
    Experiment(
        "positions",
        "Count positions, and order their axes, as the reference does.",
        inputs.move_positions,
        can_be_undone=True,
    ),
    Experiment(
        "input dtype",
        "Keep latents and embeddings in the reference's dtype.",
        inputs.round_inputs,
        is_of_dtype=True,
    ),
    Experiment(
        "rotary frequencies",
        "Take the base from the config of the reference's checkpoint.",
        rotary.change_base,
    ),
    Experiment(
        "rotary pairs",
        "Turn the channels that the reference turns together, in its direction.",
        rotary.change_tables,
    ),
    Experiment(
        "position dtype",
        "Make cosines and sines in the reference's dtype.",
        rotary.round_tables,
        is_of_dtype=True,
    ),
    Experiment("positions", "Count positions from the number that the reference counts from.", rotary.move_tables),
    Experiment(
        "order of shift, scale, gate",
        "Unpack the parts in the reference's order.",
        weights.reorder_modulation,
        can_be_undone=True,
    ),
    Experiment(
        "order of shift, scale, gate",
        "Unpack the parts in the reference's order.",
        layers.exchange_gated_halves,
        can_be_undone=True,
    ),
    Experiment(
        "layout of heads",
        "Lay rows and rotary channels out as the reference does.",
        heads.change_layout,
        can_be_undone=True,
    ),
    Experiment(
        "transposed weight",
        "Transpose it in the weight mapping, or do not.",
        weights.transpose,
        can_be_undone=True,
    ),
    Experiment(
        "taken for one another",
        "Give each projection, norm and stream its own weight.",
        weights.exchange_twins,
        can_be_undone=True,
    ),
    Experiment("taken for one another", "Give each projection, norm and stream its own weight.", weights.use_twice),
    Experiment(
        "layout of patches",
        "Take patches apart, and put them together, in the reference's order of rows, columns and channels.",
        patches.change_layout,
        can_be_undone=True,
    ),
    Experiment("placement of qk-norm", "Norm queries and keys where the reference does.", heads.place_norms),
    Experiment("bias", "Add it once; leave it out where the reference has none.", weights.change_bias),
    Experiment(
        "the one of 1 + scale",
        "Multiply by `1 + scale` where the reference does, and keep the one out of biases and weights there.",
        weights.absorb_one,
    ),
    Experiment("norm or activation", "Apply the one that the reference has, where it does.", layers.leave_out),
    Experiment("norm or activation", "Apply the one that the reference has, where it does.", layers.put_in_front),
    Experiment(
        "norm or activation", "Apply the one that the reference has, where it does.", functions.replace_functions
    ),
    Experiment("attention", "Give it the reference's scale and mask.", functions.change_attention),
    Experiment("gate or scale left out", "Apply every part of the modulation.", weights.drop_modulation),
    Experiment("epsilon of a norm", "Take the reference's epsilon.", layers.change_epsilon),
    Experiment(
        "module left out", "Call it where the reference does, and add what it returns.", outputs.silence_modules
    ),
    Experiment(
        "dtype of a module", "Have it compute and return in the reference's dtype.", outputs.round_outputs, True
    ),
    Experiment("number in a module", "Take the reference's.", settings.copy_attributes),
)
