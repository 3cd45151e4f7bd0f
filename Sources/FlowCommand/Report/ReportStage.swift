import FlowFiles
import FlowIR
import FlowPasses

/// The text of a function at a stage, with the lines that changed since the stage before.
struct ReportStage {
  let name: String
  /// What made it, in a sentence.
  let summary: String
  let lines: [PrintedLine]
  /// The lines of the stage before that are gone, by number.
  let removed: [Int]
  /// The lines that are new, by number.
  let added: [Int]

  init(name: String, summary: String, lines: [PrintedLine], after previous: ReportStage? = nil) {
    self.name = name
    self.summary = summary
    self.lines = lines
    guard let previous else {
      (removed, added) = ([], [])
      return
    }
    let difference = Self.keys(lines).difference(from: Self.keys(previous.lines))
    func offsets(_ changes: [CollectionDifference<String>.Change]) -> [Int] {
      changes.map { change in
        switch change {
        case .insert(let offset, _, _), .remove(let offset, _, _): offset
        }
      }
    }
    (removed, added) = (offsets(difference.removals), offsets(difference.insertions))
  }

  /// What lines are compared by: their text without the numbers of values, which all change where one
  /// operation comes or goes, and without the scope, which is printed where it changes.
  static func keys(_ lines: [PrintedLine]) -> [String] {
    lines.map { line in
      var key = ""
      var isNumber = false
      for character in line.text {
        if isNumber, character.isNumber { continue }
        isNumber = character == "%" || character == "@"
        key.append(character)
      }
      let printed = " at \"\(line.scope.path)\""
      return key.hasSuffix(printed) ? String(key.dropLast(printed.count)) : key
    }
  }

  /// The trace of a function and what each pass made of it, and the function after all of them.
  ///
  /// - Throws: `TypeError` if a pass is wrong for the function.
  static func passes(_ passes: [Pass], on function: Function) throws -> (
    stages: [ReportStage], optimized: Function
  ) {
    var stages = [
      ReportStage(
        name: "trace", summary: "the function as it was recorded", lines: function.printedLines())
    ]
    let optimized = try Pipeline.run(passes, on: function) { pass, result in
      stages.append(
        ReportStage(
          name: pass.name, summary: pass.summary, lines: result.printedLines(), after: stages.last))
    }
    return (stages, optimized)
  }
}

/// Strings by number, each stored once.
final class StringTable {
  private var numbers: [String: Int] = [:]
  private(set) var strings: [String] = []

  /// The longest text of a line that is kept whole, in characters: lists of indices have thousands.
  static let longestLine = 600

  func number(_ text: String) -> Int {
    if let known = numbers[text] { return known }
    numbers[text] = strings.count
    strings.append(text)
    return strings.count - 1
  }

  /// Lines as the numbers of their texts and of their scopes.
  func json(_ lines: [PrintedLine]) -> JSONValue {
    .object([
      .init("text", .array(lines.map { .integer(number(Self.short($0.text))) })),
      .init("scope", .array(lines.map { .integer(number($0.scope.path)) })),
    ])
  }

  private static func short(_ text: String) -> String {
    guard text.count > longestLine else { return text }
    let half = longestLine / 2
    return "\(text.prefix(half)) … \(text.suffix(half))"
  }
}
