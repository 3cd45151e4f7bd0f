import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Values and gradients of reference models, against what Zuko computed in float64.
@Suite struct ParityTests {
  static let cases = [
    "maf-default", "maf-unconditional", "maf-coupling", "maf-elu-residual", "maf-randperm",
    "nsf-default", "nsf-wide", "nice-default", "realnvp-randmask", "one-feature", "dag-adjacency",
    "ncsf-default", "tutorial-custom", "mixed-linear", "positive-domain", "bounded-domain",
    "sospf-default", "bpf-default", "gf-default", "gf-context",
    "naf-default", "unaf-default",
    // All lazy modules, activations and inverses at once; with a normal and with a box base.
    "custom-parts", "custom-box",
  ]

  @Test(
    "log_prob, z and ladj agree with Zuko, f(f⁻¹(z)) = z", arguments: cases, [DType.f64, .f32])
  func values(name: String, dtype: DType) throws {
    try Reference(name).expectValues(dtype)
  }

  @Test("the loss and its gradients agree with Zuko", arguments: cases, [DType.f64, .f32])
  func gradients(name: String, dtype: DType) throws {
    try Reference(name).expectGradients(dtype)
  }

  @Test("the float64 interpreter agrees with Zuko", arguments: ["maf-coupling", "one-feature"])
  func interpreter(name: String) throws {
    let reference = try Reference(name)
    var arguments = reference.inputs.mapValues(\.doubles)
    for (name, array) in reference.model.values { arguments[name] = array.doubles }
    let function = reference.model.trace(.logProb, dtype: .f64).function
    try function.verify()
    let used = Set(function.arguments.map(\.name))
    let result = try Interpreter.run(
      function, arguments.filter { used.contains($0.key) }, rows: 64)
    let found = try #require(result["log_prob"]?.values)
    reference.expect(HostArray(found, shape: [64]), equals: "log_prob", .f64)
  }
}
