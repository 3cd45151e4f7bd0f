import FlowPasses
import FlowRuntime
import Flows
import Foundation
import Testing

/// Products of the Hessian of log-densities with vectors.
@Suite struct SecondDerivativeTests {
  /// A description of each kind, small, since each is compiled.
  static let flows = [
    #"{"type": "MAF", "features": 3, "context": 2, "transforms": 2, "hidden_features": [8]}"#,
    #"{"type": "NSF", "features": 3, "context": 2, "transforms": 2, "bins": 4, "hidden_features": [8]}"#,
    #"{"type": "NCSF", "features": 2, "transforms": 1, "bins": 4, "hidden_features": [8]}"#,
    #"{"type": "NICE", "features": 3, "context": 2, "transforms": 2, "hidden_features": [8]}"#,
    #"{"type": "SOSPF", "features": 2, "transforms": 1, "hidden_features": [8]}"#,
    #"{"type": "BPF", "features": 2, "transforms": 1, "degree": 4, "hidden_features": [8]}"#,
    #"{"type": "GF", "features": 2, "context": 2, "transforms": 1, "components": 3, "hidden_features": [8]}"#,
    #"""
    {"type": "NAF", "features": 2, "transforms": 1, "hidden_features": [4], "signal": 2,
     "network": {"hidden_features": [4]}}
    """#,
    #"""
    {"type": "UNAF", "features": 2, "transforms": 1, "hidden_features": [4], "signal": 2,
     "network": {"hidden_features": [4]}}
    """#,
    #"{"type": "GMM", "features": 2, "context": 2, "components": 3, "hidden_features": [8]}"#,
  ]

  private func rows<Scalar: FlowScalar>(
    _ count: Int, _ columns: Int, _ seed: Double, _ scalar: Scalar.Type = Double.self
  ) -> Rows<Scalar> {
    Rows((0..<count * columns).map { Scalar(1.5 * sin(Double($0 + 1) * seed)) }, columns: columns)
  }

  private func shifted(_ x: Rows<Double>, by step: Double, along v: Rows<Double>) -> Rows<Double> {
    Rows(zip(x.values, v.values).map { $0 + step * $1 }, columns: x.columns)
  }

  /// The error of a central difference is about h² times a third derivative, and 1e-16 / h of rounding:
  /// 1e-5 leaves some 1e-9. A kink between the two points would show as an error of the order of 1. UNAF
  /// integrates networks by a quadrature whose own error is some 1e-5, and takes the integrand for its
  /// derivative, as Zuko does.
  @Test("the product is the change of the gradient along the vector", arguments: flows)
  func differences(text: String) throws {
    let flow = try Model(FlowDescription(text: text), seed: 5).compiled(Double.self)
    let (x, v) = (rows(40, flow.features, 0.37), rows(40, flow.features, 0.91))
    let c = flow.context > 0 ? rows(40, flow.context, 0.53) : nil
    let found = try flow.logProbHessianProduct(x, vectors: v, context: c)
    let step = 1e-5
    let tolerance = text.contains("UNAF") ? 1e-3 : 1e-6
    let after = try flow.logProbHessianProduct(
      shifted(x, by: step, along: v), vectors: v, context: c)
    let before = try flow.logProbHessianProduct(
      shifted(x, by: -step, along: v), vectors: v, context: c)
    var isCurved = false
    for (index, value) in found.product.values.enumerated() {
      let slope = (after.gradient.values[index] - before.gradient.values[index]) / (2 * step)
      #expect(abs(value - slope) < tolerance * (1 + abs(slope)), "\(index): \(value) and \(slope)")
      isCurved = isCurved || abs(value) > 1e-3
    }
    #expect(isCurved)
    let density = try flow.logProb(x, context: c)
    #expect(zip(found.logProb, density).allSatisfy { abs($0 - $1) < 1e-12 * (1 + abs($1)) })
  }

  @Test("the Hessian is symmetric, and f32 agrees with f64")
  func symmetric() throws {
    let model = try Model(FlowDescription(text: Self.flows[1]), seed: 5)
    let (flow, single) = try (model.compiled(Double.self), model.compiled())
    let (x, u, v) = (rows(40, 3, 0.37), rows(40, 3, 0.91), rows(40, 3, 0.71))
    let c = rows(40, 2, 0.53)
    let hv = try flow.logProbHessianProduct(x, vectors: v, context: c)
    let hu = try flow.logProbHessianProduct(x, vectors: u, context: c)
    for row in 0..<40 {
      let a = zip(u[row], hv.product[row]).map(*).reduce(0, +)
      let b = zip(v[row], hu.product[row]).map(*).reduce(0, +)
      #expect(abs(a - b) < 1e-10 * (1 + abs(a)))
    }
    let gradient = try flow.logProbAndGradient(x, context: c)
    for (a, b) in zip(hv.gradient.values, gradient.x.values) {
      #expect(abs(a - b) < 1e-12 * (1 + abs(b)))
    }
    let other = try single.logProbHessianProduct(
      rows(40, 3, 0.37, Float.self), vectors: rows(40, 3, 0.71, Float.self),
      context: rows(40, 2, 0.53, Float.self))
    // Second derivatives of splines lose some digits of the 24 bits of a float.
    for (a, b) in zip(other.product.values, hv.product.values) {
      #expect(abs(Double(a) - b) < 2e-3 * (1 + abs(b)), "\(a) and \(b)")
    }
  }

  @Test("contexts of all kinds, threads and shared objects have the same bits")
  func ways() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try Model(FlowDescription(text: Self.flows[0]), seed: 5)
    let here = try model.compiled()
    let source = try model.artifactSource(functions: [.logProbHVP])
    try source.compile(to: folder + "/libmodel.so", named: "libmodel.so")
    #expect(
      source.header(name: "model").contains(
        "int flowir_log_prob_hvp(const float *x, const float *context, const float *v, int64_t rows, "
          + "int64_t context_rows, float *log_prob, float *grad_x, float *hvp);"))
    let loaded = try CompiledFlow<Float>(contentsOf: folder + "/libmodel.so")
    let (x, v) = (rows(130, 3, 0.37, Float.self), rows(130, 3, 0.91, Float.self))
    for contexts in [130, 1, 2] {
      let c = rows(contexts, 2, 0.53, Float.self)
      let a = try here.logProbHessianProduct(x, vectors: v, context: c, threads: 1)
      let b = try loaded.logProbHessianProduct(x, vectors: v, context: c, threads: 3)
      #expect(a.logProb == b.logProb && a.gradient == b.gradient && a.product == b.product)
      guard contexts == 2 else { continue }
      let all = Rows((0..<130).flatMap { Array(c[$0 / 65]) }, columns: 2)
      #expect(try here.logProbHessianProduct(x, vectors: v, context: all).product == a.product)
    }
    #expect(throws: RuntimeError.shape(argument: "v", found: [130, 2], expected: [130, 3])) {
      try here.logProbHessianProduct(x, vectors: rows(130, 2, 1, Float.self), context: x)
    }
    let standard = try model.artifactSource().functions
    #expect(standard == [.logProb, .transform, .inverse, .logProbGradient, .sample])
  }

  @Test("a NaN in a row or its vector makes that row's product NaN, and no other")
  func missing() throws {
    let flow = try Model(FlowDescription(text: Self.flows[3]), seed: 5).compiled(Double.self)
    let x = Rows([0.1, 0.2, 0.3, .nan, 0.2, 0.3, 0.1, 0.2, 0.3], columns: 3)
    let v = Rows([1, 1, 1, 1, 1, 1, 1, 1, .nan] as [Double], columns: 3)
    let found = try flow.logProbHessianProduct(x, vectors: v, context: rows(3, 2, 0.5))
    for row in 0..<3 { #expect(found.product[row].allSatisfy { $0.isNaN == (row > 0) }) }
    #expect(found.logProb.map(\.isNaN) == [false, true, false])
    #expect(found.gradient[2].allSatisfy { !$0.isNaN })
  }

  @Test("a flow of an ODE is refused by name")
  func ode() throws {
    let text = #"{"type": "CNF", "features": 2, "hidden_features": [4]}"#
    let model = try Model(FlowDescription(text: text), seed: 5)
    #expect(throws: GradientError.onlyOnce("log_prob", operation: "ode_solve")) {
      try model.function(.logProbHVP)
    }
    let message = "log_prob_hvp: \(GradientError.onlyOnce("log_prob", operation: "ode_solve"))"
    #expect(throws: RuntimeError.unsupported(message)) {
      try model.compiled().logProbHessianProduct(
        rows(2, 2, 1, Float.self), vectors: rows(2, 2, 1, Float.self))
    }
  }
}
