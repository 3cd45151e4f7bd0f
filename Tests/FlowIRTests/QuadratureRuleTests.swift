import FlowIR
import Foundation
import Testing

/// Nodes and weights of quadratures on [0, 1].
@Suite struct QuadratureRuleTests {
  /// The integral of t^degree by a rule.
  private static func moment(
    _ degree: Int, _ rule: (nodes: [Double], weights: [Double])
  ) -> Double {
    zip(rule.nodes, rule.weights).reduce(0) { $0 + $1.1 * pow($1.0, Double(degree)) }
  }

  private static func isIncreasing(_ nodes: [Double]) -> Bool {
    zip(nodes, nodes.dropFirst()).allSatisfy { $0 < $1 }
  }

  /// Checks that a rule's nodes increase, its weights are positive, and it is exact up to a degree; that it is no
  /// further is seen where nodes are few.
  private static func check(
    _ rule: (nodes: [Double], weights: [Double]), _ count: Int, exactTo last: Int
  ) {
    #expect(rule.nodes.count == count && rule.weights.allSatisfy { $0 > 0 }, "\(count) nodes")
    #expect(isIncreasing(rule.nodes) && rule.nodes[0] > 0, "\(count) nodes")
    func error(_ degree: Int) -> Double { moment(degree, rule) * Double(degree + 1) - 1 }
    for degree in 0...last {
      #expect(abs(error(degree)) < 1e-12, "degree \(degree) of \(count) nodes")
    }
    if count < 8 {
      #expect(abs(error(last + 1)) > 1e-9, "degree \(last + 1) of \(count) nodes")
    }
  }

  @Test("Gauss and Legendre's rules are exact up to degree 2 n - 1, and no further")
  func legendre() {
    for count in GaussLegendre.supported {
      let rule = GaussLegendre.rule(count)
      Self.check(rule, count, exactTo: 2 * count - 1)
      #expect(rule.nodes[count - 1] < 1, "\(count) nodes")
    }
  }

  @Test("Radau's rules end at 1 and are exact up to degree 2 n - 2, and no further")
  func radau() {
    for count in GaussRadau.supported {
      let rule = GaussRadau.rule(count)
      Self.check(rule, count, exactTo: 2 * count - 2)
      #expect(rule.nodes[count - 1] == 1, "\(count) nodes")
    }
  }

  @Test("Radau's rule of two nodes is that of the handbooks")
  func two() {
    let rule = GaussRadau.rule(2)
    #expect(abs(rule.nodes[0] - 1 / 3.0) < 1e-15 && rule.nodes[1] == 1)
    #expect(abs(rule.weights[0] - 3 / 4.0) < 1e-15 && rule.weights[1] == 0.25)
  }
}
