import FlowIR
import FlowPasses
import FlowRuntime
import Foundation
import Testing

/// Training functions whose masked matrices are vectors of the entries that masks let through.
@Suite struct CompactParameterTests {
  /// Two masked layers, the second after a skip over the first, with weights as inputs.
  private func function(_ masks: [Mask]) throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([masks[0].columns], .f64))
    let weights = masks.enumerated().map { index, mask in
      builder.argument("w\(index)", .uniform([mask.rows, mask.columns], .f64))
    }
    let h = try builder.emit(
      .unary(.tanh), try builder.emit(.linear(masks[0]), x, weights[0]))
    let y = try builder.emit(.linear(masks[1]), h, weights[1])
    let total = try builder.emit(
      .rowSum, try builder.emit(.reduce(.sum, axis: 0), try builder.emit(.unary(.square), y)))
    return builder.finish(results: [FunctionResult(name: "loss", value: total)])
  }

  private func masks(isIrregular: Bool) -> [Mask] {
    [(60, 40, 1), (70, 60, 7)].map { rows, columns, step in
      Mask(
        rows: rows, columns: columns,
        bits: (0..<rows * columns).map { index in
          let (row, column) = (index / columns, index % columns)
          // An order of degrees, or holes everywhere; and a row that sees nothing.
          let sees =
            isIrregular ? (index * 7919 + row) % 5 < 3 : column * step % 8 <= row * 7 % 8
          return sees && row != 5
        })
    }
  }

  @Test("gradients of kept entries are those of the interpreter", arguments: [false, true])
  func gradients(isIrregular: Bool) throws {
    let masks = masks(isIrregular: isIrregular)
    let forward = try Pipeline.run(Pipeline.standard, on: function(masks))
    let dense = try gradient(of: forward, result: "loss", withRespectTo: ["w0", "w1"])
    let compacted = try compactingParameters(of: Pipeline.run(Pipeline.cleanup, on: dense))
    let (compact, kept) = (compacted.function, compacted.keptEntries)
    try compact.verify()
    #expect(Set(kept.keys) == ["w0", "w1"])
    let compiled = try CompiledFunction(.withoutPasses(compact))
    var weights: [String: [Double]] = [:]
    for (index, mask) in masks.enumerated() {
      weights["w\(index)"] = mask.bits.indices.map { sin(Double($0) * 0.7) * 0.3 }
      let entries = try #require(kept["w\(index)"])
      // Every entry of the mask is kept, and in a triangular mask no other.
      #expect(mask.bits.indices.allSatisfy { !mask.bits[$0] || entries.contains($0) })
      #expect(Set(entries).count == entries.count)
      if !isIrregular { #expect(entries.count == mask.count) }
    }
    for rows in [1, 100, 700] {
      let x = (0..<rows * 40).map { cos(Double($0) * 1.3) }
      let exact = try Interpreter.run(
        dense, weights.merging(["x": x]) { $1 }, rows: rows)
      var inputs = ["x": HostArray(x, shape: [rows, 40])]
      for (name, entries) in kept {
        let values = entries.map { weights[name]?[$0] ?? .nan }
        inputs[name] = HostArray(values, shape: [entries.count])
      }
      let one = try compiled(inputs, rows: rows, threads: 1)
      for threads in [2, 5] { #expect(try compiled(inputs, rows: rows, threads: threads) == one) }
      for (name, entries) in kept {
        let wanted = try #require(exact["grad." + name]?.values)
        let found = try #require(one["grad." + name]?.doubles)
        for (value, entry) in zip(found, entries) {
          #expect(abs(value - wanted[entry]) <= 1e-10 * (1 + abs(wanted[entry])), "\(name)")
        }
      }
    }
  }
}
