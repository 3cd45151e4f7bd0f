import FlowIR

extension ReversePass {
  /// The implicit function theorem at the root f(x, θ) = y: with λ = gx / f'(x), y gets λ and θ gets
  /// -(∂f/∂θ)ᵀ λ. At an end of the domain the root does not move with y.
  func rootRule(_ operation: TensorOperation, lower: Double, upper: Double) throws(TypeError) {
    let region = operation.regions[0]
    let x = operation.result
    guard let g = cotangents[x] else { return }
    let start = builder.currentOperations.count
    var map: [Value: Value] = [region.arguments[0]: x]
    for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
    let body = Array(builder.currentOperations[start...])
    let value = map[region.results[0]] ?? region.results[0]
    let slope = map[region.results[1]] ?? region.results[1]
    var lambda = try divide(g, slope)
    for (bound, comparison) in [(lower, Comparison.greater), (upper, .less)] where bound.isFinite {
      let inside = try compare(comparison, x, like(x, bound))
      lambda = try select(inside, lambda, like(lambda, 0))
    }
    try add(lambda, to: operation.operands[0], isRow: true)
    let captures = Set(region.captures.filter { isActive($0) })
    if captures.isEmpty { return }
    let seed = try unary(.negate, lambda)
    for (value, part) in try run(body, seeds: [value: seed], wanted: captures).sorted(by: {
      $0.key < $1.key
    }) {
      // Already summed over rows where the capture is uniform.
      try add(part, to: value, isRow: false)
    }
  }
}
