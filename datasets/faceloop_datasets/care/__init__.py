"""Keeping a project's data safe: checked, backed up, restored, and erased where asked."""

from .backup import BackupReport, back_up, list_backups
from .bundle import Backup
from .erasure import Erasure, Whom, erase, find_whom, plan_erasure
from .restore import Restored, restore

__all__ = [
    "Backup",
    "BackupReport",
    "Erasure",
    "Restored",
    "Whom",
    "back_up",
    "erase",
    "find_whom",
    "list_backups",
    "plan_erasure",
    "restore",
]
