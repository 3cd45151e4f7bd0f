import FlowFiles
import Foundation
import Testing

@testable import Flows

/// Features on a circle beside others, in one spline flow.
@Suite struct CircularFeatureTests {
  private func copied(_ source: Model, to target: Model) -> Model {
    var target = target
    for name in target.values.keys {
      if let value = source.values[name] { target.values[name] = value }
    }
    return target
  }

  @Test("one angle is Zuko's NCSF, and splines of one bound are those of NSF, to 12 digits")
  func parity() throws {
    let points = Rows((0..<200).map { -3.1 + 0.031 * Double($0) }, columns: 1)
    let ncsf = try NCSF(features: 1, transforms: 3, seed: 4).model
    let circle = copied(ncsf, to: try NSF(features: 1, circular: [0]).model)
    let (a, b) = (
      try ncsf.compiled(Double.self).logProb(points),
      try circle.compiled(Double.self).logProb(points)
    )
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 * (1 + abs($0)) })
    let pairs = Rows((0..<200).map { 7 * sin(Double($0)) }, columns: 2)
    let plain = try NSF(features: 2, transforms: 2, slope: 1e-2, seed: 4).model
    let mixed = copied(
      plain, to: try NSF(features: 2, transforms: 2, bounds: [5, 5], slopes: [1e-2, 1e-2]).model)
    let (c, d) = (
      try plain.compiled(Double.self).logProb(pairs),
      try mixed.compiled(Double.self).logProb(pairs)
    )
    #expect(zip(c, d).allSatisfy { abs($0 - $1) < 1e-12 * (1 + abs($0)) })
  }

  @Test("each feature has a bound and a least slope of its own")
  func bounds() throws {
    // Parameters so large that the splines are as steep and as flat as they may be.
    var model = try NSF(features: 2, transforms: 1, bounds: [2, 7], slopes: [0.2, 1e-3], seed: 2)
      .model
    for (name, array) in model.values where name.hasSuffix("bias") {
      let values = array.doubles.indices.map { 400 * sin(Double(3 * $0 + 1)) }
      model.values[name] = HostArray(values, shape: array.shape)
    }
    let flow = try model.compiled(Double.self)
    let outside = try flow.transform([[2.5, 7.5], [-2, -7], [2.001, 3]])
    #expect(Array(outside.rows[0]) == [2.5, 7.5] && Array(outside.rows[1]) == [-2, -7])
    #expect(outside.rows[2][0] == 2.001 && outside.rows[2][1] != 3)
    // A knot's derivative is between the least slope and its reciprocal.
    func slopes(_ feature: Int) throws -> (least: Double, largest: Double) {
      let points = (0...4_000).map { index -> [Double] in
        let x = -1.999 + 3.998 * Double(index) / 4_000
        return feature == 0 ? [x, 20] : [20, 3.5 * x]
      }
      let logs = try flow.transform(Rows(points)).ladj
      return (exp(logs.min() ?? 0), exp(logs.max() ?? 0))
    }
    let (first, second) = (try slopes(0), try slopes(1))
    #expect(
      second.largest > 5 * first.largest && second.least < first.least / 5, "\(first) \(second)")
  }

  /// Hours of a day beside a number that depends on them.
  private func day() throws -> Model {
    var model = try NSF(features: 2, transforms: 3, circular: [0], hiddenFeatures: [16], seed: 6)
      .model
    for (name, array) in model.values where name.hasSuffix("weight") && array.isFloat64 == false {
      model.values[name] = HostArray(array.doubles.map { 2 * $0 }, shape: array.shape)
    }
    let rows = (0..<100).map { [Double($0 % 24), 100 + Double($0 % 9)] }
    try model.standardize(Rows(rows))
    try model.setPeriods([0: (period: 24, centre: 12)])
    let units = try #require(model.units)
    #expect(units.centre[0] == 12 && abs(units.centre[1] - 104) < 0.1)
    try model.standardize(Rows(rows))
    #expect(model.units == units)
    return model
  }

  @Test("the density integrates to 1 over a period within 1e-4, repeats with it and has no seam")
  func integral() throws {
    let flow = try day().compiled(Double.self)
    let (hours, numbers) = (
      (0..<480).map { Double($0) / 20 }, (0...2_000).map { 64 + Double($0) / 25 }
    )
    var total = 0.0
    for hour in hours {
      let rows = Rows(numbers.flatMap { [hour, $0] }, columns: 2)
      total += try flow.logProb(rows).reduce(0) { $0 + exp($1) } / 25 / 20
    }
    #expect(abs(total - 1) < 1e-4, "\(total)")
    let here = try flow.logProb(Rows(hours.flatMap { [$0, 101.5] }, columns: 2))
    let later = try flow.logProb(Rows(hours.flatMap { [$0 + 48, 101.5] }, columns: 2))
    #expect(zip(here, later).allSatisfy { abs($0 - $1) < 1e-9 })
    let seam = try flow.logProb([[1e-9, 101.5], [24 - 1e-9, 101.5], [0, 97], [24, 97]])
    #expect(abs(seam[0] - seam[1]) < 1e-6 && abs(seam[2] - seam[3]) < 1e-6)
  }

  @Test("samples are within the period, and the inverse gives rows back")
  func samples() throws {
    let model = try day()
    let flow = try model.compiled(Double.self)
    let draw = try flow.sample(3_000, seed: 2)
    #expect(draw.x.allSatisfy { (0...24).contains($0[0]) })
    let again = try flow.logProb(draw.x)
    let isClose = zip(draw.logProb, again).map { abs($0 - $1) < 1e-6 * (1 + abs($0)) }
    // Numbers within rounding of the circle's seam may land on its other end.
    #expect(isClose.count { !$0 } <= 2)
    let x = Rows(draw.x.values.map { Float($0) }, columns: 2)
    let small = try model.compiled()
    let back = try small.inverse(small.transform(x).rows).rows
    for (one, other) in zip(x, back) {
      let turns = (one[0] - other[0]) / 24
      #expect(abs(turns - turns.rounded()) < 1e-4 && abs(one[1] - other[1]) < 2e-2)
    }
    let text = try #require(model.description?.json.text)
    #expect(try FlowDescription(JSONValue.parse(text.utf8)) == model.description)
    #expect(text.contains(#""circular": [0]"#))
  }

  @Test("features that are not there, and periods of features on no circle, are errors")
  func errors() throws {
    #expect(throws: FlowError.self) { try NSF(features: 2, circular: [2]) }
    #expect(throws: FlowError.self) { try NSF(features: 2, circular: [0, 0]) }
    #expect(throws: FlowError.self) { try NSF(features: 2, bounds: [1]) }
    #expect(throws: FlowError.self) { try NSF(features: 2, slopes: [0.1, 2]) }
    var flow = try NSF(features: 2, circular: [1])
    #expect(throws: FlowError.self) { try flow.setPeriods([0: (period: 1, centre: 0)]) }
    #expect(throws: FlowError.self) { try flow.setPeriods([1: (period: 0, centre: 0)]) }
    let wrong = try JSONValue.parse(#"{"type": "NCSF", "features": 2, "circular": [0]}"#.utf8)
    #expect(throws: FlowError.self) { try Model(FlowDescription(wrong)) }
  }
}
