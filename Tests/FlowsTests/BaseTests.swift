import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite("bases") struct BaseTests {
  private func model(_ base: String) throws -> Model {
    let identity = #"{"type": "UnconditionalTransform", "f": {"type": "IdentityTransform"}}"#
    return try Model(
      FlowDescription(
        text: #"{"type": "Flow", "features": 2, "transform": [\#(identity)], "base": \#(base)}"#))
  }

  @Test("a base whose tensors are no buffers is trained with the flow")
  func trained() throws {
    let normal = #"{"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}"#
    #expect(try model(normal + #", "buffer": true}"#).parameters.allSatisfy { !$0.isTrainable })
    // Parameters are the default, as in Zuko.
    for text in [normal + #", "buffer": false}"#, normal + "}"] {
      var model = try model(text)
      let (loc, scale, x) = ([0.5, -1], [2, 0.5], [1, 0, 0.25, -2])
      model.values["base.loc"] = HostArray(loc, shape: [2])
      model.values["base.scale"] = HostArray(scale, shape: [2])
      let found = try compile(model.gradientFunction(dtype: .f64), model)(
        ["x": HostArray(x, shape: [2, 2])], rows: 2)
      for i in 0..<2 {
        let z = [0, 1].map { (x[2 * $0 + i] - loc[i]) / scale[i] }
        let slopes = [-(z[0] + z[1]) / 2, 1 - (z[0] * z[0] + z[1] * z[1]) / 2]
        for (name, slope) in zip(["loc", "scale"], slopes) {
          let gradient = try #require(found["grad.base.\(name)"]?.doubles)
          #expect(abs(gradient[i] - slope / scale[i]) < 1e-14)
        }
      }
    }
  }
}
