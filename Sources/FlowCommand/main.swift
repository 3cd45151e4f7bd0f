import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime
import Flows
import Foundation

func worst(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).map { x, y in x == y || (x.isNaN && y.isNaN) ? 0 : abs(x - y) / (1 + abs(y)) }.map { $0.isNaN ? .infinity : $0 }.max() ?? 0
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
