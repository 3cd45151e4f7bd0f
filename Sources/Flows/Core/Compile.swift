import FlowIR
import FlowRuntime

/// An input of a traced closure.
public struct Input: Sendable {
  let name: String
  let type: @Sendable (DType) -> TensorType

  /// One vector (or tensor) a row.
  public static func rows(_ name: String, _ shape: Int...) -> Input {
    Input(name: name) { .row(shape, $0) }
  }

  /// One tensor for all rows.
  public static func uniform(_ name: String, _ shape: Int...) -> Input {
    Input(name: name) { .uniform(shape, $0) }
  }

  /// The seed of random numbers.
  public static func seed(_ name: String = "seed") -> Input {
    Input(name: name) { _ in .uniform([2], .i32) }
  }

  private init(name: String, type: @escaping @Sendable (DType) -> TensorType) {
    self.name = name
    self.type = type
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
/// The results are named `result` and `grad.NAME`. The closure gives a scalar: uniform, such as a
/// mean over rows, or one a row; then the gradient is that of the sum over rows, so that each row
/// of a row input has its own.
///
///     let slope = try compileGradient([.rows("x", 5)], withRespectTo: ["x"]) { inputs in
///       flow(nil).logProb(inputs[0])
///     }
///
/// - Parameters:
///   - inputs: the closure's inputs, in order.
///   - names: inputs and parameters to differentiate with respect to; all if nil.
///   - dtype: the float type to compute in.
///   - body: gives the scalar.
/// - Throws: `GradientError` for names that do not exist, `RuntimeError` if there is no compiler.
public func compileGradient(
  _ inputs: [Input], withRespectTo names: [String]? = nil, dtype: DType = .f32,
  _ body: ([Tensor]) -> Tensor
) throws -> CompiledFunction {
  try CompiledFunction(
    trace(inputs, dtype: dtype) { [("result", body($0))] }
      .gradient(of: "result", withRespectTo: names))
}

/// Traces, optimizes and compiles a closure of one tensor; its result is named `result`.
///
/// - Throws: `RuntimeError` if there is no compiler.
public func compile(
  _ input: Input, dtype: DType = .f32, _ body: (Tensor) -> Tensor
) throws -> CompiledFunction {
  try CompiledFunction(trace([input], dtype: dtype) { [("result", body($0[0]))] }.optimized())
}

/// Traces, optimizes and compiles a closure of two tensors; its result is named `result`.
///
///     let loss = try compile(.rows("x", 5), .rows("c", 8)) { x, c in
///       -flow(c).logProb(x).mean()
///     }
///
/// - Throws: `RuntimeError` if there is no compiler.
public func compile(
  _ first: Input, _ second: Input, dtype: DType = .f32, _ body: (Tensor, Tensor) -> Tensor
) throws -> CompiledFunction {
  try CompiledFunction(
    trace([first, second], dtype: dtype) { [("result", body($0[0], $0[1]))] }.optimized())
}
