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
    let all = function.arguments.filter {
      $0.kind != .buffer && function.type(of: $0.value).dtype.isFloat
    }
    let both = try FlowPasses.gradient(
      of: optimized().function, result: result, withRespectTo: names ?? all.map(\.name))
    return try OptimizedFunction(both, passes: Pipeline.cleanup)
  }
}
