import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// Times one workload and prints a line of JSON: rows or steps per second, median of the runs.
@main
struct Bench {
  static func main() throws {
    guard CommandLine.arguments.count == 5, let batch = Int(CommandLine.arguments[3]),
      let threads = Int(CommandLine.arguments[4])
    else {
      print("usage: Bench NAME DESCRIPTION BATCH THREADS")
      exit(2)
    }
    let model = try Model(FlowDescription(text: CommandLine.arguments[2]), seed: 1)
    let rows = model.features > 20 ? 65_536 : 524_288
    var generator = SeededGenerator(seed: 1)
    let x = (0..<rows * model.features).map { _ in Float(generator.uniform() * 4 - 2) }
    let context = (0..<rows * model.context).map { _ in Float(generator.uniform() * 4 - 2) }
    let score = try throughput(model, .logProb, x, context, rows, threads)
    let sample = try throughput(model, .sample, x, context, rows, threads)
    let train = try trainSteps(model, x, context, batch, threads)
    print(
      JSONValue.object([
        .init("name", .string(CommandLine.arguments[1])), .init("threads", .integer(threads)),
        .init("log_prob", .number(score)), .init("sample", .number(sample)),
        .init("train", .number(train)),
      ]).text)
  }

  static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  static func throughput(
    _ model: Model, _ function: FlowFunction, _ x: [Float], _ context: [Float], _ rows: Int,
    _ threads: Int
  ) throws -> Double {
    let bound = try compile(optimized(model.trace(function)), model)
    let results = bound.compiled.function.results.map { result in
      UnsafeMutableRawPointer.allocate(
        byteCount: rows * bound.compiled.function.type(of: result.value).elementCount * 4,
        alignment: 64)
    }
    defer { results.forEach { $0.deallocate() } }
    let seed: [Int32] = [1, 2]
    var speeds: [Double] = []
    try x.withUnsafeBytes { x in
      try context.withUnsafeBytes { context in
        try seed.withUnsafeBytes { seed in
          let memory = [
            "x": x.baseAddress, "context": context.baseAddress, "seed": seed.baseAddress,
          ]
          let arguments = bound.compiled.function.arguments.map { memory[$0.name] ?? nil }
          for run in 0..<9 {
            let start = Date()
            try bound.call(arguments: arguments, results: results, rows: rows, threads: threads)
            let speed = Double(rows) / Date().timeIntervalSince(start)
            if run > 1 { speeds.append(speed) }
          }
        }
      }
    }
    return median(speeds)
  }

  static func trainSteps(
    _ model: Model, _ x: [Float], _ context: [Float], _ batch: Int, _ threads: Int
  ) throws -> Double {
    let trainer = try model.trainer()
    let inputs = [
      "x": Array(x.prefix(batch * model.features)),
      "context": Array(context.prefix(batch * model.context)),
    ]
    var speeds: [Double] = []
    for run in 0..<9 {
      let count = model.features > 20 ? 10 : 100
      let start = Date()
      for _ in 0..<count {
        try trainer.step(inputs, rows: batch, learningRate: 1e-4, threads: threads)
      }
      if run > 1 { speeds.append(Double(count) / Date().timeIntervalSince(start)) }
    }
    return median(speeds)
  }
}
