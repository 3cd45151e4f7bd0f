import Foundation

/// log|det| of a square matrix, row by row, by elimination with pivots.
func logDeterminant(_ entries: some Collection<Double>, size: Int) -> Double {
  let list = Array(entries)
  var a = (0..<size).map { Array(list[$0 * size..<($0 + 1) * size]) }
  var sum = 0.0
  for k in a.indices {
    let pivot = (k..<size).max { abs(a[$0][k]) < abs(a[$1][k]) } ?? k
    a.swapAt(k, pivot)
    sum += log(abs(a[k][k]))
    for i in (k + 1)..<max(size, k + 1) {
      let factor = a[i][k] / a[k][k]
      for j in k..<size { a[i][j] -= factor * a[k][j] }
    }
  }
  return sum
}
