import ArgumentParser
import FlowFiles
import Flows

/// The bounds of features.
struct BoundFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "The lower bound of each feature, such as 0,-inf,1; samples are never below.",
    transform: Self.numbers)
  var lower: [Double]?

  @Option(
    parsing: .unconditional,
    help: "The upper bound of each feature, such as inf,inf,2; samples are never above.",
    transform: Self.numbers)
  var upper: [Double]?

  /// Numbers with commas between them, infinite ones included.
  private static func numbers(_ text: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Double(part.replacing(" ", with: "")), !number.isNaN else {
        throw ValidationError("expected numbers such as 0,-inf,1, found '\(text)'")
      }
      return number
    }
  }

  /// The bounds of a number of features; nil if none were given.
  func bounds(features: Int) throws -> Bounds? {
    guard lower != nil || upper != nil else { return nil }
    let (low, high) = (
      lower ?? Array(repeating: -.infinity, count: features),
      upper ?? Array(repeating: .infinity, count: features)
    )
    for (name, given) in [("--lower", low), ("--upper", high)] where given.count != features {
      throw ValidationError(
        "\(name) has \(given.count) bounds, expected \(features), one for each feature; "
          + "write -inf or inf for none")
    }
    do {
      return try Bounds(lower: low, upper: high)
    } catch {
      throw ValidationError("--lower and --upper: \(error)")
    }
  }

  /// Checks that every number in rows of a table is inside.
  static func check(
    _ chunk: TableChunk, _ bounds: Bounds, of x: TrainingData
  ) throws(FileError) {
    for column in 0..<x.columns {
      let (low, high) = (bounds.lower[column], bounds.upper[column])
      let numbers = chunk.column(column)
      guard let row = numbers.firstIndex(where: { $0 < low || $0 > high }) else { continue }
      let text =
        numbers[row] < low ? "below its lower bound \(low)" : "above its upper bound \(high)"
      throw .badRow(
        path: x.path, row: chunk.first + row + (x.names.isEmpty ? 1 : 2),
        reason: "column \(column + 1) is \(numbers[row]), \(text)")
    }
  }
}
