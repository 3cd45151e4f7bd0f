import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Transforms of five features whose Jacobians have a known structure.
@Suite("lazy transforms") struct LazyTransformTests {
  enum Part: String, CaseIterable {
    case elementWise, coupling, maskedCoupling, autoregressive, passes, order, adjacency
    case contextAdjacency
    /// Shifts alone: a log-determinant that no row changes.
    case additive
  }

  static let features = 5
  static let order = [3, 1, 4, 0, 2]
  static let mask = [true, false, false, true, true]
  /// The features that each feature depends on; 4 has 2, 0 and more only through others.
  static let parents: [Set<Int>] = [[3], [], [0, 3], [1], [2]]
  /// The context features that each feature depends on.
  static let contextParents: [Set<Int>] = [[0], [], [1], [0, 1], []]

  static func graph(context: Bool) -> Mask {
    let columns = features + (context ? 2 : 0)
    return Mask(
      rows: features, columns: columns,
      bits: (0..<features).flatMap { i in
        (0..<columns).map { j in
          j < features
            ? i == j || parents[i].contains(j) : contextParents[i].contains(j - features)
        }
      })
  }

  private func make(_ part: Part, context: Int, in scope: ModuleScope) throws -> any LazyTransform {
    let (count, network) = (Self.features, HyperNetwork(hiddenFeatures: [16], activation: .tanh))
    func autoregressive(
      passes: Int? = nil, order: [Int]? = nil, adjacency: Mask? = nil,
      univariate: Univariate = .affine()
    ) throws -> any LazyTransform {
      try MaskedAutoregressiveTransform(
        features: count, context: context, passes: passes, order: order, adjacency: adjacency,
        univariate: univariate, network: network, in: scope)
    }
    switch part {
    case .elementWise:
      return ElementWiseTransform(features: count, context: context, network: network, in: scope)
    case .coupling, .maskedCoupling:
      return try GeneralCouplingTransform(
        features: count, context: context, mask: part == .coupling ? nil : Self.mask,
        network: network, in: scope)
    case .autoregressive: return try autoregressive()
    case .additive: return try autoregressive(univariate: .additive)
    case .passes: return try autoregressive(passes: 2)
    case .order: return try autoregressive(order: Self.order)
    case .adjacency: return try autoregressive(adjacency: Self.graph(context: false))
    case .contextAdjacency:
      return try autoregressive(adjacency: Self.graph(context: context > 0))
    }
  }

  /// Whether feature `i` of the result depends on feature `j`.
  private func depends(_ part: Part, _ i: Int, _ j: Int) -> Bool {
    if i == j { return true }
    switch part {
    case .elementWise: return false
    case .coupling: return i % 2 == 0 && j % 2 == 1
    case .maskedCoupling: return !Self.mask[i] && Self.mask[j]
    case .autoregressive, .additive: return j < i
    // Two groups, of three and two features.
    case .passes: return i >= 3 && j < 3
    case .order: return Self.order[j] < Self.order[i]
    case .adjacency, .contextAdjacency: return Self.parents[i].contains(j)
    }
  }

  @Test(
    "the Jacobian is zero where there is no dependence, its determinant the product of its diagonal",
    arguments: Part.allCases, [0, 2])
  func jacobian(part: Part, context: Int) throws {
    let scope = ModuleScope.root(seed: 1)
    let lazy = try make(part, context: context, in: scope)
    let function = trace([.rows("x", 5), .rows("c", 2)], dtype: .f64) { inputs in
      let context = context > 0 ? inputs[1] : nil
      let transform = lazy(context)
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, back) = transform.inverseAndLadj(y)
      var results = [
        ("y", y), ("ladj", ladj), ("x", x), ("back", back),
        ("jacobian", transform.jacobian(inputs[0])),
      ]
      if let context {
        let change = context.valueAndJacobian { lazy($0).callAndLadj(inputs[0]).y }.jacobian
        results.append(("change", change))
      }
      return results
    }
    let rows = 3
    var inputs = initialValues(of: scope.registry.parameters, seed: 2)
    inputs["x"] = HostArray((0..<rows * 5).map { 2 * sin(Double($0) * 1.7) }, shape: [rows, 5])
    inputs["c"] = HostArray((0..<rows * 2).map { cos(Double($0)) }, shape: [rows, 2])
    let found = try CompiledFunction(function.optimized())(inputs, rows: rows)
    func row(_ name: String, _ index: Int, _ size: Int) -> [Double] {
      // What is the same for all rows is there once.
      let values = found[name]?.doubles ?? []
      return values.count == size ? values : Array(values[index * size..<(index + 1) * size])
    }
    for index in 0..<rows {
      let matrix = row("jacobian", index, 25)
      for i in 0..<5 {
        for j in 0..<5 {
          #expect((matrix[5 * i + j] != 0) == depends(part, i, j), "\(part) \(i), \(j)")
        }
      }
      let ladj = row("ladj", index, 1)[0]
      let diagonal = (0..<5).reduce(0.0) { $0 + log(abs(matrix[6 * $1])) }
      // All in float64, on matrices of five rows with entries of order one.
      #expect(abs(ladj - diagonal) < 1e-12 && abs(ladj - logDeterminant(matrix, size: 5)) < 1e-12)
      #expect(abs(row("back", index, 1)[0] + ladj) < 1e-12)
      let x = Array((inputs["x"]?.doubles ?? [])[index * 5..<index * 5 + 5])
      for (a, b) in zip(row("x", index, 5), x) { #expect(abs(a - b) < 1e-12) }
      guard part == .contextAdjacency, context > 0 else { continue }
      let change = row("change", index, 10)
      for i in 0..<5 {
        for j in 0..<2 {
          #expect((change[2 * i + j] != 0) == Self.contextParents[i].contains(j))
        }
      }
    }
  }

  @Test("an adjacency without its diagonal, with a cycle or with other columns is an error")
  func badAdjacency() throws {
    func message(_ change: (inout [Bool]) -> Void, columns: Int = 5) -> String {
      var bits = (0..<5 * columns).map { $0 % columns <= $0 / columns }
      change(&bits)
      let error = #expect(throws: FlowError.self) {
        try MaskedAutoregressiveTransform(
          features: 5, context: 2, adjacency: Mask(rows: 5, columns: columns, bits: bits),
          in: .root())
      }
      return error?.description ?? ""
    }
    #expect(message { $0[6] = false }.contains("ones on the diagonal"))
    #expect(message { $0[1] = true }.contains("cycle"))
    #expect(message({ _ in }, columns: 6).contains("5 rows and 5 or 7 columns"))
  }
}
