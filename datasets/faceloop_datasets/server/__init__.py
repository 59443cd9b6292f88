"""Projects of a team, on a PostgreSQL server: made, moved there and back, and who may do what."""

from faceloop_datasets.store.roles import ROLES, Role

from .making import make_team_project
from .membership import Membership, give_role, membership
from .moving import Moved, pull_project, push_project

__all__ = [
    "ROLES",
    "Membership",
    "Moved",
    "Role",
    "give_role",
    "make_team_project",
    "membership",
    "pull_project",
    "push_project",
]
