import FlowIR
import FlowPasses

/// A function recorded from a closure, not yet optimized.
///
/// It cannot be compiled as it is: `optimized()` and `gradient(of:withRespectTo:)` give the
/// `OptimizedFunction` that `CompiledFunction` takes.
public struct TracedFunction: Hashable, Sendable {
  /// The recorded function.
  public let function: Function

  /// Wraps a function that was built by other means than tracing.
  public init(_ function: Function) { self.function = function }

  /// The function's textual form.
  public var text: String { function.text }

  /// The function after the standard passes.
  ///
  /// - Throws: `TypeError` if a pass produces an operation whose types do not fit, which is a bug.
  public func optimized() throws(TypeError) -> OptimizedFunction { try OptimizedFunction(function) }

  /// The optimized function with further results: the gradient of one result with respect to each of
  /// the named arguments, called `grad.NAME`.
  ///
  /// - Parameters:
  ///   - result: the name of a scalar result. If each row has its own, the sum over rows is
  ///     differentiated.
  ///   - names: the arguments to differentiate with respect to; nil for all inputs and parameters of
  ///     a float type.
  /// - Throws: `GradientError` for names that do not exist or a result that is not a scalar.
  public func gradient(
    of result: String, withRespectTo names: [String]? = nil
  ) throws -> OptimizedFunction {
    try gradient(of: result, withRespectTo: names, passes: Pipeline.cleanup)
  }

  /// The same with other passes after differentiation, for callers that go on to change the function.
  func gradient(
    of result: String, withRespectTo names: [String]? = nil, passes: [Pass]
  ) throws -> OptimizedFunction {
    let all = function.arguments.filter {
      $0.kind != .buffer && function.type(of: $0.value).dtype.isFloat
    }
    let both = try FlowPasses.gradient(
      of: optimized().function, result: result, withRespectTo: names ?? all.map(\.name))
    return try OptimizedFunction(both, passes: passes)
  }
}

/// Traces a closure over tensors to a function with named results, not yet optimized.
///
/// Parameters of modules that the closure uses become arguments under their names.
public func trace(
  _ inputs: [Input], name: String = "main", dtype: DType = .f32, parametersAreInputs: Bool = false,
  _ body: ([Tensor]) throws -> [(String, Tensor)]
) rethrows -> TracedFunction {
  let trace = Trace(name: name, dtype: dtype, parametersAreInputs: parametersAreInputs)
  return try trace {
    let tensors = inputs.map { input in
      let value = trace.builder.argument(input.name, input.type(dtype))
      return Tensor(trace, value)
    }
    return TracedFunction(trace.finish(try body(tensors).map { (name: $0.0, tensor: $0.1) }))
  }
}

/// Traces, optimizes and compiles a closure together with its gradient.
///
/// The results are named `result` and `grad.NAME`. The closure returns a scalar: either one for all rows,
/// such as a mean, or one for each row. In the second case the sum over rows is differentiated, so that the
/// gradient with respect to a row input is each row's own.
///
///     let slope = try compileGradient([.rows("x", 5)], withRespectTo: ["x"]) { inputs in
///       flow(nil).logProb(inputs[0])
///     }
///
/// - Parameters:
///   - inputs: the closure's inputs, in order.
///   - names: inputs and parameters to differentiate with respect to; all if nil.
///   - dtype: the float type to compute in.
///   - body: returns the scalar.
/// - Throws: `GradientError` for names that do not exist, `RuntimeError` if there is no compiler.
public func compileGradient(
  _ inputs: [Input], withRespectTo names: [String]? = nil, dtype: DType = .f32,
  _ body: ([Tensor]) -> Tensor
) throws -> CompiledFunction {
  try CompiledFunction(
    trace(inputs, dtype: dtype) { [("result", body($0))] }
      .gradient(of: "result", withRespectTo: names))
}
