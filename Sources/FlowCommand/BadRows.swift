import FlowFiles

/// The rows whose result is NaN.
struct BadRows {
  /// How many there are.
  private(set) var count = 0
  /// The first of them, as its file counts rows.
  private(set) var first: Int?
  /// The rows with a finite input among them: how many, and the first.
  private(set) var unexpected = 0
  private(set) var firstUnexpected: Int?

  /// Counts a row; `isFinite` says whether its input is.
  mutating func add(_ number: Int, isFinite: Bool) {
    count += 1
    if first == nil { first = number }
    guard isFinite else { return }
    unexpected += 1
    if firstUnexpected == nil { firstUnexpected = number }
  }

  /// The rows of a restricted flow for which no sample was inside: how many, and the first.
  private(set) var withoutSample = 0
  private(set) var firstWithoutSample: Int?

  /// Counts a row for which no sample was inside a box.
  mutating func addWithoutSample(_ number: Int) {
    add(number, isFinite: false)
    withoutSample += 1
    if firstWithoutSample == nil { firstWithoutSample = number }
  }

  /// The members of the JSON summary about them.
  var members: [(String, JSONValue)] {
    [("invalid_rows", .integer(count))]
      + (first.map { [("first_invalid_row", .integer($0))] } ?? [])
  }

  /// The words about them in the summary for people.
  var text: String {
    guard let first else { return "" }
    return count == 1
      ? "; row \(first) is NaN" : "; \(count) rows are NaN, the first is row \(first)"
  }

  /// A warning about rows whose result is NaN although their input is finite.
  func warning(path: String) -> String? {
    firstUnexpected.map {
      "\(path): row \($0): its numbers are finite, but its result is NaN"
        + (unexpected > 1 ? " (\(unexpected) such rows)" : "")
    }
  }
}
