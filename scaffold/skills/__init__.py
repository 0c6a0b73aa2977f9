"""The skill pack's installer: puts the pack before an agent in any repository, and takes it away without a trace."""

from scaffold.skills.installation import Outcome, check, install, remove
from scaffold.skills.pack import sync_references
from scaffold.skills.plan import AGENTS


__all__ = ["AGENTS", "Outcome", "check", "install", "remove", "sync_references"]
