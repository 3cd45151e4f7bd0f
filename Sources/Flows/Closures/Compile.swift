import FlowIR
import FlowRuntime

/// Compiles a closure over tensors to a function of arrays.
///
///     let distance = try compile(.rows("x", 3), .uniform("center", 3)) { x, center in
///       square(x - center).sum(axis: 0)
///     }
///     let squares = try distance([[1, 2, 3], [4, 5, 6]], [0, 0, 0])     // [14, 77]
///
/// The closure runs once, to be recorded. Its tensors hold no numbers, and their shapes are those of one row.
///
/// - Parameters:
///   - inputs: `.rows`, `.uniform` or `.seed` for each tensor that the closure takes.
///   - scalar: the type that it computes in.
///   - parameters: the values of the parameters that the closure's modules have, by name;
///     `ParameterHolder.compile` passes those of a model.
///   - body: the closure.
/// - Throws: what the closure throws; `FlowError.invalid` for inputs with the same name or an impossible
///   size; `RuntimeError` if a parameter has no value, an operation can't be compiled, or there is no C
///   compiler.
public func compile<each Source: ClosureInput>(
  _ inputs: repeat each Source, as scalar: Float.Type = Float.self,
  parameters: [String: HostArray] = [:], body: (repeat (each Source).Traced) throws -> Tensor
) throws -> CompiledClosure<[Float], repeat (each Source).Floats> {
  let closure = try TracedClosure(repeat each inputs, dtype: .f32) {
    (tensors: repeat (each Source).Traced) in [try body(repeat each tensors)]
  }
  return try CompiledClosure(closure, closure.function.optimized(), parameters: parameters) {
    $0[0].floats
  }
}

/// Compiles a closure over tensors to a function of arrays that computes in `Double`.
public func compile<each Source: ClosureInput>(
  _ inputs: repeat each Source, as scalar: Double.Type, parameters: [String: HostArray] = [:],
  body: (repeat (each Source).Traced) throws -> Tensor
) throws -> CompiledClosure<[Double], repeat (each Source).Doubles> {
  let closure = try TracedClosure(repeat each inputs, dtype: .f64) {
    (tensors: repeat (each Source).Traced) in [try body(repeat each tensors)]
  }
  return try CompiledClosure(closure, closure.function.optimized(), parameters: parameters) {
    $0[0].doubles
  }
}

/// Compiles a closure that returns several tensors; the function gives as many arrays.
///
///     let image = try compile(.rows("x", 1)) { x in
///       let (y, ladj) = SoftclipTransform(bound: 5).callAndLadj(x)
///       return (y, ladj)
///     }
///     let (y, ladj) = try image([[-20], [0], [20]])
public func compile<each Source: ClosureInput, each Result: ClosureResult>(
  _ inputs: repeat each Source, as scalar: Float.Type = Float.self,
  parameters: [String: HostArray] = [:],
  body: (repeat (each Source).Traced) throws -> (repeat each Result)
) throws -> CompiledClosure<(repeat (each Result).Floats), repeat (each Source).Floats> {
  let closure = try TracedClosure(repeat each inputs, dtype: .f32) {
    (tensors: repeat (each Source).Traced) in
    let results = try body(repeat each tensors)
    return tensorList(repeat each results)
  }
  return try CompiledClosure(closure, closure.function.optimized(), parameters: parameters) {
    var arrays = $0
    return (repeat (each Result).floats(arrays.removeFirst()))
  }
}

/// Compiles a closure that returns several tensors and computes in `Double`.
public func compile<each Source: ClosureInput, each Result: ClosureResult>(
  _ inputs: repeat each Source, as scalar: Double.Type, parameters: [String: HostArray] = [:],
  body: (repeat (each Source).Traced) throws -> (repeat each Result)
) throws -> CompiledClosure<(repeat (each Result).Doubles), repeat (each Source).Doubles> {
  let closure = try TracedClosure(repeat each inputs, dtype: .f64) {
    (tensors: repeat (each Source).Traced) in
    let results = try body(repeat each tensors)
    return tensorList(repeat each results)
  }
  return try CompiledClosure(closure, closure.function.optimized(), parameters: parameters) {
    var arrays = $0
    return (repeat (each Result).doubles(arrays.removeFirst()))
  }
}

private func tensorList<each Result: ClosureResult>(_ results: repeat each Result) -> [Tensor] {
  var list: [Tensor] = []
  for result in repeat each results { list.append(result.tensor) }
  return list
}

extension ParameterHolder {
  /// Compiles a closure that may use the modules; their parameters have the values of now.
  ///
  ///     let score = try flow.compile(.rows("x", 5), .rows("c", 8)) { x, c in flow(c).logProb(x) }
  ///     let logProb = try score(x, c)
  ///
  /// After training, compile again, which takes the code from the cache, or use `with(parameters:)`.
  public func compile<each Source: ClosureInput>(
    _ inputs: repeat each Source, as scalar: Float.Type = Float.self,
    body: (repeat (each Source).Traced) throws -> Tensor
  ) throws -> CompiledClosure<[Float], repeat (each Source).Floats> {
    try Flows.compile(repeat each inputs, parameters: values, body: body)
  }

  /// Compiles a closure that may use the modules and computes in `Double`.
  public func compile<each Source: ClosureInput>(
    _ inputs: repeat each Source, as scalar: Double.Type,
    body: (repeat (each Source).Traced) throws -> Tensor
  ) throws -> CompiledClosure<[Double], repeat (each Source).Doubles> {
    try Flows.compile(repeat each inputs, as: scalar, parameters: values, body: body)
  }

  /// Compiles a closure that may use the modules and returns several tensors.
  public func compile<each Source: ClosureInput, each Result: ClosureResult>(
    _ inputs: repeat each Source, as scalar: Float.Type = Float.self,
    body: (repeat (each Source).Traced) throws -> (repeat each Result)
  ) throws -> CompiledClosure<(repeat (each Result).Floats), repeat (each Source).Floats> {
    try Flows.compile(repeat each inputs, parameters: values, body: body)
  }

  /// Compiles a closure that may use the modules, returns several tensors and computes in `Double`.
  public func compile<each Source: ClosureInput, each Result: ClosureResult>(
    _ inputs: repeat each Source, as scalar: Double.Type,
    body: (repeat (each Source).Traced) throws -> (repeat each Result)
  ) throws -> CompiledClosure<(repeat (each Result).Doubles), repeat (each Source).Doubles> {
    try Flows.compile(repeat each inputs, as: scalar, parameters: values, body: body)
  }
}
