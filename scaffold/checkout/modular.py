"""The modular pipeline that the library takes for a family of blocks, or for a checkpoint of its pipeline."""

from __future__ import annotations

from scaffold.checkout.mappings import add_pair
from scaffold.checkout.tree import Checkout
from scaffold.spec import Spec


_HOME = "modular_pipelines.modular_pipeline"
_ALWAYS = "_create_default_map_fn"


def register(checkout: Checkout, spec: Spec) -> None:
    """Have the modular pipelines know a family.

    Raises:
        NotFound: the library has no such mapping.
    """
    if spec.blocks is None:
        return
    module = checkout.module(_HOME)
    checkout.function(module, _ALWAYS)
    pair = f'("{spec.name}", {_ALWAYS}("{spec.blocks.title}ModularPipeline")),'
    add_pair(checkout, module, "MODULAR_PIPELINE_MAPPING", pair)
