import FlowIR
import FlowPasses
import FlowRuntime

/// A closure over tensors in machine code: a function of arrays, which `compile` makes.
///
///     let score = try flow.compile(.rows("x", 5), .rows("c", 8)) { x, c in flow(c).logProb(x) }
///     let logProb = try score(x, c)                       // x, c: Rows<Float>; logProb: [Float]
///     let slope = try gradient(of: score)
///     let (value, (dx, dc)) = try slope(x, c)             // dx, dc: Rows<Float>
///
/// It takes `Rows` for an input `.rows`, an array for `.uniform` and a number for `.seed`. It gives an array for
/// each tensor that the closure returned, in row-major order. Parameters have the values of when it was
/// compiled. Calls may overlap, and results have the same bits at any number of threads.
public struct CompiledClosure<Output: Sendable, each Argument: ClosureArgument>: Sendable {
  let closure: TracedClosure
  let compiled: CompiledFunction
  let bound: BoundFunction
  let output: @Sendable ([HostArray]) -> Output

  init(
    _ closure: TracedClosure, _ function: OptimizedFunction, parameters: [String: HostArray],
    output: @escaping @Sendable ([HostArray]) -> Output
  ) throws(RuntimeError) {
    try self.init(closure, CompiledFunction(function), parameters: parameters, output: output)
  }

  private init(
    _ closure: TracedClosure, _ compiled: CompiledFunction, parameters: [String: HostArray],
    output: @escaping @Sendable ([HostArray]) -> Output
  ) throws(RuntimeError) {
    var closure = closure
    closure.parameters = parameters
    self.closure = closure
    self.compiled = compiled
    bound = try compiled.bind(parameters)
    self.output = output
  }

  /// The same closure with other values of its parameters; nothing is compiled again.
  ///
  /// - Throws: `RuntimeError` if one is missing or has another shape.
  public func with(
    parameters: [String: HostArray]
  ) throws(RuntimeError) -> CompiledClosure<Output, repeat each Argument> {
    try CompiledClosure(closure, compiled, parameters: parameters, output: output)
  }

  /// Calls the function.
  ///
  /// - Parameters:
  ///   - arguments: one for each input, in order; all tables have as many rows.
  ///   - rows: how many rows there are; only needed by a closure without an input of rows, such as one
  ///     that draws samples.
  ///   - threads: how many threads to use; one per processor if nil.
  /// - Throws: `RuntimeError` for an argument that does not fit its input.
  public func callAsFunction(
    _ arguments: repeat each Argument, rows: Int? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> Output {
    guard threads ?? 1 > 0 else { throw .callFailed("\(threads ?? 0) threads; use 1 or more") }
    var arrays: [String: HostArray] = [:]
    var count = rows
    var index = 0
    for argument in repeat each arguments {
      let input = closure.inputs[index]
      index += 1
      let shape = input.type(closure.dtype).shape
      if let given = argument.rowCount {
        guard given == count ?? given else {
          throw .shape(
            argument: input.name, found: [given] + shape, expected: [count ?? given] + shape)
        }
        count = given
      }
      arrays[input.name] = try argument.array(input.name, shape: shape)
    }
    let results = try bound(arrays, rows: checked(count), threads: threads)
    return output(closure.results.compactMap { results[$0] })
  }

  /// The number of rows of a call, 1 for a function of uniform values.
  private func checked(_ rows: Int?) throws(RuntimeError) -> Int {
    let function = compiled.function
    let largest = function.types.filter(\.hasRows).map(\.elementCount).max()
    guard let rows else {
      guard largest == nil else {
        throw .callFailed("no input of the closure has rows; say how many with rows:")
      }
      return 1
    }
    guard rows >= 0, rows <= Int.max / (16 * Swift.max(largest ?? 1, 1)) else {
      throw .callFailed("a closure can't be called with \(rows) rows")
    }
    return rows
  }
}

/// The gradient of a compiled closure that returns one number for each row, or one in all.
///
/// A call gives the closure's value and the gradient with respect to each argument: `Rows` for `Rows`, an array
/// for an array, `Void` for a seed. For a number of each row, a row's gradient is that of its own number,
/// and the gradient with respect to what all rows share is summed over the rows.
///
/// - Throws: `GradientError.notScalar` if the closure returns anything else, `RuntimeError` if there is no
///   compiler.
public func gradient<Scalar: FlowScalar, each Argument: ClosureArgument>(
  of closure: CompiledClosure<[Scalar], repeat each Argument>
) throws -> CompiledClosure<
  (value: [Scalar], gradient: (repeat (each Argument).Gradient)), repeat each Argument
> {
  var traced = closure.closure
  let dtype = traced.dtype
  let (inputs, result) = (traced.inputs, traced.results[0])
  let slopes = inputs.filter { $0.type(dtype).dtype.isFloat }.map(\.name)
  traced.results = [result] + slopes.map { "grad." + $0 }
  let function = try traced.function.gradient(of: result, withRespectTo: slopes)
  return try CompiledClosure(traced, function, parameters: traced.parameters) { arrays in
    var (input, array) = (0, 1)
    func next() -> (HostArray?, [Int]) {
      let type = inputs[input].type(dtype)
      input += 1
      guard type.dtype.isFloat else { return (nil, []) }
      array += 1
      return (arrays[array - 1], type.shape)
    }
    func read<A: ClosureArgument>(_ type: A.Type) -> A.Gradient {
      let (array, shape) = next()
      return A.gradient(array, shape: shape)
    }
    return (Scalar.elements(arrays[0]), (repeat read((each Argument).self)))
  }
}
