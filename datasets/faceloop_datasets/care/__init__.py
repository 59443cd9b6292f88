"""Keeping a project's data safe: checked, backed up, restored, and erased where asked."""

from faceloop_datasets.store.erasing import ErasureTarget

from .backup import BackupReport, back_up, list_backups
from .bundle import Backup
from .check import CheckReport, check_project
from .erasure import Erasure, erase, find_erasure_target, plan_erasure
from .findings import Finding
from .restore import Restored, restore

__all__ = [
    "Backup",
    "BackupReport",
    "CheckReport",
    "Erasure",
    "ErasureTarget",
    "Finding",
    "Restored",
    "back_up",
    "check_project",
    "erase",
    "find_erasure_target",
    "list_backups",
    "plan_erasure",
    "restore",
]
