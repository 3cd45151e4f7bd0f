import FlowFiles
import FlowPlot
import Flows

extension CheckedModel {
  /// Whether all parameters are finite.
  func weights() -> [Finding] {
    var bad: [String] = []
    var count = 0
    for parameter in model.parameters {
      guard let values = model.values[parameter.name]?.doubles else { continue }
      count += values.count
      let isBound = parameter.initializer.isInfinite
      if !values.allSatisfy({ $0.isFinite || isBound && $0.isInfinite }) {
        bad.append(parameter.name)
      }
    }
    let figures = [("tensors", Double(model.parameters.count)), ("bad_tensors", Double(bad.count))]
    guard let first = bad.first else {
      return [
        Finding(
          "weights", .fine, "all \(count) numbers of \(model.parameters.count) tensors are finite",
          figures: figures)
      ]
    }
    return [
      Finding(
        "weights", .wrong, "\(bad.count) tensors have NaN or infinity, first \(first)",
        advice: "train again with a lower learning rate, or --clip-norm", figures: figures)
    ]
  }

  /// Whether f⁻¹(f(x)) is x, in float32, as a share of each feature's standard deviation.
  func roundTrip() throws -> [Finding] {
    let z: Transformed<Float>
    do {
      z = try flow.transform(sample.x, context: contexts, threads: threads)
    } catch {
      return [Finding("round trip", .skipped, "the flow has no transform: \(error)")]
    }
    let back = try flow.inverse(z.rows, context: contexts, threads: threads)
    let deviations = deviations
    var errors: [Double] = []
    for (feature, pair) in zip(sample.x.numbersByColumn, back.rows.numbersByColumn).enumerated() {
      let scale = deviations[feature] > 0 ? deviations[feature] : 1
      for (x, y) in zip(pair.0, pair.1) where x.isFinite {
        errors.append(y.isFinite ? abs(x - y) / scale : .infinity)
      }
    }
    errors.sort()
    let (usual, far) = (Summary.quantile(errors, 0.5), Summary.quantile(errors, 0.999))
    let text =
      "f⁻¹(f(x)) differs from x by \(Summary.short(usual)) deviations (median), "
      + "\(Summary.short(far)) (999 of 1000)"
    let figures = [("median", usual), ("quantile_999", far)]
    if far < 1e-2 { return [Finding("round trip", .fine, text, figures: figures)] }
    return [
      Finding(
        "round trip", usual < 1e-2 ? .notable : .wrong, text,
        advice:
          "the flow is too steep for float32 in places: use --dtype f64, or train with weight decay",
        figures: figures)
    ]
  }

  /// Whether the log-determinants of both directions are opposite, and that of f is that of differences.
  func determinants() throws -> [Finding] {
    let count = 64
    let (x, c) = (first(count), contexts(count))
    guard let forward = try? exact.transform(x, context: c, threads: threads) else { return [] }
    let backward = try exact.inverse(forward.rows, context: c, threads: threads)
    let sums = zip(forward.ladj, backward.ladj).map { abs($0 + $1) }.sorted()
    let sum = Summary.quantile(sums, 0.9)
    var findings = [
      Finding(
        "log-determinants", sum < 1e-5 ? .fine : sum < 1e-2 ? .notable : .wrong,
        "of f and f⁻¹ add up to \(Summary.short(sum)) (nine of ten rows, float64)",
        advice: "the inverse is not exact where the flow is very steep or flat",
        figures: [("sum", sum)])
    ]
    let features = model.features
    guard features <= 8 else {
      return findings + [
        Finding("differences", .skipped, "log-determinants are compared for 8 features at most")
      ]
    }
    // Central differences, of all rows and features in one call.
    let deviations = deviations
    let rows = x.count
    var moved: [Double] = []
    var conditions: [Double] = []
    for row in 0..<rows {
      for feature in 0..<features {
        for sign in [1.0, -1] {
          var values = Array(x[row])
          values[feature] += sign * 1e-5 * max(deviations[feature], 1e-30)
          moved += values
          if let c { conditions += Array(c[row]) }
        }
      }
    }
    let z = try exact.transform(
      Rows(moved, columns: features),
      context: c.map { Rows(conditions, columns: $0.columns) }, threads: threads
    ).rows
    let errors = (0..<rows).map { row -> Double in
      var matrix = (0..<features).map { feature -> [Double] in
        let place = (row * features + feature) * 2
        let (up, down) = (
          moved[place * features + feature], moved[(place + 1) * features + feature]
        )
        return zip(Array(z[place]), Array(z[place + 1])).map { ($0 - $1) / (up - down) }
      }
      return abs(Self.logDeterminant(&matrix) - forward.ladj[row])
    }.sorted()
    // Where a spline has a knot, or a network a kink, differences on its two sides disagree.
    let usual = Summary.quantile(errors, 0.5)
    findings.append(
      Finding(
        "differences", usual < 1e-4 ? .fine : .wrong,
        "log|det df/dx| differs from that of central differences by \(Summary.short(usual)) (median)",
        advice: "please report this model: the log-determinant may be wrong",
        figures: [("median", usual)]))
    return findings
  }

