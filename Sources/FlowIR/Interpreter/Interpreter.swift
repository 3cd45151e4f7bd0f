/// A value in the interpreter: doubles whatever the dtype (bools as 0 and 1), rows first, row-major.
public struct InterpreterTensor: Hashable, Sendable {
  /// The type.
  public var type: TensorType
  /// The elements: `rows * type.elementCount` of them for a row value.
  public var values: [Double]

  /// Makes a value.
  public init(type: TensorType, values: [Double]) {
    self.type = type
    self.values = values
  }
}

/// Why a function can't be interpreted with some arguments.
public enum InterpreterError: Error, Hashable, Sendable, CustomStringConvertible {
  /// An argument is missing.
  case missingArgument(String)
  /// An argument has the wrong number of elements.
  case wrongCount(argument: String, found: Int, expected: Int)

  /// An argument has an element that its type cannot hold.
  case wrongElement(argument: String, found: Double, dtype: DType)

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    switch self {
    case .missingArgument(let name): "argument '\(name)' is missing"
    case .wrongCount(let name, let found, let expected):
      "argument '\(name)' has \(found) elements, expected \(expected)"
    case .wrongElement(let name, let found, let dtype):
      "argument '\(name)' has the element \(found), expected \(dtype.domain) for \(dtype.rawValue)"
    }
  }
}

/// The meaning of the intermediate representation: one plain function per operation, in float64
/// whatever the function's float type.
public struct Interpreter {
  let function: Function
  let rows: Int
  private let firstRow: Int
  var values: [Value: InterpreterTensor] = [:]

  /// Runs a function on elements by argument name; gives the results by name.
  ///
  /// - Parameters:
  ///   - function: the function.
  ///   - arguments: their elements, row-major, by name.
  ///   - rows: the number of rows of all row values.
  ///   - firstRow: the index of the first row, which random numbers depend on.
  /// - Throws: `InterpreterError` for an argument that is missing, has the wrong number of elements, or
  ///   has an element that its type cannot hold.
  public static func run(
    _ function: Function, _ arguments: [String: [Double]], rows: Int, firstRow: Int = 0
  ) throws(InterpreterError) -> [String: InterpreterTensor] {
    var interpreter = Interpreter(function: function, rows: rows, firstRow: firstRow)
    for argument in function.arguments {
      guard let values = arguments[argument.name] else { throw .missingArgument(argument.name) }
      let type = function.type(of: argument.value)
      let count = Size.product([type.hasRows ? rows : 1, type.elementCount])
      guard values.count == count else {
        throw .wrongCount(argument: argument.name, found: values.count, expected: count)
      }
      if let wrong = values.first(where: { !type.dtype.holds($0) }) {
        throw .wrongElement(argument: argument.name, found: wrong, dtype: type.dtype)
      }
      interpreter.values[argument.value] = InterpreterTensor(type: type, values: values)
    }
    interpreter.run(function.operations)
    var results: [String: InterpreterTensor] = [:]
    for result in function.results { results[result.name] = interpreter.value(result.value) }
    return results
  }

  private init(function: Function, rows: Int, firstRow: Int) {
    self.function = function
    self.rows = rows
    self.firstRow = firstRow
  }

  func value(_ value: Value) -> InterpreterTensor {
    guard let found = values[value] else {
      preconditionFailure("value \(value.id) is used before it is defined; verify the function")
    }
    return found
  }

  mutating func run(_ operations: [TensorOperation]) {
    for operation in operations {
      if operation.opcode.isStructured {
        runStructured(operation)
        continue
      }
      let evaluation = Evaluation(
        operands: operation.operands.map(value), result: function.type(of: operation.result),
        rows: rows, firstRow: firstRow)
      values[operation.result] = InterpreterTensor(
        type: evaluation.result, values: evaluation.run(operation.opcode))
    }
  }

  private mutating func runStructured(_ operation: TensorOperation) {
    switch operation.opcode {
    case .autoregressiveInverse(let passes): runInverse(operation, passes: passes)
    case .odeSolve(let control, let isRecorded):
      runSolve(operation, control, isRecorded: isRecorded)
    case .odeAdjoint(let steps): runAdjoint(operation, steps: steps)
    case .monotoneRoot(let lower, let upper): runRoot(operation, lower: lower, upper: upper)
    case .quadrature(let nodes): runQuadrature(operation, nodes: nodes)
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd,
      .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve,
      .rowSum, .rowCount, .random:
      preconditionFailure("\(operation.opcode.name) has no regions")
    }
  }

  private mutating func runInverse(_ operation: TensorOperation, passes: Int) {
    let region = operation.regions[0]
    let argument = region.arguments[0]
    let type = function.type(of: argument)
    var x = InterpreterTensor(
      type: type, values: Array(repeating: 0, count: rows * type.elementCount))
    for pass in 0...passes {
      values[argument] = x
      run(region.operations)
      if pass < passes { x = value(region.results[0]) }
    }
    values[operation.results[0]] = x
    for (result, inner) in zip(operation.results, region.results).dropFirst() {
      values[result] = value(inner)
    }
  }
}
