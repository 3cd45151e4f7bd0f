import FlowIR
import Foundation
import Testing

/// Every transform of single numbers and its inverse, compiled, on a grid of ordinary and extreme
/// inputs and parameters.
@Suite("transforms at their edges") struct TransformEdgeTests {
  /// Which cases, by the name of their list.
  static let lists = ["elementary", "bounded", "searched"]

  private static func cases(_ list: String) -> [GridCase] {
    switch list {
    case "elementary": GridCase.elementary
    case "bounded": GridCase.bounded
    default: GridCase.searched
    }
  }

  /// Records what fails, but no more than a few rows of each case.
  private struct Complaints {
    let test: GridCase
    let dtype: DType
    var counts: [String: Int] = [:]

    mutating func check(_ condition: Bool, _ claim: String, _ row: CompiledGrid.Point) {
      if condition { return }
      counts[claim, default: 0] += 1
      if counts[claim, default: 0] > 2 { return }
      Issue.record(
        """
        \(dtype) \(test.name) \(test.parameters[row.set]): \(claim): x \(row.x) y \(row.y) \
        ladj \(row.ladj) slope \(row.slope) bend \(row.bend)
        """)
    }
  }

  @Test(
    "no NaN, increasing, slopes and log-determinants agree, gradients finite, inverses compose",
    arguments: lists, [DType.f32, .f64])
  func grid(list: String, dtype: DType) throws {
    let compiled = try CompiledGrid(Self.cases(list), dtype)
    let epsilon = dtype == .f32 ? Double(Float.ulpOfOne) : Double.ulpOfOne
    let largest =
      dtype == .f32 ? Double(Float.greatestFiniteMagnitude) : Double.greatestFiniteMagnitude
    let smallest =
      dtype == .f32 ? Double(Float.leastNonzeroMagnitude) : Double.leastNonzeroMagnitude
    let found = try compiled.onGrid()
    // There and back: what is even goes back by what is odd, and the other way round.
    let back = try compiled(
      found.indices.map { index in found[index ^ 1].map { (x: $0.y, set: $0.set) } })
    let again = try compiled(
      back.indices.map { index in back[index ^ 1].map { (x: $0.y, set: $0.set) } })
    for (index, test) in compiled.cases.enumerated() {
      var complaints = Complaints(test: test, dtype: dtype)
      var last: CompiledGrid.Point?
      for (row, p) in found[index].enumerated() {
        let scale = test.scale(test.parameters[p.set])
        let isTame = GridCase.isTame(test.parameters[p.set])
        let tolerance = test.roundings * epsilon * (isTame ? 1 : test.wildness)
        func distance(_ a: Double, _ b: Double) -> Double {
          min(abs(a - b), test.period.map { abs(abs(a - b) - $0) } ?? .infinity)
        }
        complaints.check(p.x.isNaN == p.y.isNaN, "NaN for NaN alone", p)
        if p.x.isNaN { continue }
        complaints.check(!p.ladj.isNaN && p.ladj < .infinity, "a log-determinant below inf", p)
        if let bound = test.tails, abs(p.x) >= bound {
          let isSame = p.y == p.x && p.ladj == 0 && p.slope == 1 && p.bend == 0
          complaints.check(isSame, "the identity beyond the bound", p)
        }
        let isBelow = p.x < test.domain.lowerBound - 4 * epsilon
        let isAbove = p.x > test.domain.upperBound * (1 + 4 * epsilon)
        if isBelow || isAbove, test.period == nil || abs(p.x) <= largest {
          complaints.check(abs(p.y) <= largest, "a finite edge outside the domain", p)
          let isZero = p.ladj == -.infinity || test.saturates || test.period != nil
          complaints.check(isZero, "no density outside the domain", p)
        }
        if p.x == test.domain.lowerBound || p.x == test.domain.upperBound, abs(p.x) < .infinity {
          complaints.check(abs(p.y) <= largest, "finite at the end of the domain", p)
        }
        let isInside = test.domain.contains(p.x) && abs(p.x) <= largest
        if !isInside || abs(p.y) > largest { continue }
        // An end of the domain may belong to it or not.
        if p.ladj == -.infinity { continue }
        let isInRange =
          p.y >= test.range.lowerBound - epsilon * 4 && p.y <= test.range.upperBound + epsilon * 4
        complaints.check(isInRange, "within the range", p)
        if let last, last.set == p.set, test.period == nil {
          let step = test.isDecreasing ? last.y - p.y : p.y - last.y
          let rounding =
            tolerance * (abs(p.y) + scale + exp(min(p.ladj, 80)) * abs(p.x)) + test.jump
          complaints.check(step >= -rounding, "increasing", p)
        }
        last = p
        // Rounding may lead out of what can be represented.
        if max(abs(p.x), abs(p.y)) > largest / 8 { continue }
        let isSingular = test.isSingular(p.x)
        if !isSingular {
          let all = [p.slope, p.bend] + p.parameterSlopes
          complaints.check(all.allSatisfy { !$0.isNaN }, "gradients \(all)", p)
        }
        let slope = exp(p.ladj)
        // Where extreme parameters lead a spline's inverse to a knot, its value may not move.
        if 1e-30...1e30 ~= slope, !isSingular, isTame || p.slope != 0 {
          let close =
            abs(abs(p.slope) - slope)
            <= 8 * tolerance * (slope * (1 + abs(p.ladj)) + test.steepness(test.parameters[p.set]))
          complaints.check(close, "the slope is exp(ladj) = \(slope)", p)
        }
        let b = back[index ^ 1][row]
        // The condition of the map: how far the rounding of y moves x. Extreme parameters make maps so
        // flat beside a steep place that its slope does not tell.
        let reach = abs(p.x) + scale + (abs(p.y) + scale + smallest / epsilon) / slope
        if test.range.contains(p.y), reach < 1e30, test.jump == 0, isTame {
          let error = distance(b.y, p.x)
          complaints.check(
            error <= tolerance * reach + 512 * smallest, "back \(b.y), ladj \(b.ladj)", p)
        }
        if test.range.contains(p.y), b.ladj > -.infinity {
          let a = again[index][row]
          let error = distance(a.y, p.y)
          let other = exp(min(a.ladj, 80)) * (abs(a.x) + scale)
          complaints.check(
            error <= tolerance * (abs(p.y) + scale + other) + 512 * smallest + test.jump,
            "there, back \(b.y), and there again \(a.y)", p)
          let bend = min(max(abs(a.bend), abs(p.bend)), 1e30) * (abs(a.x) + scale)
          if a.ladj > -.infinity, test.jump == 0, !isSingular, !a.bend.isNaN, p.y != 0 || p.x == 0 {
            complaints.check(
              abs(a.ladj + b.ladj) <= 8 * tolerance * (1 + abs(a.ladj) + bend),
              "log-determinants there \(a.ladj) and back \(b.ladj) at \(a.x)", p)
          }
        }
      }
    }
  }
}
