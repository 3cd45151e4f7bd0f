extension ZukoRelease {
  /// The first release in which a class, or an argument of it, is what it is in a description.
  static func first(_ type: String, _ argument: String? = nil) -> ZukoRelease {
    additions[argument.map { type + "." + $0 } ?? type] ?? known[0]
  }

  /// Classes and arguments that came, or got their present meaning, after the oldest known release.
  private static let additions: [String: ZukoRelease] = [
    // Before this release flows were lists without `LazyInverse`, and these four names meant other functions.
    "Flow": ZukoRelease(1, 0, 0),
    "SOSPF": ZukoRelease(1, 0, 0),
    "GF": ZukoRelease(1, 0, 0),
    "NAF": ZukoRelease(1, 0, 0),
    "UNAF": ZukoRelease(1, 0, 0),
    "CNF.atol": ZukoRelease(1, 0, 0),
    "CNF.rtol": ZukoRelease(1, 0, 0),
    "MAF.residual": ZukoRelease(1, 0, 0),
    "NSF.residual": ZukoRelease(1, 0, 0),
    "NCSF.residual": ZukoRelease(1, 0, 0),
    "BPF": ZukoRelease(1, 1, 0),
    "MNN": ZukoRelease(1, 1, 0),
    "UMNN": ZukoRelease(1, 1, 0),
    "BernsteinTransform": ZukoRelease(1, 2, 0),
    "BoundedBernsteinTransform": ZukoRelease(1, 2, 0),
    "MaskedAutoregressiveTransform.adjacency": ZukoRelease(1, 3, 0),
    "GMM.covariance_type": ZukoRelease(1, 4, 0),
    "GMM.tied": ZukoRelease(1, 4, 0),
    "GMM.epsilon": ZukoRelease(1, 4, 0),
    "RealNVP": ZukoRelease(1, 5, 0),
    "AdditiveTransform": ZukoRelease(1, 5, 0),
    "ShiftedSOSPTransform": ZukoRelease(1, 5, 0),
    "SOSPolynomialTransform.slope": ZukoRelease(1, 5, 0),
    "NSF.slope": .current,
    "NCSF.slope": .current,
    "SOSPF.slope": .current,
    "CircularRQSTransform.slope": .current,
    "ShiftedSOSPTransform.slope": .current,
  ]
}
