import FlowIR

/// One transformation of functions, by name.
public struct Pass: Sendable {
  /// The name, as `flowir opt --pass` takes it.
  public let name: String
  /// What it does, in a sentence.
  public let summary: String
  private let body: @Sendable (Function) throws(TypeError) -> Function

  /// Makes a pass from a closure that gives the changed function.
  public init(
    name: String, summary: String,
    _ body: @escaping @Sendable (Function) throws(TypeError) -> Function
  ) {
    self.name = name
    self.summary = summary
    self.body = body
  }

  /// Applies the pass.
  ///
  /// - Throws: `TypeError` if the pass is wrong for the function.
  public func callAsFunction(_ function: Function) throws(TypeError) -> Function {
    try body(function)
  }
}
