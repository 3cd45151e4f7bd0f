/// How the centre and the scale of a column are found.
public enum Standardization: String, Sendable, CaseIterable {
  /// The mean and the standard deviation.
  case deviation
  /// The median, and the width between the quartiles in standard deviations of a normal distribution:
  /// a few rows far from the others do not change them.
  case robust
}

/// The centre and the scale of each column of a table: a flow in the data's units begins with
/// `(x - centre) / scale`.
public struct ColumnUnits: Sendable, Hashable {
  /// What is subtracted: the middle of a column, or a number of float32 that is near it, if there is one.
  public var centre: [Double]
  /// What is divided by: positive, and a number of float32.
  public var scale: [Double]

  /// Makes units of one centre and one scale for each column.
  ///
  /// - Precondition: there are as many scales as centres.
  public init(centre: [Double], scale: [Double]) {
    precondition(
      centre.count == scale.count, "\(centre.count) centres and \(scale.count) scales")
    self.centre = centre
    self.scale = scale
  }

  /// Finds the units of a table. A column that is constant has the scale 1.
  ///
  /// - Parameters:
  ///   - values: rows of finite numbers, row-major.
  ///   - columns: how many there are in a row.
  ///   - weights: how much each row counts; nil if all count alike. A row of weight 0 is left out.
  ///   - method: what centre and scale are.
  public init<Scalar: FlowScalar>(
    of values: [Scalar], columns: Int, weights: [Float]? = nil,
    by method: Standardization = .deviation
  ) {
    let rows = columns > 0 ? values.count / columns : 0
    let found = values.withUnsafeBufferPointer { values in
      (0..<columns).map { column in
        let entries = (0..<rows).lazy.map { row in
          ColumnEntry(
            value: Double(values[row * columns + column]), weight: weights?[row] ?? 1)
        }
        var moments = ColumnMoments()
        moments.add(entries)
        return UnitsFinder.unit(
          moments, method == .robust ? entries.filter { $0.weight > 0 } : [])
      }
    }
    self.init(centre: found.map(\.centre), scale: found.map(\.scale))
  }

  /// Whether numbers around a centre need more digits than float32 has: it keeps fewer than 12 bits of a
  /// difference of one scale, or the centre itself is no number of float32.
  public var needFloat64: Bool {
    zip(centre, scale).contains { Self.losesDigits(centre: $0, scale: $1) }
  }

  /// Whether float32 loses digits of differences of one scale from a centre.
  static func losesDigits(centre: Double, scale: Double) -> Bool {
    Double(Float(centre)) != centre || abs(centre) > 4096 * scale
  }

  /// Rows minus the centre, in float64, then rounded to float32: what is far from zero keeps its digits.
  public func centred<Scalar: FlowScalar>(_ values: [Scalar]) -> [Float] {
    guard !centre.isEmpty else { return values.map { Float($0) } }
    return [Float](unsafeUninitializedCapacity: values.count) { target, count in
      values.withUnsafeBufferPointer { values in
        var column = 0
        for index in values.indices {
          target[index] = Float(Double(values[index]) - centre[column])
          column += 1
          if column == centre.count { column = 0 }
        }
      }
      count = values.count
    }
  }
}
