"""Keeping a project's data safe: checked, backed up, restored, and erased where asked."""

from .backup import BackupReport, back_up, list_backups
from .bundle import Backup
from .check import CheckReport, check_project
from .erasure import Erasure, Whom, erase, find_whom, plan_erasure
from .findings import Finding
from .restore import Restored, restore

__all__ = [
    "Backup",
    "BackupReport",
    "CheckReport",
    "Erasure",
    "Finding",
    "Restored",
    "Whom",
    "back_up",
    "check_project",
    "erase",
    "find_whom",
    "list_backups",
    "plan_erasure",
    "restore",
]
