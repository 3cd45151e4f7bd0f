import FlowIR
import Foundation

/// A compiled function with its parameters packed.
///
/// The parameters are copied; changing them means binding anew. Calls from several threads may
/// overlap.
public final class BoundFunction: @unchecked Sendable {
  /// The compiled function.
  public let compiled: CompiledFunction
  private let state: UnsafeMutableRawPointer
  private let parameters: [Int: AlignedBytes]

  init(_ compiled: CompiledFunction, parameters: [String: HostArray], threads: Int)
    throws(RuntimeError)
  {
    self.compiled = compiled
    var stored: [Int: AlignedBytes] = [:]
    for (index, argument) in compiled.function.arguments.enumerated()
    where argument.kind != .input {
      stored[index] = try Self.bytes(of: argument, in: parameters, compiled, rows: nil)
    }
    self.parameters = stored
    // Products of one row may read a line beyond.
    state = .allocate(byteCount: compiled.stateBytes + 64, alignment: 64)
    let pointers = compiled.function.arguments.indices.map { stored[$0]?.pointer.constant }
    pointers.withUnsafeBufferPointer { buffer in
      if let base = buffer.baseAddress {
        compiled.prepare(base, state, CompiledFunction.threadCount(threads))
      }
    }
  }

  deinit { state.deallocate() }

  /// Calls the function; the results are by name.
  ///
  /// The grouped input, if there is one, has a row for each group of rows, which are of one size.
  ///
  /// - Throws: `RuntimeError` for missing or mis-shaped inputs, or if memory runs out.
  public func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int = 0, threads: Int? = nil
  ) throws(RuntimeError) -> [String: HostArray] {
    let function = compiled.function
    let groups = try groupCount(inputs, rows: rows)
    var held: [AlignedBytes] = []
    var arguments: [UnsafeRawPointer?] = []
    for (index, argument) in function.arguments.enumerated() {
      if let parameter = parameters[index] {
        arguments.append(UnsafeRawPointer(parameter.pointer))
        continue
      }
      let count = index == compiled.groupedInput ? groups : rows
      let bytes = try Self.bytes(of: argument, in: inputs, compiled, rows: count)
      held.append(bytes)
      arguments.append(UnsafeRawPointer(bytes.pointer))
    }
    let size = compiled.dtype.byteCount
    let results = function.results.map { result in
      let type = function.type(of: result.value)
      return AlignedBytes(count: (type.hasRows ? rows : 1) * type.elementCount * size)
    }
    try call(
      arguments: arguments, results: results.map { $0.pointer }, rows: rows, firstRow: firstRow,
      groupSize: groups > 0 ? rows / groups : 1, threads: threads)
    // The arguments' memory must outlive the call.
    withExtendedLifetime(held) {}
    var named: [String: HostArray] = [:]
    for (result, bytes) in zip(function.results, results) {
      let type = function.type(of: result.value)
      let shape = (type.hasRows ? [rows] : []) + type.shape
      named[result.name] = bytes.array(shape: shape, dtype: compiled.dtype)
    }
    return named
  }

  /// Calls the function on memory of the caller's: one pointer for each argument and result, in
  /// order; those of parameters are not used. Arrays are row-major in the function's float type. A row of
  /// the grouped input, if there is one, serves `groupSize` consecutive rows. `numbers` has the number of each
  /// row in a sample; if it is nil, they are consecutive from `firstRow` on.
  ///
  /// - Throws: `RuntimeError.outOfMemory`.
  public func call(
    arguments: [UnsafeRawPointer?], results: [UnsafeMutableRawPointer?], rows: Int,
    firstRow: Int = 0, numbers: UnsafePointer<Int64>? = nil, groupSize: Int = 1,
    threads: Int? = nil
  ) throws(RuntimeError) {
    var arguments = arguments
    for (index, parameter) in parameters { arguments[index] = UnsafeRawPointer(parameter.pointer) }
    let count = CompiledFunction.threadCount(threads)
    let status = withUnsafePointer(to: Int64(groupSize)) { size in
      if compiled.groupedInput != nil { arguments.append(UnsafeRawPointer(size)) }
      if compiled.drawsRows { arguments.append(numbers.map { UnsafeRawPointer($0) }) }
      return arguments.withUnsafeBufferPointer { inputs in
        results.withUnsafeBufferPointer { outputs -> Int32 in
          guard let inputs = inputs.baseAddress, let outputs = outputs.baseAddress else { return 0 }
          return compiled.run(inputs, outputs, state, Int64(rows), Int64(firstRow), count)
        }
      }
    }
    if status != 0 { throw .outOfMemory }
  }

  /// How many groups the rows are in: as many as the grouped input has rows.
  private func groupCount(
    _ inputs: [String: HostArray], rows: Int
  ) throws(RuntimeError) -> Int {
    guard let index = compiled.groupedInput else { return rows }
    let name = compiled.function.arguments[index].name
    guard let array = inputs[name] else { throw .missingArgument(name) }
    guard let count = array.shape.first, count == rows || count > 0 && rows % count == 0 else {
      let type = compiled.function.type(of: compiled.function.arguments[index].value)
      throw .shape(argument: name, found: array.shape, expected: [rows] + type.shape)
    }
    return count
  }

  private static func bytes(
    of argument: FunctionArgument, in arrays: [String: HostArray], _ compiled: CompiledFunction,
    rows: Int?
  ) throws(RuntimeError) -> AlignedBytes {
    guard let array = arrays[argument.name] else { throw .missingArgument(argument.name) }
    let type = compiled.function.type(of: argument.value)
    let expected = (type.hasRows ? [rows ?? 0] : []) + type.shape
    guard array.shape == expected else {
      throw .shape(argument: argument.name, found: array.shape, expected: expected)
    }
    switch type.dtype {
    case .f32: return AlignedBytes(array.floats)
    case .f64: return AlignedBytes(array.doubles)
    case .i32, .bool: return AlignedBytes(try array.integers(of: argument.name))
    }
  }
}

/// Memory aligned to cache lines.
final class AlignedBytes: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer
  let count: Int

  init(count: Int) {
    self.count = count
    pointer = .allocate(byteCount: max(count, 64), alignment: 64)
  }

  convenience init<Element>(_ values: [Element]) {
    self.init(count: values.count * MemoryLayout<Element>.stride)
    values.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { pointer.copyMemory(from: base, byteCount: bytes.count) }
    }
  }

  deinit { pointer.deallocate() }

  func array(shape: [Int], dtype: DType) -> HostArray {
    func values<Element>(_ type: Element.Type) -> [Element] {
      let total = shape.reduce(1, *)
      let typed = pointer.bindMemory(to: Element.self, capacity: total)
      return Array(UnsafeBufferPointer(start: typed, count: total))
    }
    return dtype == .f64
      ? HostArray(values(Double.self), shape: shape) : HostArray(values(Float.self), shape: shape)
  }
}

extension UnsafeMutableRawPointer {
  fileprivate var constant: UnsafeRawPointer { UnsafeRawPointer(self) }
}
