import Flows

/// The interval in which the first transform of a flow shapes a feature, in the units that it reads.
struct ShapedInterval {
  /// Its end; it begins at minus this.
  let bound: Double
  /// What becomes of numbers beyond it: a clause that follows "outside".
  let beyond: String

  /// The interval of each feature, nil for one on a circle; none for a flow that shapes the whole line.
  static func intervals(of description: FlowDescription) -> [Self?] {
    let every: Self
    switch description.architecture {
    case .nsf(_, let spline):
      let beyond = "where the splines change nothing"
      return (0..<description.features).map { feature in
        guard !spline.circular.contains(feature) else { return nil }
        return Self(bound: spline.bounds?[feature] ?? 5, beyond: beyond)
      }
    case .bpf: every = Self(bound: 5, beyond: "where the polynomials change nothing")
    case .sospf, .naf, .unaf: every = Self(bound: 11, beyond: "to which the flow clips softly")
    case .ncsf: every = Self(bound: .pi, beyond: "where the flow has no density")
    case .maf, .nice, .realNVP, .gf, .cnf, .gmm, .ensemble, .custom: return []
    }
    return Array(repeating: every, count: description.features)
  }

  /// How many numbers are outside.
  func outside(_ numbers: [Double]) -> Int { numbers.count { abs($0) > bound + 1e-5 } }

  /// The interval as text.
  var text: String { "[\(-Float(bound)), \(Float(bound))]" }
}
