import FlowIR

/// The function that also returns the gradient of one result with respect to an argument with rows, and
/// the product of each row's Hessian with a vector: the gradient of the slope along it.
///
/// The new function has one more argument, the vectors, of the type of the argument, and two more
/// results, `grad.NAME` and `hvp`.
///
///     %y = exp %x : rows x f32                %y = exp %x : rows x f32
///     return y = %y                      →    %h = multiply %v, %y : rows x f32
///                                             return y = %y, grad.x = %y, hvp = %h
///
/// Both derivatives are made by the reverse pass: what the first one appends is differentiated by the
/// second one as the function itself was.
///
/// - Throws: `GradientError` for names that do not exist, a result that is not a scalar, or a function
///   that can be differentiated only once.
public func hessianVectorProduct(
  of function: Function, result: String, withRespectTo name: String, vectors: String
) throws(GradientError) -> Function {
  let first = try gradient(
    of: function, result: result, withRespectTo: [name], perRow: true)
  guard !first.operations.contains(where: \.isAdjoint) else {
    throw .onlyOnce(result, operation: "ode_solve")
  }
  let slope = "slope"
  var second = try gradient(
    of: try slopes(of: first, "grad." + name, vectors: vectors, named: slope), result: slope,
    withRespectTo: [name], perRow: true)
  second.results.removeAll { $0.name == slope }
  second.results[second.results.count - 1].name = "hvp"
  return second
}

/// A function with a further result: the sum of the products of a result and the argument that it adds.
private func slopes(
  of function: Function, _ result: String, vectors: String, named name: String
) throws(GradientError) -> Function {
  guard let gradient = function.results.first(where: { $0.name == result }) else {
    throw .noResult(result)
  }
  let type = function.type(of: gradient.value)
  let builder = FunctionBuilder(name: function.name)
  var map: [Value: Value] = [:]
  builder.copyArguments(of: function, into: &map)
  let along = builder.argument(vectors, type)
  do {
    for operation in function.operations {
      try builder.copy(operation, of: function, mapping: &map)
    }
    let product = try builder.emit(
      .binary(.multiply), map[gradient.value] ?? gradient.value, along)
    let flat = try builder.emit(.reshape([type.elementCount]), product)
    let slope = try builder.emit(.reduce(.sum, axis: 0), flat)
    let results = function.results.map {
      FunctionResult(name: $0.name, value: map[$0.value] ?? $0.value)
    }
    return builder.finish(results: results + [FunctionResult(name: name, value: slope)])
  } catch {
    throw .type(error)
  }
}

extension TensorOperation {
  /// Whether it, or an operation within its regions, is the adjoint of an ODE's solution, which has no
  /// derivative rule.
  fileprivate var isAdjoint: Bool {
    if case .odeAdjoint = opcode { return true }
    return regions.contains { $0.operations.contains(where: \.isAdjoint) }
  }
}
