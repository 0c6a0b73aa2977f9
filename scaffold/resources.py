"""Where the templates and the skill pack lie: at the root of a checkout, or inside an installed wheel's package."""

from __future__ import annotations

from pathlib import Path


_PACKAGE = Path(__file__).resolve().parent


def _locate(in_checkout: str, in_wheel: str) -> Path:
    bundled = _PACKAGE / "bundled" / in_wheel
    return bundled if bundled.is_dir() else _PACKAGE.parent / in_checkout


def templates_root() -> Path:
    """The folder of `specs/*.yaml` and of the Jinja templates."""
    return _locate("templates", "templates")


def skill_pack_root() -> Path:
    """The folder of AGENTS.md, the guides and `skills/`."""
    return _locate(".ai", "ai")
