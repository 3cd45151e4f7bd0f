import FlowIR

/// One transformation of functions, by name.
public struct Pass: Sendable {
  /// The name, as `flowir opt --pass` takes it.
  public let name: String
  /// What it does, in a sentence.
  public let summary: String
  private let body: @Sendable (Function, RewriteBudget) throws(TypeError) -> Function

  /// Makes a pass from a closure that gives the changed function; it asks the budget before each
  /// change.
  public init(
    name: String, summary: String,
    _ body: @escaping @Sendable (Function, RewriteBudget) throws(TypeError) -> Function
  ) {
    self.name = name
    self.summary = summary
    self.body = body
  }

  /// Applies the pass, as far as the budget allows.
  ///
  /// - Throws: `TypeError` if the pass is wrong for the function.
  public func callAsFunction(
    _ function: Function, budget: RewriteBudget = RewriteBudget()
  ) throws(TypeError) -> Function {
    try body(function, budget)
  }
}
