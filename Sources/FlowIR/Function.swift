/// A function: named arguments, operations in order, named results.
///
/// Values are numbered within the function, regions included; `types[value.id]` is a value's type.
public struct Function: Hashable, Sendable {
  /// The name, without the `@` of the text form.
  public var name: String
  /// The arguments in calling order.
  public var arguments: [FunctionArgument]
  /// The operations, each after those that define its operands.
  public var operations: [TensorOperation]
  /// The results in calling order.
  public var results: [FunctionResult]
  /// The type of every value, by identifier.
  public var types: [TensorType]

  /// Makes a function; `FunctionBuilder` is the usual way.
  public init(
    name: String, arguments: [FunctionArgument], operations: [TensorOperation],
    results: [FunctionResult],
    types: [TensorType]
  ) {
    self.name = name
    self.arguments = arguments
    self.operations = operations
    self.results = results
    self.types = types
  }

  /// The type of a value.
  public func type(of value: Value) -> TensorType { types[value.id] }

  /// The arguments whose next values are results, by the index of the result: a result with the name
  /// and the type of an argument is that argument's value after the call. A training step has one for
  /// each tensor that it trains.
  public var nextValues: [Int: FunctionArgument] {
    let named = Dictionary(arguments.map { ($0.name, $0) }) { first, _ in first }
    var found: [Int: FunctionArgument] = [:]
    for (number, result) in results.enumerated() {
      guard let argument = named[result.name] else { continue }
      if type(of: argument.value) == type(of: result.value) { found[number] = argument }
    }
    return found
  }
}

/// An argument of a function.
public struct FunctionArgument: Hashable, Sendable {
  /// What an argument is for.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Data that changes from call to call.
    case input
    /// A trainable tensor of the model, under its checkpoint name.
    case parameter
    /// A tensor of the model that is not trained, under its checkpoint name.
    case buffer
  }

  /// The name: `x`, or a checkpoint name such as `transform.transforms.0.hyper.0.weight`.
  public var name: String
  /// The value that the body uses.
  public var value: Value
  /// What it is for.
  public var kind: Kind

  /// Makes an argument.
  public init(name: String, value: Value, kind: Kind) {
    self.name = name
    self.value = value
    self.kind = kind
  }
}

/// A named result of a function.
public struct FunctionResult: Hashable, Sendable {
  /// The name, such as `log_prob`.
  public var name: String
  /// The value returned.
  public var value: Value

  /// Makes a result.
  public init(name: String, value: Value) {
    self.name = name
    self.value = value
  }
}

/// Functions in one text file.
public struct Module: Hashable, Sendable {
  /// The functions, in order.
  public var functions: [Function]

  /// Makes a module.
  public init(functions: [Function] = []) { self.functions = functions }

  /// The function with a name, if there is one.
  public func function(named name: String) -> Function? {
    functions.first { $0.name == name }
  }
}
