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

  @Test("Gauss and Legendre's rules are exact up to degree 2 n - 1, and no further")
  func legendre() {
    for count in GaussLegendre.supported {
      let rule = GaussLegendre.rule(count)
      #expect(rule.nodes.count == count && rule.weights.allSatisfy { $0 > 0 }, "\(count) nodes")
      #expect(
        Self.isIncreasing(rule.nodes) && rule.nodes[0] > 0 && rule.nodes[count - 1] < 1,
        "\(count) nodes")
      for degree in 0..<2 * count {
        let error = Self.moment(degree, rule) * Double(degree + 1) - 1
        #expect(abs(error) < 1e-12, "degree \(degree) of \(count) nodes")
      }
      if count < 8 {
        let error = Self.moment(2 * count, rule) * Double(2 * count + 1) - 1
        #expect(abs(error) > 1e-9, "degree \(2 * count) of \(count) nodes")
      }
    }
  }

  @Test("Radau's rules end at 1 and are exact up to degree 2 n - 2, and no further")
  func radau() {
    for count in GaussRadau.supported {
      let rule = GaussRadau.rule(count)
      #expect(rule.nodes.count == count && rule.weights.allSatisfy { $0 > 0 }, "\(count) nodes")
      #expect(
        Self.isIncreasing(rule.nodes) && rule.nodes[0] > 0 && rule.nodes[count - 1] == 1,
        "\(count) nodes")
      for degree in 0..<2 * count - 1 {
        let error = Self.moment(degree, rule) * Double(degree + 1) - 1
        #expect(abs(error) < 1e-12, "degree \(degree) of \(count) nodes")
      }
      if count < 8 {
        let error = Self.moment(2 * count - 1, rule) * Double(2 * count) - 1
        #expect(abs(error) > 1e-9, "degree \(2 * count - 1) of \(count) nodes")
      }
    }
  }

  @Test("Radau's rule of two nodes is that of the handbooks")
  func two() {
    let rule = GaussRadau.rule(2)
    #expect(abs(rule.nodes[0] - 1 / 3.0) < 1e-15 && rule.nodes[1] == 1)
    #expect(abs(rule.weights[0] - 3 / 4.0) < 1e-15 && rule.weights[1] == 0.25)
  }
}
