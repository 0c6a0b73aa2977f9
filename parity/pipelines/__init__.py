"""Two pipelines stage by stage: named places in a run, and how a difference grows from step to step."""
