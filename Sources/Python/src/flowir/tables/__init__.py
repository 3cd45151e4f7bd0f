"""Tables of Parquet and Arrow: rows scored and samples written, with flat memory."""

from ._report import TableReport
from ._sample import sample_table
from ._score import score_table

__all__ = ["TableReport", "sample_table", "score_table"]
