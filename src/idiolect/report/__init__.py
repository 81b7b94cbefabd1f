"""One self-contained HTML page about a run. It reads rows and computes no result."""

from idiolect.report.page import WrittenReport, write_report

__all__ = ["WrittenReport", "write_report"]
