import FlowIR
import FlowRuntime

/// A recorded closure with the order of its inputs and results.
struct TracedClosure: Sendable {
  var function: TracedFunction
  var inputs: [Input]
  /// The names of the results that a call gives, in order.
  var results: [String]
  var dtype: DType
  /// The values of the parameters.
  var parameters: [String: HostArray] = [:]

  /// Records a closure; its results are named `result`, or `result1`, `result2` and so on.
  ///
  /// - Throws: `FlowError.invalid` for names or sizes of inputs that can't be, and what the closure throws.
  init<each Source: ClosureInput>(
    _ inputs: repeat each Source, dtype: DType,
    body: (repeat (each Source).Traced) throws -> [Tensor]
  ) throws {
    var list: [Input] = []
    for input in repeat each inputs { list.append(input.input) }
    try Input.check(list, dtype: dtype)
    let trace = Trace(name: "main", dtype: dtype)
    var names: [String] = []
    let function = try trace {
      let tensors = try body(repeat (each inputs).tensor(in: trace))
      names =
        tensors.count == 1 ? ["result"] : (1..<tensors.count + 1).map { "result\($0)" }
      return trace.finish(zip(names, tensors).map { (name: $0, tensor: $1) })
    }
    for input in list where trace.usedParameters.contains(where: { $0.name == input.name }) {
      throw FlowError.invalid(
        place: "inputs of a closure", found: "an input '\(input.name)', as a parameter is called",
        expected: "another name")
    }
    for result in function.results where !function.type(of: result.value).dtype.isFloat {
      throw FlowError.invalid(
        place: "\(result.name) of a closure", found: "\(function.type(of: result.value))",
        expected: "floats; convert it with converted(to:)")
    }
    self.function = TracedFunction(function)
    self.inputs = list
    results = names
    self.dtype = dtype
  }
}

extension Input {
  /// Makes sure that the inputs have names of their own, and sizes that a tensor may have.
  static func check(_ inputs: [Input], dtype: DType) throws(FlowError) {
    var names: Set<String> = []
    for input in inputs {
      func wrong(_ found: String, _ expected: String) -> FlowError {
        .invalid(place: "inputs of a closure", found: found, expected: expected)
      }
      guard !input.name.isEmpty else { throw wrong("an empty name", "a name for each input") }
      guard names.insert(input.name).inserted else {
        throw wrong("two inputs named '\(input.name)'", "a name of its own for each input")
      }
      let shape = input.type(dtype).shape
      guard shape.allSatisfy({ $0 > 0 }), FlowIR.Size.product(shape) <= FlowIR.Size.maximumElements
      else {
        throw wrong(
          "'\(input.name)' of shape \(shape)",
          "sizes from 1, and at most \(FlowIR.Size.maximumElements) elements")
      }
    }
  }
}
