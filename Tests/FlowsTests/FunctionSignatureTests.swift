import FlowIR
import Testing

@testable import Flows

/// The one list of a model's functions, against the functions themselves.
@Suite struct FunctionSignatureTests {
  @Test(
    "each function of a model reads and gives what its signature says",
    arguments: FlowFunction.allCases, [0, 2])
  func matches(function: FlowFunction, context: Int) throws {
    let model = try MAF(features: 3, context: context, hiddenFeatures: [8], seed: 1).model
    let trainable = model.parameters.filter(\.isTrainable).map(\.name)
    let optimized = try model.function(function).function
    let signature = function.signature
    let inputs = optimized.arguments.filter { $0.kind == .input }.map(\.name)
    let wanted = signature.inputs(hasContext: context > 0)
    // A training step also reads parameters, moments and rates.
    #expect(function == .trainingStep ? inputs.starts(with: wanted) : inputs == wanted)

    var expected: [String: TensorType] = [:]
    for output in signature.outputs(hasContext: context > 0) {
      switch output.size {
      case .one: expected[output.name] = .row([], .f32)
      case .features: expected[output.name] = .row([3], .f32)
      case .context: expected[output.name] = .row([2], .f32)
      case .uniform: expected[output.name] = .uniform([], .f32)
      case .parameters: break
      }
    }
    let found = optimized.results.map { ($0.name, optimized.type(of: $0.value)) }
    for (name, type) in expected {
      #expect(found.first { $0.0 == name }?.1 == type, "\(function.name): \(name)")
    }
    let prefixes = signature.outputs(hasContext: true).filter { $0.size == .parameters }
    let names = Set(expected.keys).union(
      prefixes.flatMap { prefix in trainable.map { prefix.name + $0 } })
    #expect(Set(found.map(\.0)) == names)
    guard prefixes.isEmpty else { return }
    #expect(found.map(\.0) == signature.outputs(hasContext: context > 0).map(\.name))
  }

  @Test("each function is found by its name, and by no other")
  func names() {
    for function in FlowFunction.allCases {
      #expect(FlowFunction(named: function.name) == function)
      #expect(!function.summary.isEmpty && function.summary.hasSuffix("."))
    }
    #expect(Set(FlowFunction.allCases.map(\.name)).count == FlowFunction.allCases.count)
    #expect(FlowFunction(named: "logProb") == nil)
  }
}
