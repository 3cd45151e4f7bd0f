"""Flows in DuckDB.

    flowir.duckdb.register(connection, flow, "log_prob")
    connection.sql("SELECT id, log_prob(u, g, r) FROM 'stars/*.parquet'")
"""

from __future__ import annotations

import inspect
from typing import Any

import pyarrow as pa

from ._flow import CompiledFlow
from .tables._scorer import Scorer


def register(connection: Any, flow: CompiledFlow, name: str = "log_prob") -> None:
    """Makes log p a function of SQL, of the features and then the context's columns, in the flow's order.

    A row with a null has NULL.
    """
    import duckdb

    names = tuple(f"c{index}" for index in range(flow.features + flow.context))
    scorer = Scorer(flow, names[:flow.features], names[flow.features:], (), name)

    def log_prob(*columns: Any) -> Any:
        return scorer.values(pa.table(list(columns), names=list(names)))

    # DuckDB counts a function's parameters.
    log_prob.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
        inspect.Parameter(one, inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in names])
    kind = "FLOAT" if flow.dtype.itemsize == 4 else "DOUBLE"
    sql = duckdb.sqltype
    connection.create_function(
        name, log_prob, [sql("DOUBLE")] * len(names), sql(kind), type="arrow", null_handling="special")
