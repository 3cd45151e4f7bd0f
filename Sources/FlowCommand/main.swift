import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime
import Flows
import Foundation

func worst(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).map { x, y in x == y || (x.isNaN && y.isNaN) ? 0 : abs(x - y) / (1 + abs(y)) }.map { $0.isNaN ? .infinity : $0 }.max() ?? 0
}
if CommandLine.arguments[1] == "bench" {
  for path in CommandLine.arguments.dropFirst(2) {
    let model = try Model(path: path)
    let rows = 1_000_000
    var g = SystemRandomNumberGenerator()
    let x = (0..<rows * model.features).map { _ in Float.random(in: -2...2, using: &g) }
    let c = (0..<rows * model.context).map { _ in Float.random(in: -2...2, using: &g) }
    for (name, fn) in [("log_prob", FlowFunction.logProb), ("sample", .sample)] {
      let t0 = Date()
      let f = try CompiledFunction(Pipeline.run(Pipeline.standard, on: model.trace(fn)))
      let t1 = Date()
      let b = try f.bind(model.values)
      var inputs: [String: HostArray] = ["x": HostArray(x, shape: [rows, model.features]), "seed": HostArray([1, 2] as [Int32], shape: [2])]
      if model.context > 0 { inputs["context"] = HostArray(c, shape: [rows, model.context]) }
      let args: [AnyObject] = []
      _ = args
      for threads in [1, 2] {
        var best = 1e9
        for _ in 0..<5 {
          let out = UnsafeMutableRawPointer.allocate(byteCount: rows * 4 * model.features, alignment: 64)
          let lp = UnsafeMutableRawPointer.allocate(byteCount: rows * 4, alignment: 64)
          let seed: [Int32] = [1, 2]
          try x.withUnsafeBytes { xp in try c.withUnsafeBytes { cp in try seed.withUnsafeBytes { sp in
            let pointers: [UnsafeRawPointer?] = f.function.arguments.map { a in
              a.name == "x" ? xp.baseAddress : a.name == "context" ? cp.baseAddress : a.name == "seed" ? sp.baseAddress : nil }
            let t = Date()
            try b.call(arguments: pointers, results: f.function.results.map { $0.name == "x" ? out : lp }, rows: rows, threads: threads)
            best = min(best, Date().timeIntervalSince(t))
          } } }
          out.deallocate(); lp.deallocate()
        }
        print(name, "threads", threads, String(format: "%.3f M rows/s (compile %.2fs)", Double(rows) / best / 1e6, t1.timeIntervalSince(t0)))
      }
    }
  }
  exit(0)
}
for path in CommandLine.arguments.dropFirst() {
  let file = try SafetensorsFile(path: path)
  let model = try Model(path: path)
  var line = URL(fileURLWithPath: path).lastPathComponent.padding(toLength: 32, withPad: " ", startingAt: 0)
  for dtype in [DType.f64, .f32] {
    var inputs: [String: HostArray] = [:]
    for (n, a) in model.values { inputs[n] = a }
    let x = file["ref.x"]!
    inputs["x"] = HostArray(x.doubles, shape: x.shape)
    if let c = file["ref.context"] { inputs["context"] = HostArray(c.doubles, shape: c.shape) }
    let t0 = Date()
    let lp = try CompiledFunction(Pipeline.run(Pipeline.standard, on: model.trace(.logProb, dtype: dtype)))
    let t1 = Date().timeIntervalSince(t0)
    let out = try lp(inputs, rows: 64)
    line += String(format: " lp %.1e (%.2fs)", worst(out["log_prob"]!.doubles, file["ref.log_prob"]!.doubles), t1)
    let tf = try CompiledFunction(Pipeline.run(Pipeline.standard, on: model.trace(.transform, dtype: dtype)))
    let z = try tf(inputs, rows: 64)
    line += String(format: " z %.1e ladj %.1e", worst(z["z"]!.doubles, file["ref.z"]!.doubles), worst(z["ladj"]!.doubles, file["ref.ladj"]!.doubles))
    let inv = try CompiledFunction(Pipeline.run(Pipeline.standard, on: model.trace(.inverse, dtype: dtype)))
    inputs["z"] = HostArray(z["z"]!.doubles, shape: x.shape)
    let back = try inv(inputs, rows: 64)
    inputs["x"] = back["x"]!
    let again = try tf(inputs, rows: 64)
    line += String(format: " inv %.1e %.1e", worst(again["z"]!.doubles, z["z"]!.doubles), worst(back["ladj"]!.doubles, z["ladj"]!.doubles.map { -$0 }))
  }
  for dtype in [DType.f64, .f32] {
    var inputs: [String: HostArray] = [:]
    for (n, a) in model.values { inputs[n] = a }
    let x = file["ref.x"]!
    inputs["x"] = HostArray(x.doubles, shape: x.shape)
    if let c = file["ref.context"] { inputs["context"] = HostArray(c.doubles, shape: c.shape) }
    let names = file.names.filter { $0.hasPrefix("ref.grad.") }.map { String($0.dropFirst(9)) }
    let t0 = Date()
    let fn = try Pipeline.run(Pipeline.cleanup, on: gradient(of: Pipeline.run(Pipeline.standard, on: model.trace(.loss, dtype: dtype)), result: "loss", withRespectTo: names))
    let g = try CompiledFunction(fn)
    let t1 = Date().timeIntervalSince(t0)
    let out = try g(inputs, rows: 64)
    var bad = 0.0
    var which = ""
    for n in names {
      let want = file["ref.grad." + n]!.doubles
      let got = out["grad." + n]!.doubles
      let top = want.map(abs).max()!
      let e = zip(got, want).map { abs($0 - $1) / max(top, 1e-300) }.max()!
      if !(e <= bad) { bad = e; which = n }
    }
    line += String(format: " grad %.1e loss %.1e (%.2fs) %@", bad, abs(out["loss"]!.doubles[0] - file["ref.loss"]!.doubles[0]), t1, which)
  }
  print(line)
}