  /// The first samples in float64.
  private func first(_ count: Int) -> Rows<Double> {
    sample.x.withUnsafeBufferPointer {
      Rows($0.prefix(count * model.features).map { Double($0) }, columns: model.features)
    }
  }

  /// log|det| by elimination with partial pivoting.
  static func logDeterminant(_ matrix: inout [[Double]]) -> Double {
    var sum = 0.0
    for column in matrix.indices {
      guard
        let pivot = (column..<matrix.count).max(by: {
          abs(matrix[$0][column]) < abs(matrix[$1][column])
        }), matrix[pivot][column] != 0
      else { return -.infinity }
      matrix.swapAt(column, pivot)
      sum += Summary.logarithm(abs(matrix[column][column]))
      for row in column + 1..<max(matrix.count, column + 1) {
        let factor = matrix[row][column] / matrix[column][column]
        for k in column..<matrix.count { matrix[row][k] -= factor * matrix[column][k] }
      }
    }
    return sum
  }

  /// The integral of the density, for one or two features and the first context.
  func integral() throws -> [Finding] {
    guard model.features <= 2 else {
      return [
        Finding(
          "integral", .skipped,
          "the density is integrated for 1 or 2 features, not \(model.features)")
      ]
    }
    let c = contexts(1)
    // Samples for the first context alone say where its density is.
    let draw = try exact.sample(Self.drawn, context: c, seed: 1, threads: threads)
    let axes = draw.x.numbersByColumn.map { values in
      let range = Summary.range(values, leavingOut: 0)
      let room = 0.6 * (range.upperBound - range.lowerBound)
      return Grid.points(
        range.lowerBound - room...range.upperBound + room,
        count: model.features == 1 ? 40_001 : 1_001)
    }
    let points =
      model.features == 1
      ? axes[0] : axes[1].flatMap { y in axes[0].flatMap { x in [x, y] } }
    let logProb = try exact.logProb(
      Rows(points, columns: model.features), context: c, threads: threads)
    let cell = axes.reduce(1.0) { $0 * ($1[1] - $1[0]) }
    let sum = cell * logProb.reduce(0) { $0 + ($1.isNaN ? 0 : Summary.exponential($1)) }
    let tolerance = 0.01
    return [
      Finding(
        "integral", abs(sum - 1) < tolerance ? .fine : .notable,
        "the density integrates to \(Summary.short(sum)) around its samples",
        advice: sum < 1
          ? "part of the density lies far from nearly all samples: look at flowir plot"
          : "the density has spikes that are narrower than the grid: look at flowir plot",
        figures: [("integral", sum)])
    ]
  }
}

extension Parameter.Initializer {
  /// Whether a tensor begins with infinities, as bounds do: there they mean that there is no bound.
  fileprivate var isInfinite: Bool {
    if case .values(let values) = self { values.contains { $0.isInfinite } } else { false }
  }
}
