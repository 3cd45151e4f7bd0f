import FlowIR

/// A function after optimization. Only this type can be compiled.
///
/// A function that has just been traced would compile to correct but slow code: masked weights would be
/// multiplied in full and common values computed repeatedly. It has another type, so that the Swift
/// compiler rejects a program that forgets the passes.
public struct OptimizedFunction: Hashable, Sendable {
  /// The function after the passes.
  public let function: Function

  /// Runs passes over a function; `Pipeline.standard` by default.
  ///
  /// - Throws: `TypeError` if a pass produces an operation whose types do not fit, which is a bug.
  public init(_ function: Function, passes: [Pass] = Pipeline.standard) throws(TypeError) {
    self.function = try Pipeline.run(passes, on: function)
  }

  private init(unchanged function: Function) { self.function = function }

  /// Wraps a function without running any pass, for callers that have run passes of their own and for
  /// tests of code generation.
  public static func withoutPasses(_ function: Function) -> OptimizedFunction {
    OptimizedFunction(unchanged: function)
  }

  /// The function's textual form.
  public var text: String { function.text }
}
