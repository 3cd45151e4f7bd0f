import FlowIR
import FlowPasses
import Foundation
import Testing

@testable import FlowRuntime

/// Products of layers, with the blocks and loops of each processor that this machine can run.
@Suite struct ProductTests {
  /// Processors whose products differ.
  private static let processors = [TargetCPU.native] + TargetCPU.runnable

  /// Numbers of inputs around those that a loop takes at a time, and around those that a first cache holds.
  private static let inputs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 127, 128, 129, 131]

  /// Whole numbers so small that every sum is exact.
  @Test(
    "products of any number of inputs and outputs are exact where their sums are",
    arguments: processors, [DType.f32, .f64])
  func exact(cpu: TargetCPU, dtype: DType) throws {
    let most = Self.inputs.max() ?? 0
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([most], dtype))
    var results: [FunctionResult] = []
    for count in Self.inputs {
      let seen = try builder.emit(.slice(axis: 0, start: most - count, end: most), x)
      // Panels of every number of outputs from one to six.
      for outputs in [1, 2, 3, 10, 17] {
        let w = try builder.emit(
          .constant(
            Literal(
              (0..<outputs * count).map { Double($0 * 7 % 11 - 5) }, shape: [outputs, count],
              dtype: dtype)))
        let y = try builder.emit(.linear(nil), seen, w)
        results.append(FunctionResult(name: "y\(count)_\(outputs)", value: y))
      }
    }
    let function = builder.finish(results: results)
    let compiled = try CompiledFunction(.withoutPasses(function), cpu: cpu)
    for rows in [1, 5, 70] {
      let values = (0..<rows * most).map { Double($0 * 5 % 13 - 6) }
      let exact = try Interpreter.run(function, ["x": values], rows: rows)
      let found = try compiled(["x": HostArray(values, shape: [rows, most])], rows: rows)
      for result in results {
        #expect(
          found[result.name]?.doubles == exact[result.name]?.values,
          "\(result.name) of \(rows) rows for \(cpu.rawValue)")
      }
    }
  }

  /// Compares a compiled function of `inputs` small whole numbers with the interpreter, for several numbers of rows in
  /// one of which the input at `missing` is NaN.
  private static func compare(
    _ function: Function, inputs: Int, missing: Int, _ cpu: TargetCPU
  ) throws {
    let compiled = try CompiledFunction(.withoutPasses(function), cpu: cpu)
    for rows in [1, 5, 70] {
      var values = (0..<rows * inputs).map { Double($0 * 5 % 13 - 6) }
      values[rows / 2 * inputs + missing] = .nan
      let exact = try Interpreter.run(function, ["x": values], rows: rows)
      let found = try compiled(["x": HostArray(values, shape: [rows, inputs])], rows: rows)
      for result in function.results {
        let pairs = zip(
          try #require(found[result.name]?.doubles), try #require(exact[result.name]?.values))
        let isSame = pairs.allSatisfy { found, exact in
          if exact.isNaN || found.isNaN { return exact.isNaN && found.isNaN }
          return exact >= 0 ? found == exact : abs(found - exact) <= 1e-6 * abs(exact)
        }
        #expect(isSame, "\(result.name) of \(rows) rows for \(cpu.rawValue)")
      }
    }
  }

  /// Masks of 48 outputs, as many of which as said see the same of 400 inputs, which the first cache does not hold:
  /// the first ones, ever more or ever fewer, so that the next panel's go on alone or stop early; the last ones, which
  /// start apart; and runs whose lengths differ so much that panels do not go together.
  private static func masks(alike: Int) -> [(name: String, mask: Mask)] {
    let steps = 48 / alike
    func mask(_ name: String, _ run: (Int) -> Range<Int>) -> (String, Mask) {
      var bits = [Bool](repeating: false, count: 48 * 400)
      for row in 0..<48 { for i in run(row / alike) { bits[row * 400 + i] = true } }
      return (name, Mask(rows: 48, columns: 400, bits: bits))
    }
    return [
      mask("more") { 0..<$0 * 400 / steps },
      mask("fewer") { 0..<400 - $0 * 400 / steps },
      mask("last") { 399 - $0 * 400 / steps..<400 },
      mask("uneven") { 0..<($0 % 3 == 1 ? 70 : 215 - $0 % 2) },
    ]
  }

  /// Small whole numbers again; a row in which one input is NaN shows that no other output reads it.
  @Test(
    "panels of few outputs read far inputs together, and each sees only its own",
    arguments: processors, [DType.f32, .f64])
  func together(cpu: TargetCPU, dtype: DType) throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([400], dtype))
    let w = try builder.emit(
      .constant(
        Literal(
          (0..<48 * 400).map { Double($0 * 7 % 11 - 5) }, shape: [48, 400], dtype: dtype)))
    var results: [FunctionResult] = []
    for alike in [1, 2, 3, 4] {
      for (name, mask) in Self.masks(alike: alike) {
        let y = try builder.emit(.linear(mask), x, w)
        results.append(FunctionResult(name: "\(name)\(alike)", value: y))
        // An epilogue of many instructions comes after the products.
        let e = try builder.emit(.unary(.elu), try builder.emit(.linear(mask), x, w))
        results.append(FunctionResult(name: "\(name)\(alike)_elu", value: e))
      }
    }
    try Self.compare(builder.finish(results: results), inputs: 400, missing: 215, cpu)
  }

  /// Masks of 40 outputs and 9 inputs, as many outputs of which as said see the same run of inputs: of the first, the
  /// last, or some in between, from none to all.
  private static func shortMasks(alike: Int) -> [(name: String, mask: Mask)] {
    func mask(_ name: String, _ run: (Int) -> Range<Int>) -> (String, Mask) {
      var bits = [Bool](repeating: false, count: 40 * 9)
      for row in 0..<40 { for i in run(row / alike) { bits[row * 9 + i] = true } }
      return (name, Mask(rows: 40, columns: 9, bits: bits))
    }
    return [
      mask("first") { 0..<$0 % 10 }, mask("last") { 9 - $0 % 10..<9 },
      mask("between") { $0 % 4..<$0 % 4 + 1 + $0 % 6 },
    ]
  }

  /// Small whole numbers, with biases; a row in which one input is NaN shows that no other output reads it.
  @Test(
    "panels of few inputs see all of their own and no others", arguments: processors,
    [DType.f32, .f64])
  func fewInputs(cpu: TargetCPU, dtype: DType) throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([9], dtype))
    func constant(_ count: Int, shape: [Int]) throws -> Value {
      try builder.emit(
        .constant(
          Literal((0..<count).map { Double($0 * 7 % 11 - 5) }, shape: shape, dtype: dtype)))
    }
    let w = try constant(40 * 9, shape: [40, 9])
    let b = try constant(40, shape: [40])
    var results: [FunctionResult] = []
    for alike in [1, 5, 6, 16] {
      for (name, mask) in Self.shortMasks(alike: alike) {
        let y = try builder.emit(.linear(mask), x, w, b)
        results.append(FunctionResult(name: "\(name)\(alike)", value: y))
        let short = try builder.emit(.unary(.relu), try builder.emit(.linear(mask), x, w, b))
        results.append(FunctionResult(name: "\(name)\(alike)_relu", value: short))
        let long = try builder.emit(.unary(.elu), try builder.emit(.linear(mask), x, w, b))
        results.append(FunctionResult(name: "\(name)\(alike)_elu", value: long))
      }
    }
    try Self.compare(builder.finish(results: results), inputs: 9, missing: 4, cpu)
  }

  /// Forty numbers in an order without two that follow each other, which a table says.
  @Test("products see inputs in the order that they are given in")
  func order() throws {
    let text = """
      flowir 1
      func @f(input %x : rows x 40 x f32, parameter %w : 3 x 40 x f32) {
        %p = gather %x axis 0 indices INDICES : rows x 40 x f32
        %y = linear %p, %w : rows x 3 x f32
        return y = %y
      }
      """
    let indices = (0..<40).map { $0 * 7 % 40 }
    let function = try Module(
      parsing: text.replacingOccurrences(of: "INDICES", with: "\(indices)")
    ).functions[0]
    let compiled = try CompiledFunction(.withoutPasses(function))
    let w = (0..<120).map { Double($0 * 7 % 11 - 5) }
    for rows in [1, 5, 70] {
      let x = (0..<rows * 40).map { Double($0 * 5 % 13 - 6) }
      let exact = try Interpreter.run(function, ["x": x, "w": w], rows: rows)
      let found = try compiled(
        ["x": HostArray(x, shape: [rows, 40]), "w": HostArray(w, shape: [3, 40])], rows: rows)
      #expect(found["y"]?.doubles == exact["y"]?.values)
    }
  }

  /// A product and the gradient of its weights in short tiles, for any number of rows.
  @Test("calls that are said to have few rows may have any number", arguments: processors)
  func fewRows(cpu: TargetCPU) throws {
    let text = """
      flowir 1
      func @f(input %x : rows x 21 x f32, input %g : rows x 5 x f32, parameter %w : 5 x 21 x f32) {
        %y = linear %x, %w : rows x 5 x f32
        %d = linear_weight_gradient %g, %x : 5 x 21 x f32
        return y = %y, d = %d
      }
      """
    let function = try Module(parsing: text).functions[0]
    let compiled = try CompiledFunction(.withoutPasses(function), cpu: cpu, rows: 64)
    let w = (0..<105).map { Double($0 * 7 % 11 - 5) }
    for rows in [1, 5, 31, 32, 33, 64, 70, 300] {
      let x = (0..<rows * 21).map { Double($0 * 5 % 13 - 6) }
      let g = (0..<rows * 5).map { Double($0 * 3 % 7 - 3) }
      let exact = try Interpreter.run(function, ["x": x, "g": g, "w": w], rows: rows)
      for threads in [1, 2, 3] {
        let found = try compiled(
          [
            "x": HostArray(x, shape: [rows, 21]), "g": HostArray(g, shape: [rows, 5]),
            "w": HostArray(w, shape: [5, 21]),
          ], rows: rows, threads: threads)
        for name in ["y", "d"] {
          #expect(
            found[name]?.doubles == exact[name]?.values,
            "\(name) of \(rows) rows on \(threads) threads for \(cpu.rawValue)")
        }
      }
    }
  }
}
