"""A report on a model as one page: figures with their intervals, charts, and the worst faces."""

from .content import Report
from .making import ReportOptions, make_report
from .page import report_files, write_report

__all__ = ["Report", "ReportOptions", "make_report", "report_files", "write_report"]
