import FlowIR

/// The degree of what a region yields as polynomials in its first argument; nil if something else than products and
/// sums depends on it.
func polynomialDegree(of region: Region) -> Int? {
  var degrees: [Value: Int] = [region.arguments[0]: 1]
  func degree(of value: Value) -> Int { degrees[value] ?? 0 }
  for operation in region.operations {
    guard let found = resultDegree(of: operation.opcode, operation.inputs.map(degree)) else {
      return nil
    }
    for result in operation.results { degrees[result] = found }
  }
  return region.results.map(degree).max() ?? 0
}

/// The largest degree that is asked for; degrees of squares of squares grow fast.
private let mostDegree = 1 << 20

/// The degree of an operation's results, given that of its operands and of what its regions use; nil for what is no
/// polynomial.
private func resultDegree(of opcode: Opcode, _ operands: [Int]) -> Int? {
  let largest = operands.max() ?? 0
  if largest == 0 || opcode.isView { return largest }
  let degree: Int?
  switch opcode {
  case .unary(.negate), .binary(.add), .binary(.subtract), .reduce(.sum, _): degree = largest
  case .unary(.square): degree = 2 * largest
  case .binary(.multiply): degree = operands.reduce(0, +)
  case .binary(.divide): degree = operands[1] == 0 ? largest : nil
  case .select: degree = operands[0] == 0 ? largest : nil
  case .unary, .binary, .reduce, .constant, .compare, .convert, .cumulativeSum, .search, .take,
    .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd, .linear,
    .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum,
    .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
    degree = nil
  }
  return degree.flatMap { $0 <= mostDegree ? $0 : nil }
}
