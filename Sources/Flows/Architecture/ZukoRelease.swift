/// A release of Zuko: which names, constants and arguments its flows have.
///
/// Code that depends on the release uses a property of this type; versions are compared only here.
public struct ZukoRelease: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The three numbers of the version.
  private let major, minor, patch: Int

  init(_ major: Int, _ minor: Int, _ patch: Int) {
    (self.major, self.minor, self.patch) = (major, minor, patch)
  }

  /// The release that flows have when nothing else is said.
  public static let current = ZukoRelease(1, 6, 0)

  /// The releases that are known here, oldest first. Earlier ones have other classes.
  public static let known = [
    ZukoRelease(0, 3, 0), ZukoRelease(0, 3, 1), ZukoRelease(0, 3, 2), ZukoRelease(1, 0, 0),
    ZukoRelease(1, 0, 1), ZukoRelease(1, 1, 0), ZukoRelease(1, 2, 0), ZukoRelease(1, 3, 0),
    ZukoRelease(1, 3, 1), ZukoRelease(1, 4, 0), ZukoRelease(1, 4, 1), ZukoRelease(1, 5, 0),
    current,
  ]

  /// A release by its version, such as `1.3.1`; a missing last number is 0. Nil if it is not known.
  public init?(_ version: String) {
    let parts = version.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { part in
      part.allSatisfy { $0.isASCII && $0.isNumber } ? Int(part) : nil
    }
    guard 2...3 ~= parts.count, numbers.count == parts.count else { return nil }
    self.init(numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 0)
    guard Self.known.contains(self) else { return nil }
  }

  /// The version.
  public var description: String { "\(major).\(minor).\(patch)" }

  /// Whether a release came before another.
  public static func < (a: ZukoRelease, b: ZukoRelease) -> Bool {
    (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
  }
}

/// Constants.
extension ZukoRelease {
  /// From 1.0.1 to 1.4.1 slopes had a wider range than in earlier and later releases.
  private var isSteep: Bool { ZukoRelease(1, 0, 1) <= self && self < ZukoRelease(1, 5, 0) }

  /// The default `slope` of affine transforms and splines.
  var slope: Double { isSteep ? 1e-4 : 1e-3 }

  /// The bound of the logarithm of the integrand of `UNAF`.
  var integrandBound: Double { isSteep ? 9 : 7 }

  /// The number added to the integrand of sums of squares; 0 before it was an argument.
  var polynomialSlope: Double { self < ZukoRelease(1, 5, 0) ? 0 : 1e-3 }

  /// The default `epsilon` of mixtures.
  var mixtureEpsilon: Double { self < ZukoRelease(1, 4, 0) ? 1e-5 : 1e-6 }
}

/// Names of tensors.
extension ZukoRelease {
  /// Whether the tensors of bases and rotations in pre-built flows are `_0`, `_1` instead of `loc`, `A`.
  var namesArgumentsByPosition: Bool { self < ZukoRelease(1, 6, 0) }

  /// Whether custom unconditional parts can have tensors under the names of arguments.
  var hasNamedArguments: Bool { self >= ZukoRelease(1, 2, 0) }

  /// Where the transforms of a flow are.
  func transforms(in scope: ModuleScope) -> ModuleScope {
    let flow = self < ZukoRelease(1, 0, 0) ? scope : scope.child("transform")
    return flow.child("transforms")
  }

  /// Where the only transform of a continuous flow is.
  func onlyTransform(in scope: ModuleScope) -> ModuleScope {
    self < ZukoRelease(1, 0, 0)
      ? transforms(in: scope).child("0") : scope.child("transform")
  }

  /// Where the networks of `NAF` and `UNAF` are, in the scope of a transform.
  func monotonicNetwork(in scope: ModuleScope) -> ModuleScope {
    self < ZukoRelease(1, 1, 0) ? scope : scope.child("univariate")
  }
}

/// Structure.
extension ZukoRelease {
  /// Whether a flow of one feature is element-wise instead of masked.
  var isElementWiseForOneFeature: Bool { self >= ZukoRelease(1, 1, 0) }

  /// Whether `BPF` has unbounded polynomials of a squashed feature and soft clips between them.
  var hasUnboundedPolynomialFlow: Bool { self < ZukoRelease(1, 2, 0) }

  /// Whether `SOSPolynomialTransform` takes the shift as its second argument.
  var hasShiftedPolynomial: Bool { self < ZukoRelease(1, 5, 0) }

  /// Whether an adjacency matrix may have columns for the context.
  var hasContextAdjacency: Bool { self >= ZukoRelease(1, 4, 1) }
}
