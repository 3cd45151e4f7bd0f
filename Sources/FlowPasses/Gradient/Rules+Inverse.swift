import FlowIR

extension ReversePass {
  /// The implicit function theorem at the fixed point x = F(x, θ), with extra values e = G(x, θ).
  ///
  /// The cotangent λ of F's output solves λ = gx + (∂G/∂x)ᵀ ge + (∂F/∂x)ᵀ λ. The Jacobian is
  /// nilpotent, so λ is a fixed point of the same kind, with the same number of passes; then θ gets
  /// (∂F/∂θ)ᵀ λ + (∂G/∂θ)ᵀ ge.
  func inverseRule(_ operation: TensorOperation, passes: Int) throws(TypeError) {
    let region = operation.regions[0]
    let x = operation.results[0]
    let start = builder.currentOperations.count
    var map: [Value: Value] = [region.arguments[0]: x]
    for capture in region.captures { map[capture] = capture }
    for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
    let body = Array(builder.currentOperations[start...])
    let next = map[region.results[0]] ?? region.results[0]
    var extras: [Value: Value] = [:]
    for (result, inner) in zip(operation.results.dropFirst(), region.results.dropFirst()) {
      guard let g = cotangents[result], let value = map[inner] else { continue }
      if let known = extras[value] {
        extras[value] = try plus(known, g)
      } else {
        extras[value] = g
      }
    }
    let direct = try run(body, seeds: extras, wanted: [x])[x]
    var source = cotangents[x]
    if let direct {
      source = try source.map { value throws(TypeError) in try plus(value, direct) } ?? direct
    }
    var seeds = extras
    if let source {
      let constant = try completed(source, for: x)
      let arguments = builder.beginRegion([type(x)])
      let product = try run(body, seeds: [next: arguments[0]], wanted: [x])[x]
      let sum = try product.map { value throws(TypeError) in try plus(constant, value) } ?? constant
      let lambdaRegion = builder.endRegion(results: [sum])
      let lambda = try builder.append(
        .autoregressiveInverse(passes: passes), [], regions: [lambdaRegion])[0]
      seeds[next] =
        try seeds[next].map { value throws(TypeError) in try plus(value, lambda) } ?? lambda
    }
    let captures = Set(region.captures.filter { isActive($0) })
    for (value, part) in try run(body, seeds: seeds, wanted: captures).sorted(by: {
      $0.key < $1.key
    }) {
      // Already summed over rows where the capture is uniform.
      try add(part, to: value, isRow: false)
    }
  }
}
