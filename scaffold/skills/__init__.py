"""The skill pack's installer: puts the pack before an agent in any repository, and takes it away without a trace."""

from scaffold.skills.doctor import SeenSkill, Sight, examine
from scaffold.skills.installation import Outcome, check, install, remove, update
from scaffold.skills.plan import AGENTS
from scaffold.skills.syncing import sync_pack


__all__ = ["AGENTS", "Outcome", "SeenSkill", "Sight", "check", "examine", "install", "remove", "sync_pack", "update"]
