import FlowIR
import FlowRuntime
import Flows
import Testing

/// How often inverses without a closed form evaluate their functions.
@Suite struct EvaluationCountTests {
  @Test(
    "in the middle of the distribution roots take at most 5 evaluations in float32, 7 in float64",
    arguments: ["GF", "GF of a context", "NAF", "UNAF", "SOSPF", "BPF"], [DType.f32, .f64])
  func middle(name: String, dtype: DType) throws {
    let kind = String(name.prefix { $0 != " " })
    let hasContext = name != kind
    let sizes =
      switch kind {
      case "NAF", "UNAF": #", "network": {"hidden_features": [16, 16]}"#
      default: ""
      }
    let context = hasContext ? 2 : 0
    let text = """
      {"type": "\(kind)", "features": 3, "context": \(context), "transforms": 2, \
      "hidden_features": [16]\(hasContext || kind != "GF" ? sizes : "")}
      """
    let model = try Model(FlowDescription(text: text), seed: 5)
    let forward = try CompiledFunction(model.function(.transform, dtype: dtype)).bind(
      model.values, threads: 1)
    let compiled = try CompiledFunction(
      model.function(.inverse, dtype: dtype), profiling: true)
    let bound = try compiled.bind(model.values, threads: 1)
    let counters = try #require(compiled.counters)
    let rows = 64
    // Where 95 % of the numbers of a standard normal distribution are.
    for tile in 0..<8 {
      func number(_ index: Int) -> Double {
        let place = (Double(index + tile * rows * 3) * 0.618034).truncatingRemainder(dividingBy: 1)
        return 4 * place - 2
      }
      var inputs = ["x": HostArray((0..<rows * 3).map(number), shape: [rows, 3])]
      if hasContext {
        inputs["context"] = HostArray((0..<rows * 2).map { number($0 + 1) }, shape: [rows, 2])
      }
      inputs["z"] = try forward(inputs, rows: rows, threads: 1)["z"]
      inputs["x"] = nil
      _ = counters.take()
      _ = try bound(inputs, rows: rows, threads: 1)
      let searches = counters.take().compactMap(\.search)
      #expect(searches.count == 2)
      for search in searches {
        let most = dtype == .f32 ? 5.0 : 7.0
        #expect(search.evaluations <= search.passes && search.passes <= most, "\(search)")
      }
    }
  }
}
