"""A report on a model as one page: figures with their intervals, charts, and the worst faces."""

from .build import ReportOptions, make_report
from .page import report_files, write_report
from .report_data import Report

__all__ = ["Report", "ReportOptions", "make_report", "report_files", "write_report"]
