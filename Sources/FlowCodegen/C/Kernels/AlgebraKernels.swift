/// `fk_linear_algebra.h` and the gather of `fk_driver.h`.
extension KernelCall {
  /// The systems of a triangular solve.
  struct Systems {
    /// The distance between the matrices of two vectors, 0 if they share one.
    let step: Int
    let vectors: Int
    let n: Int
    let upper: Bool
    let unit: Bool
  }

  /// Elements of a vector by their indices.
  static func gather(source: String, at: String, target: String) -> KernelCall {
    KernelCall(
      "fk_gather",
      [
        "source": source, "at": at, "begin": CRange.begin, "end": CRange.end, "target": target,
      ])
  }

  static func matrixExponential(matrix: String, n: Int, work: String, out: String) -> KernelCall {
    KernelCall("fk_matrix_exponential", ["matrix": matrix, "n": n, "work": work, "out": out])
  }

  static func cholesky(a: String, n: Int, lower: String) -> KernelCall {
    KernelCall("fk_cholesky", ["a": a, "n": n, "lower": lower])
  }

  /// Triangular systems of uniform values.
  static func triangularSolve(a: String, b: String, x: String, _ systems: Systems) -> KernelCall {
    solve("fk_triangular_solve", a, b, x, systems)
  }

  /// Triangular systems on a tile with a uniform matrix.
  static func solveTile(a: String, b: String, x: String, _ systems: Systems) -> KernelCall {
    solve("fk_solve_tile", a, b, x, systems)
  }

  /// Triangular systems on a tile with a matrix for each row.
  static func solveTileRows(a: String, b: String, x: String, _ systems: Systems) -> KernelCall {
    solve("fk_solve_tile_rows", a, b, x, systems)
  }

  private static func solve(
    _ name: String, _ a: String, _ b: String, _ x: String, _ systems: Systems
  ) -> KernelCall {
    KernelCall(
      name,
      [
        "a": a, "step": systems.step, "b": b, "x": x, "vectors": systems.vectors, "n": systems.n,
        "upper": systems.upper, "unit": systems.unit,
      ])
  }
}
