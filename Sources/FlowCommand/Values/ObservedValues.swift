import FlowIR
import FlowPasses
import FlowRuntime
import Flows

/// What the values of a function are on some rows: computed by the interpreter in float64, and by compiled
/// code in the function's own type.
struct ObservedValues {
  /// What one value is, over all its elements and rows.
  struct Observation {
    let value: Value
    let opcode: Opcode
    let scope: String
    /// Whether it depends on constants alone.
    let isConstant: Bool
    /// The smallest and largest finite element in float64; nil if there is none.
    let range: ClosedRange<Double>?
    /// The row of the first NaN, and of the first infinity, in float64 or in compiled code; 0 for a value
    /// without rows.
    let nan: Int?
    let infinity: Int?
    /// The largest difference between the two, as a share of the largest magnitude.
    let error: Double
    /// The elements in float64, rows first.
    let elements: InterpreterTensor
  }

  let function: Function
  private(set) var observations: [Observation] = []

  /// Runs a function twice, with every float that it computes outside of regions as a result.
  ///
  /// - Throws: `TypeError`, `InterpreterError` or `RuntimeError` if it can't be run.
  init(_ function: Function, of model: Model, inputs: [String: [Double]], rows: Int) throws {
    self.function = function
    let observed = function.operations.flatMap { operation in
      operation.results.filter { function.type(of: $0).dtype.isFloat }.map { (operation, $0) }
    }
    let builder = FunctionBuilder(name: function.name)
    var map: [Value: Value] = [:]
    builder.copyArguments(of: function, into: &map)
    for operation in function.operations {
      try builder.copy(operation, of: function, mapping: &map)
    }
    let results = observed.enumerated().map { index, item in
      FunctionResult(name: "observed.\(index)", value: map[item.1] ?? item.1)
    }
    let all = builder.finish(results: results)
    var arguments = inputs
    var arrays: [String: HostArray] = [:]
    for argument in all.arguments {
      let type = all.type(of: argument.value)
      if let values = inputs[argument.name] {
        let shape = (type.hasRows ? [rows] : []) + type.shape
        arrays[argument.name] =
          type.dtype == .f64
          ? HostArray(values, shape: shape) : HostArray(values.map(Float.init), shape: shape)
      } else if let array = model.values[argument.name] {
        arguments[argument.name] = array.doubles
      }
    }
    let exact = try Interpreter.run(all, arguments, rows: rows)
    let compiled = try CompiledFunction(OptimizedFunction.withoutPasses(all))
      .bind(model.values)(arrays, rows: rows)
    let constant = Self.constants(function)
    for (index, item) in observed.enumerated() {
      guard let elements = exact["observed.\(index)"],
        let numbers = compiled["observed.\(index)"]?.doubles
      else { continue }
      observations.append(
        Observation(
          item.1, item.0, elements, numbers, function.type(of: item.1).hasRows ? rows : 1,
          isConstant: constant.contains(item.1)))
    }
  }

  /// The values that depend on constants alone; a NaN or an infinity among them is meant.
  private static func constants(_ function: Function) -> Set<Value> {
    var known: Set<Value> = []
    for operation in function.operations where operation.regions.isEmpty {
      if operation.opcode.traits.kind == .constant
        || (!operation.operands.isEmpty && operation.operands.allSatisfy(known.contains))
      {
        known.formUnion(operation.results)
      }
    }
    return known
  }

  /// The first value that is computed from arguments and fulfils a condition.
  func first(_ condition: (Observation) -> Bool) -> Observation? {
    observations.first { !$0.isConstant && condition($0) }
  }
}

extension ObservedValues.Observation {
  fileprivate init(
    _ value: Value, _ operation: TensorOperation, _ elements: InterpreterTensor,
    _ compiled: [Double],
    _ rows: Int, isConstant: Bool
  ) {
    self.isConstant = isConstant
    self.value = value
    opcode = operation.opcode
    scope = operation.scope.path
    self.elements = elements
    let columns = max(elements.values.count / max(rows, 1), 1)
    let both = zip(elements.values, compiled)
    func row(_ test: (Double) -> Bool) -> Int? {
      both.enumerated().first { test($0.element.0) || test($0.element.1) }.map {
        $0.offset / columns
      }
    }
    nan = row(\.isNaN)
    infinity = row(\.isInfinite)
    let finite = elements.values.filter(\.isFinite)
    range = finite.min().flatMap { low in finite.max().map { low...$0 } }
    let largest = finite.reduce(0) { max($0, abs($1)) }
    let difference = both.reduce(0.0) { worst, pair in
      pair.0.isFinite && pair.1.isFinite ? max(worst, abs(pair.0 - pair.1)) : worst
    }
    error = largest > 0 ? difference / largest : difference
  }
}
