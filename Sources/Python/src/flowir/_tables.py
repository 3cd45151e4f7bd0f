"""A compiled flow's methods for tables; pyarrow is imported only when they are used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _description
from ._columns import Columns, Given

if TYPE_CHECKING:
    from .tables import TableReport


class Tables:
    """Scores and samples tables of Parquet and Arrow."""

    _model: bytes | None
    _artifact: Any
    path: Any

    @property
    def columns(self) -> Columns:
        """The names of the columns that the flow was trained on, if the model keeps them."""
        if self._model is not None:
            return _description.columns(self._model, "the model")
        found = self._artifact.description.get("columns", {})
        return Columns(*(tuple(found.get(key, ())) for key in ("x", "context")))

    @property
    def fingerprint(self) -> str:
        """A hash of the model, or of the shared object if there is only that."""
        data = Path(self.path).read_bytes() if self._model is None else self._model
        return hashlib.sha256(data).hexdigest()

    def score_table(
        self, source: Any, output: str | os.PathLike[str], *, columns: Given = None,
        context: Given = None, keep: Iterable[str] | None = None, name: str = "log_prob",
        resume: bool = False, progress: bool | None = None, chunk: int = 1 << 18,
    ) -> TableReport:
        """Writes a table with log p of each row, in the rows' order, with memory that does not grow.

        Args:
          source: the path of a file (.parquet, .feather, .arrow, .csv) or of a folder of files, several
            paths, or a table or dataset of Arrow.
          output: a file (.parquet, .feather, .arrow), or a folder, which gets a file of Parquet for each
            of the source's. Files appear whole or not at all.
          columns: the names of the features, in the flow's order; left out for those that the flow was
            trained on. A mapping says what the table calls the trained names.
          context: the same for the context.
          keep: the columns that are copied to the output; all if left out.
          name: the name of the column of log-densities.
          resume: whether to go on where an interrupted run ended; the bytes are those of a whole run.
          progress: whether to show how it goes; if left out, in a terminal and in a notebook.
          chunk: the rows of a row group of the output.

        A row with a null has a null as its log-density; one with NaN or infinity has NaN; one outside the
        support -inf. The report counts them. Raises `Error`.
        """
        from .tables import score_table

        return score_table(
            self, source, output, columns=columns, context=context, keep=keep, name=name,  # type: ignore[arg-type]
            resume=resume, progress=progress, chunk=chunk)

    def sample_table(
        self, output: str | os.PathLike[str], rows: int, *, source: Any = None, context: Any = None,
        keep: Iterable[str] | None = None, columns: Sequence[str] | None = None,
        log_prob: str | None = None, seed: int = 0, resume: bool = False,
        progress: bool | None = None, rows_per_file: int = 1 << 22,
    ) -> TableReport:
        """Writes samples as a table.

        Args:
          output: a file (.parquet, .feather, .arrow), or a folder of files of Parquet.
          rows: the number of samples; with several contexts, of samples for each, one context after the
            other.
          source: a table whose rows are the contexts, as in `score_table`.
          context: the names of the context's columns in `source`; without a source the contexts
            themselves, (C,) or (M, C).
          keep: the columns of `source` that are copied beside each sample; all if left out.
          columns: the names of the samples' columns; if left out the trained ones, or x0, x1, ….
          log_prob: the name of a column for the samples' log-densities; left out for none.
          seed: the seed; the same seed gives the same file.
          resume: whether to keep the files of a folder that an interrupted run has finished.
          progress: whether to show how it goes; if left out, in a terminal and in a notebook.
          rows_per_file: the rows of each file in a folder.

        Raises `Error`.
        """
        from .tables import sample_table

        return sample_table(
            self, output, rows, source=source, context=context, keep=keep, columns=columns,  # type: ignore[arg-type]
            log_prob=log_prob, seed=seed, resume=resume, progress=progress, rows_per_file=rows_per_file)
