"""All targets by name."""

from __future__ import annotations

from . import files, stored, text

TARGETS = {target.name: target for module in (text, files, stored) for target in module.TARGETS}
