"""Keeping a project's data safe: checked, backed up, restored, and erased where asked."""

from .backup import BackupReport, back_up, list_backups
from .bundle import Backup
from .restore import Restored, restore

__all__ = ["Backup", "BackupReport", "Restored", "back_up", "list_backups", "restore"]
