import FlowIR
import FlowPlot

/// The text of a function with the range of each value on some rows, and with the first places where a
/// NaN, an infinity or a loss of digits appears.
struct ValuesText {
  private let head: [String]
  private let function: Function
  private let notes: [Value: String]

  /// The whole text.
  var text: String { head.joined(separator: "\n") + "\n" + function.text(notes: notes) }

  /// What was found first, then the function's lines with the parts of the model that they come from.
  var lines: [PrintedLine] {
    head.map { PrintedLine($0) } + function.printedLines(notes: notes)
  }

  /// Errors above this share of a value's largest magnitude count as a loss of digits: float32 has 6e-8.
  static let lossOfDigits = 1e-4

  init(_ values: ObservedValues, rows: Int, path: String) {
    var notes: [Value: String] = [:]
    for observation in values.observations { notes[observation.value] = Self.note(observation) }
    let lines = values.function.linesByResult
    func place(_ observation: ObservedValues.Observation) -> String {
      let line = lines[observation.value] ?? observation.opcode.name
      let scope =
        observation.scope.isEmpty || line.contains(" at ") ? "" : " at \"\(observation.scope)\""
      return line + scope
    }
    var head = [
      "// The values on \(rows) \(rows == 1 ? "row" : "rows") of \(path): [smallest, largest] in float64, and the",
      "// largest error of compiled code as a share of the largest magnitude.",
    ]
    let first = [
      ("NaN", values.first { $0.nan != nil }, \ObservedValues.Observation.nan),
      ("infinity", values.first { $0.infinity != nil }, \ObservedValues.Observation.infinity),
    ]
    for (name, observation, row) in first {
      head.append(
        observation.map {
          "// first \(name): row \(($0[keyPath: row] ?? 0) + 1) of \(place($0))"
        } ?? "// no \(name)")
    }
    let lost = values.first { $0.error > Self.lossOfDigits }
    head.append(
      lost.map { "// first loss of digits: \(Self.short($0.error)) in \(place($0))" }
        ?? "// no loss of digits: no error is above \(Self.short(Self.lossOfDigits))")
    (self.head, function, self.notes) = (head, values.function, notes)
  }

  private static func note(_ observation: ObservedValues.Observation) -> String {
    var parts: [String] = []
    if let range = observation.range {
      parts.append("[\(short(range.lowerBound)), \(short(range.upperBound))]")
    }
    if observation.error > 0 { parts.append("error \(short(observation.error))") }
    if let row = observation.nan { parts.append("NaN in row \(row + 1)") }
    if let row = observation.infinity { parts.append("infinity in row \(row + 1)") }
    if observation.error > lossOfDigits { parts.append("digits are lost") }
    return parts.joined(separator: ", ")
  }

  private static func short(_ value: Double) -> String { Summary.short(value) }
}
