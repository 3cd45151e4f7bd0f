extension Evaluation {
  /// Scaling and squaring of the Taylor series: the argument is halved until its norm is at most
  /// 1/2, where 20 terms are exact to double precision.
  func matrixExponential() -> [Double] {
    let n = shape(0)[0]
    let a = operands[0].values
    let norm = (0..<n).map { j in (0..<n).reduce(0) { $0 + a[$1 * n + j].magnitude } }.max() ?? 0
    guard norm.isFinite else { return Array(repeating: .nan, count: n * n) }
    var squarings = 0
    var scale = 1.0
    while norm * scale > 0.5 {
      scale /= 2
      squarings += 1
    }
    let scaled = a.map { $0 * scale }
    var term = Self.identity(n)
    var result = term
    for k in 1...20 {
      term = Self.product(term, scaled, n).map { $0 / Double(k) }
      result = zip(result, term).map { $0 + $1 }
    }
    for _ in 0..<squarings { result = Self.product(result, result, n) }
    return result
  }

  /// The Cholesky factor, column by column.
  func cholesky() -> [Double] {
    let n = shape(0)[0]
    let a = operands[0].values
    var lower = [Double](repeating: 0, count: n * n)
    for j in 0..<n {
      for i in j..<n {
        var sum = a[i * n + j]
        for k in 0..<j { sum -= lower[i * n + k] * lower[j * n + k] }
        if i == j {
          lower[i * n + i] = sum > 0 ? sum.squareRoot() : .nan
        } else {
          lower[i * n + j] = sum / lower[j * n + j]
        }
      }
    }
    return lower
  }

  /// Forward or backward substitution for each vector of one row.
  func solve(_ index: Int, upper: Bool, unit: Bool) -> [Double] {
    let n = result.shape[result.rank - 1]
    let (a, b) = (Array(row(index, of: 0)), Array(row(index, of: 1)))
    var x = b
    for vector in 0..<b.count / n {
      let matrix = shape(0).count == 2 ? 0 : vector * n * n
      for i in upper ? Array((0..<n).reversed()) : Array(0..<n) {
        var sum = b[vector * n + i]
        for j in upper ? i + 1..<n : 0..<i { sum -= a[matrix + i * n + j] * x[vector * n + j] }
        x[vector * n + i] = unit ? sum : sum / a[matrix + i * n + i]
      }
    }
    return x
  }

  private static func identity(_ n: Int) -> [Double] {
    (0..<n * n).map { $0 / n == $0 % n ? 1 : 0 }
  }

  private static func product(_ a: [Double], _ b: [Double], _ n: Int) -> [Double] {
    var output = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for k in 0..<n {
        for j in 0..<n { output[i * n + j] += a[i * n + k] * b[k * n + j] }
      }
    }
    return output
  }
}
