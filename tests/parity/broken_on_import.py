"""A module that raises while it is imported, as a half-written port does."""

undefined  # noqa: B018, F821
