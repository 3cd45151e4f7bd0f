import FlowFiles
import Foundation
import Testing

@testable import Flows

/// What a description says about the release of Zuko, and about the embedding of a context.
@Suite struct ReleaseTests {
  private func error(_ text: String) -> String {
    (#expect(throws: FlowError.self) { try Model(FlowDescription(text: text)) })?.description ?? ""
  }

  @Test(
    "a version that is malformed, too old or too new is an error that lists the known ones",
    arguments: [
      "\"0.2.2\"", "\"1.6.1\"", "\"2.0.0\"", "\"1.3.2\"", "\"1.3.x\"", "\"v1.3.0\"", "\"1\"",
      "\"1.3.0.0\"", "\"\"", "\"1..0\"", "\"+1.3.0\"", "\"9999999999999999999.0.0\"", "1.3", "null",
    ])
  func unknown(version: String) {
    let text = error(#"{"type": "MAF", "features": 3, "zuko": \#(version)}"#)
    #expect(text.hasPrefix("zuko: found \(version), expected"), "\(text)")
    #expect(text.contains("0.3.0, 0.3.1, ") && text.hasSuffix("1.5.0, 1.6.0"), "\(text)")
  }

  @Test("every known release is read, with or without a last zero")
  func known() throws {
    for release in ZukoRelease.known {
      let text = #"{"type": "MAF", "features": 3, "zuko": "\#(release)"}"#
      #expect(try FlowDescription(text: text).release == release)
    }
    #expect(ZukoRelease("1.3") == ZukoRelease("1.3.0"))
    #expect(try FlowDescription(text: #"{"type": "MAF", "features": 3}"#).release == .current)
    #expect(ZukoRelease.known == ZukoRelease.known.sorted())
  }

  @Test(
    "classes and arguments that a release does not have are errors that say since when",
    arguments: [
      ("NSF", "1.5.0", #", "slope": 0.01"#, "slope: 'slope' needs Zuko 1.6.0"),
      ("RealNVP", "1.4.1", "", "type: 'RealNVP' needs Zuko 1.5.0"),
      ("GMM", "1.3.1", #", "tied": true"#, "tied: 'tied' needs Zuko 1.4.0"),
      ("BPF", "1.0.1", "", "type: 'BPF' needs Zuko 1.1.0"),
      ("BPF", "1.2.0", #", "linear": true"#, "linear: unknown argument"),
      ("GF", "0.3.2", "", "type: 'GF' needs Zuko 1.0.0"),
      (
        "Flow", "1.4.1",
        #", "transform": [{"type": "ElementWiseTransform", "features": 2, "univariate": {"type": "AdditiveTransform"}, "shapes": [[]]}]"#,
        "transform[0].univariate.type: 'AdditiveTransform' needs Zuko 1.5.0"
      ),
      (
        "Flow", "1.2.0",
        #", "transform": [{"type": "MaskedAutoregressiveTransform", "features": 2, "adjacency": [[1, 0], [1, 1]]}]"#,
        "transform[0].adjacency: 'adjacency' needs Zuko 1.3.0"
      ),
      (
        "Flow", "1.4.0",
        #", "context": 1, "transform": [{"type": "MaskedAutoregressiveTransform", "features": 2, "context": 1, "adjacency": [[1, 0, 1], [1, 1, 1]]}]"#,
        "transform[0].adjacency: found 3 columns"
      ),
    ])
  func missing(type: String, release: String, rest: String, message: String) {
    let base =
      type == "Flow"
      ? #", "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}"# : ""
    let text = error(
      #"{"type": "\#(type)", "features": 2, "zuko": "\#(release)"\#(rest)\#(base)}"#)
    #expect(text.hasPrefix(message), "\(text)")
  }

  @Test("a new model of an older release has that release's names")
  func names() throws {
    func names(_ text: String) throws -> Set<String> {
      Set(try Model(FlowDescription(text: text)).parameters.map(\.name))
    }
    let gf = try names(#"{"type": "GF", "features": 2, "transforms": 2, "zuko": "1.5.0"}"#)
    #expect(gf.isSuperset(of: ["transform.transforms.1._0", "base._0", "base._1"]))
    let naf = try names(#"{"type": "NAF", "features": 2, "transforms": 1, "zuko": "1.0.1"}"#)
    #expect(naf.contains("transform.transforms.0.network.0.weight"))
    let maf = try names(#"{"type": "MAF", "features": 2, "transforms": 1, "zuko": "0.3.2"}"#)
    #expect(maf.isSuperset(of: ["transforms.0.hyper.0.weight", "base._0"]))
    let custom = try names(
      #"{"type": "Flow", "features": 2, "zuko": "1.1.0", "transform": [{"type": "UnconditionalTransform", "f": {"type": "RotationTransform"}}], "base": {"type": "UnconditionalDistribution", "f": {"type": "BoxUniform"}, "buffer": true}}"#
    )
    #expect(custom == ["transform.transforms.0._0", "base._0", "base._1"])
  }

  @Test(
    "an embedding that does not fit is an error at its layer",
    arguments: [
      (#"[{"type": "Conv1d"}]"#, 4, "embedding[0].type: unknown type 'Conv1d'"),
      (
        #"[{"type": "Linear", "out_features": 2}, {"type": "Linear", "in_features": 3, "out_features": 1}]"#,
        4, "embedding[1].in_features: found 3, expected 2"
      ),
      (#"[{"type": "Linear"}]"#, 4, "embedding[0].out_features: found nothing"),
      (#"[{"type": "Standardize", "mean": 3}]"#, 4, "embedding[0].mean: unknown argument"),
      (#"[{"type": "Standardize"}]"#, 0, "context: found 0"),
      (#"{"type": "Linear"}"#, 4, "embedding: found"),
    ])
  func badEmbedding(layers: String, context: Int, message: String) {
    let text = error(
      #"{"type": "MAF", "features": 2, "context": \#(context), "embedding": \#(layers)}"#)
    #expect(text.hasPrefix(message), "\(text)")
  }

  @Test("an embedding stands before any flow; its layers are parameters under their places")
  func embedding() throws {
    for type in ["NSF", "GMM", "CNF"] {
      let model = try Model(
        FlowDescription(
          text:
            #"{"type": "\#(type)", "features": 2, "context": 5, "embedding": [{"type": "Standardize"}, {"type": "Linear", "out_features": 3}, {"type": "ReLU"}]}"#
        ))
      #expect(model.context == 5)
      let shapes = Dictionary(
        uniqueKeysWithValues: model.parameters.map { ($0.name, $0.shape) })
      #expect(shapes["embedding.0.std"] == [5])
      #expect(shapes["embedding.1.weight"] == [3, 5])
      try model.trace(.logProb).function.verify()
    }
  }
}
