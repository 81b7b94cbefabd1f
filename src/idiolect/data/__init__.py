"""Data in (formats, column mapping, hub) and out (trainers' formats)."""

from idiolect.data.export import EXPORTS, export_rows
from idiolect.data.read import Dataset, read, read_dataset

__all__ = ["EXPORTS", "Dataset", "export_rows", "read", "read_dataset"]
